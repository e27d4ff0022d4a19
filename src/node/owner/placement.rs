//! Tells which peers are to hold a file of this node.

use std::rc::Rc;

use crate::crypto::ReplicaName;
use crate::node::context::{Context, Stream};
use crate::node::peers::peer::Peer;
use crate::platform::Platform;
use crate::replication::{Placement, Replicas};

/// Returns the connected peers that a new version of a file goes to.
pub(super) fn holders_of<P: Platform>(context: &Context<P>, replica_name: ReplicaName) -> Vec<Rc<Peer<Stream<P>>>> {
    let connected = context.peers.connected();
    match context.owner.replicas {
        Replicas::All => connected,
        Replicas::Count(count) => {
            let placement = Placement::new(connected.iter().map(|peer| peer.id), count);
            connected.into_iter().filter(|peer| placement.has(replica_name, peer.id)).collect()
        }
    }
}

/// Returns which peers are to hold which files in the long run, or `None` if all peers are to hold all files. Peers
/// that were lost a short time ago still count, so that a peer that starts again moves nothing.
pub(super) fn long_run<P: Platform>(context: &Context<P>) -> Option<Placement> {
    match context.owner.replicas {
        Replicas::All => None,
        Replicas::Count(count) => Some(Placement::new(context.peers.placement_candidates(), count)),
    }
}
