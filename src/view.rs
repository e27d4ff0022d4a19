//! What is shown of a node, to people and to scripts: answers that several calls give together, sentences about what
//! needs attention, numbers and times in words, and forms in JSON. The command line and HTTP show the same.

pub mod attention;
mod holder;
pub mod json;
mod peers;
pub mod show;

pub use holder::{HolderJson, HolderRow};
pub use peers::{KnownPeers, PeerCounts, away, holders};
