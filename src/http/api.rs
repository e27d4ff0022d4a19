//! What all that answers requests shares.

use super::feed::Feed;
use super::gate::Gate;
use crate::node::Handle;
use crate::time::UnixMillis;

/// What is served: a node, what is told about it, and who may ask.
#[derive(Clone)]
pub struct Api {
    /// The node.
    pub handle: Handle,
    /// Its events.
    pub feed: Feed,
    /// Who may ask.
    pub gate: Gate,
    /// Tells the time of day.
    pub now: fn() -> UnixMillis,
}
