//! What a node does with its own files: it stores, gets, lists and deletes them, and repairs their replicas at the
//! peers. This side never answers a peer, so it does not name the holder's side.

pub(super) mod delete;
pub(super) mod get;
pub(super) mod holders;
pub(super) mod list;
pub(super) mod local_copy;
pub(super) mod placement;
pub(super) mod repair;
pub(super) mod rollback;
pub(super) mod store;
