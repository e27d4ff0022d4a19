//! The file store as a subject of the harness: the whole, unchanged node on each host, the calls of its owners, the
//! oracles of its promises, and the bugs and lies that the oracles must catch. The harness outside names nothing in
//! here.

pub mod about;
pub mod bug;
pub mod call;
pub mod clients;
pub mod contents;
mod conversion;
pub mod files;
pub mod history;
mod host;
mod http;
mod ivs;
pub mod liar;
mod listing;
pub mod many;
pub mod options;
pub mod oracle;
mod patience;
mod perform;
mod placed;
pub mod planted;
pub mod quotas;
mod reached;
mod recovery;
pub mod scripted_peer;
pub mod settings;
mod settle;
mod sources;
pub mod status;
mod subject;
mod told;
pub mod walkthrough;

pub use bug::Bug;
pub use files::Files;
