//! Commands about many files: a folder that is stored, one that is written, keys that are deleted. Each compares what
//! is here with what the node has, and then works on many files at a time.

mod changes;
mod data_directory;
mod excluded;
mod fetch;
mod get;
mod gone;
mod known;
mod leftovers;
mod listing;
mod place;
mod pool;
mod put;
mod remove;
mod steps;
mod tally;
mod unnamed;
mod upload;
mod walk;
mod watch;

pub(super) use get::get;
pub(super) use listing::{each_page, prefix};
pub(super) use put::put;
pub(super) use remove::remove;
pub(super) use watch::watch;
