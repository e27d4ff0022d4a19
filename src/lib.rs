//! Dacapo keeps files on machines that need not be trusted: a node holds its own files in plaintext, every
//! connected peer holds an encrypted copy, and a file that is gone here comes back from there.
//!
//! # Start here
//!
//! A [`node::Node`] runs on a [`platform::Platform`]: a transport, a disk and the time of day, real or simulated. Its
//! [`node::Handle`] stores, gets, lists and deletes files; `Ok` from a store means that the file is durable. The node
//! is a set of local tasks, so start it on a tokio `LocalSet`. `examples/embed.rs` is a whole program.
//!
//! ```no_run
//! # #[cfg(feature = "node")]
//! # mod with_the_node {
//! use std::error::Error;
//! use std::path::Path;
//!
//! use dacapo::crypto::{ClusterSecret, Key};
//! use dacapo::disk::dir::DirDisk;
//! use dacapo::node::{Config, Content, Node};
//! use dacapo::platform::machine::Machine;
//! use dacapo::seed::Seed;
//!
//! /// Keeps a report here and on the peer. No two starts of a node may have the same seed.
//! async fn keep(report: Vec<u8>, cluster: ClusterSecret, seed: Seed) -> Result<(), Box<dyn Error>> {
//!     let mut config = Config::new(":3000".parse()?, cluster, seed);
//!     config.peers.push("other.example:3000".parse()?);
//!     let node = Node::start(Machine::new(DirDisk::open(Path::new("data"))?), config).await?;
//!
//!     let key: Key = "reports/today".parse()?;
//!     let stored = node.handle().store(&key, Content::bytes(report)).await?;
//!     println!("durable here, and at {} peers", stored.replicas());
//!
//!     node.handle().stop().await;
//!     Ok(node.stopped().await?)
//! }
//! # }
//! ```
//!
//! # Where to go on
//!
//! The library without the feature `node` is the seams alone ([`disk`], [`transport`], [`platform`], [`seed`],
//! [`time`]): what a system of your own needs to run under `dacapo-sim`, which replays whole clusters from one seed.
//! `docs/ARCHITECTURE.md` maps the folders, `docs/DURABILITY.md` says what is promised, and `docs/COMPATIBILITY.md`
//! says what may change.

#![forbid(unsafe_code)]

#[cfg(feature = "node")]
pub mod crypto;
pub mod disk;
#[cfg(all(test, feature = "node"))]
mod error_messages;
#[cfg(feature = "node")]
pub mod event;
#[cfg(feature = "node")]
pub mod folder;
#[cfg(feature = "http")]
pub mod http;
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
#[cfg(feature = "http")]
pub mod view;
