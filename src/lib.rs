//! Dacapo keeps files on machines that need not be trusted: a node holds its own files in plaintext, every
//! connected peer holds an encrypted copy, and a file that is gone here comes back from there.
//!
//! [`node::Node`] runs over a [`platform::Platform`]: a transport, a disk and the time of day, real or simulated.
//! The same code serves both; `dacapo-sim` replays whole clusters from one seed. `docs/ARCHITECTURE.md` maps the
//! folders.

#![forbid(unsafe_code)]

#[cfg(feature = "node")]
pub mod crypto;
pub mod disk;
#[cfg(all(test, feature = "node"))]
mod error_messages;
#[cfg(feature = "node")]
pub mod event;
pub mod limits;
#[cfg(feature = "node")]
pub mod membership;
#[cfg(feature = "node")]
pub mod node;
pub mod platform;
#[cfg(feature = "node")]
pub mod protocol;
#[cfg(feature = "node")]
pub mod replication;
pub mod seed;
#[cfg(feature = "node")]
pub mod store;
pub mod time;
pub mod transport;
