//! The file store as a subject of the harness: the whole, unchanged node on each host, the calls of its owners, the
//! oracles of its promises, and the bugs and lies that the oracles must catch. The harness outside names nothing in
//! here.

pub mod bug;
pub mod call;
pub mod clients;
pub mod contents;
mod conversion;
pub mod files;
pub mod history;
mod host;
pub mod liar;
mod listing;
pub mod options;
pub mod oracle;
mod perform;
pub mod planted;
mod reached;
pub mod scripted_peer;
mod settle;
mod subject;
pub mod walkthrough;

pub use bug::Bug;
pub use files::Files;
