//! The program as people run it: real processes on the loopback, real signals, real directories. Every wait has a
//! deadline, and every process that a test starts ends with the test. `tests/README.md` says which test bed serves
//! what.

#[path = "../support/for_processes.rs"]
mod support;

// What the commands do, refuse and print.
mod commands;
mod folders;
mod help;
mod http;
mod outputs;
mod puts;
mod refusals;
mod setups;

// How nodes enter a cluster, leave it, end, come back, and do without a log.
mod clusters;
mod endings;
mod kept;
mod logs;
mod machine;
mod newcomer;
mod recovery;
mod rotation;

// What the commands say while something is broken.
mod fault_table;
