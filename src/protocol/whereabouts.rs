//! What two connected nodes say to each other of where third ones are.

use serde::{Deserialize, Serialize};

use super::bounded::bounded;
use crate::crypto::NodeId;
use crate::limits::SOUGHT_MAX;
use crate::transport::Address;

/// The part of a heartbeat, and of its answer, by which members that have moved are found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// Peers of this side that are away.
    #[serde(deserialize_with = "bounded::<_, _, SOUGHT_MAX>")]
    pub sought: Vec<NodeId>,
    /// Where those are dialled that the other side has asked for and that are connected with this side. Nobody has to
    /// believe it: whoever answers there proves who it is.
    #[serde(deserialize_with = "bounded::<_, _, SOUGHT_MAX>")]
    pub found: Vec<(NodeId, Address)>,
}
