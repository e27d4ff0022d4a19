//! The deterministic simulation of Dacapo: the whole, unchanged node on a turmoil network and a simulated disk,
//! replayed from one seed.

#![forbid(unsafe_code)]

pub mod check;
pub mod disk;
pub mod fault;
pub mod files;
pub mod links;
mod named;
pub mod oracle;
pub mod plan;
pub mod planted;
pub mod platform;
pub mod programs;
pub mod report;
pub mod run;
pub mod shrink;
pub mod star;
pub mod subject;
pub mod sweep;
pub mod trace;
pub mod transport;
pub mod twice;
pub mod walkthrough;
pub mod world;
