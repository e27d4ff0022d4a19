//! A deterministic simulation for systems of several hosts: the unchanged program of each host on a simulated network
//! and disk, under faults, replayed from one seed.
//!
//! # Start here
//!
//! A [`subject::Subject`] tells the harness what it has to know of a system: the program of a host, the calls of its
//! clients, and what must hold. [`cli::main`] makes a program of it that sweeps seeds, replays and shrinks plans, and
//! proves that runs replay; [`check::check`] is for tests. A subject that counts its starts, and promises that no power
//! loss takes one back:
//!
//! ```
//! use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc};
//!
//! use dacapo::disk::{Disk, DiskFile, DiskPath};
//! use dacapo::seed::SeedRng;
//! use dacapo_sim::check::check;
//! use dacapo_sim::host::Host;
//! use dacapo_sim::subject::{Boot, Broken, Ended, Scene, Subject};
//! use proptest::prelude::{BoxedStrategy, Just, Strategy};
//!
//! /// The program. It knows nothing of the simulation.
//! fn keep(disk: &impl Disk, number: u64) -> io::Result<()> {
//!     let path = DiskPath::root().child("starts");
//!     let file = disk.open(&path).or_else(|_| disk.create(&path))?;
//!     file.write_at(0, &number.to_le_bytes())?;
//!     file.sync()?; // Without this line the check finds a plan that breaks the promise.
//!     disk.sync_dir(&DiskPath::root())
//! }
//!
//! #[derive(Clone)]
//! struct Starts;
//!
//! impl Subject for Starts {
//!     type Call = u8;
//!     type Event = String;
//!     /// The starts that a host has acknowledged.
//!     type Clients = Rc<RefCell<BTreeMap<Host, u64>>>;
//!
//!     fn calls(&self, _swarm: &mut SeedRng, _nodes: usize) -> BoxedStrategy<u8> {
//!         Just(0).boxed()
//!     }
//!
//!     async fn boot(self, boot: Boot<Self>) -> Ended {
//!         if let Err(error) = keep(&boot.disk, boot.number) {
//!             return Ended::Failed(error.to_string());
//!         }
//!         boot.scene.clients.borrow_mut().insert(boot.host, boot.number);
//!         std::future::pending().await
//!     }
//!
//!     async fn call(self, scene: Scene<Self>, on: Host, _number: usize, _call: u8) -> Option<String> {
//!         let acknowledged = scene.clients.borrow().get(&on).copied();
//!         let bytes = scene.disks[on].read("starts");
//!         let kept = bytes.and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
//!         if kept < acknowledged {
//!             scene.note_broken(Broken::new("durable", format!("n{on} has {kept:?} of {acknowledged:?}")));
//!         }
//!         Some(format!("{kept:?}"))
//!     }
//! }
//!
//! let checked = check(&Starts, 0..50);
//! assert!(checked.found.is_none(), "{checked}");
//! ```
//!
//! # Where to go on
//!
//! `examples/register.rs` is a subject whose hosts talk to each other, with a bug that breaks its promise. The file
//! store is another one, in `store`, if the feature `store` is on. `docs/SIMULATION.md` has the fault model, the words
//! of plans, the oracles, and how to get from a seed to a fix.

#![forbid(unsafe_code)]

pub mod artefacts;
mod cause;
pub mod check;
pub mod cli;
pub mod crash;
pub mod disk;
pub mod draw;
pub mod export;
pub mod fault;
pub mod film;
pub mod host;
pub mod links;
pub mod mailboxes;
mod named;
mod network;
pub mod oracle;
pub mod pairs;
mod parallel;
pub mod plan;
pub mod platform;
pub mod report;
pub mod run;
pub mod search;
pub mod shrink;
#[cfg(feature = "store")]
pub mod store;
pub mod subject;
pub mod summary;
pub mod sweep;
pub mod trace;
pub mod transport;
pub mod twice;
pub mod words;
