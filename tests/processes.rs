//! The program as people run it: real processes on the loopback, real signals, real directories. Every wait has
//! a deadline, and every process that a test starts ends with it.

#[path = "processes/clusters.rs"]
mod clusters;
#[path = "processes/commands.rs"]
mod commands;
#[path = "processes/endings.rs"]
mod endings;
#[path = "support/processes.rs"]
mod harness;
#[path = "processes/recovery.rs"]
mod recovery;
#[path = "processes/refusals.rs"]
mod refusals;
#[path = "processes/setups.rs"]
mod setups;
