//! A deterministic simulation for systems of several hosts: the unchanged program of each host on a simulated network
//! and disk, under faults, replayed from one seed.
//!
//! The harness knows of a system what [`subject::Subject`] says. The file store is one subject, in `store`, if the
//! feature `store` is on; `examples/register.rs` is another one.

#![forbid(unsafe_code)]

pub mod check;
pub mod cli;
pub mod disk;
pub mod fault;
pub mod host;
pub mod links;
pub mod mailboxes;
mod named;
mod network;
pub mod oracle;
pub mod plan;
pub mod platform;
pub mod report;
pub mod run;
pub mod shrink;
#[cfg(feature = "store")]
pub mod store;
pub mod subject;
pub mod sweep;
pub mod trace;
pub mod transport;
pub mod twice;
pub mod words;
