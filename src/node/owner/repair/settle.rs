//! Settles which of two versions counts if a peer has another one under the number of ours: its record has rotted, or
//! this node's data directory was put back from an older copy and gave the number away twice.

use std::rc::Rc;

use super::error::{RepairError, other_answer};
use super::{learn, mend};
use crate::crypto::{Keys, ReplicaName, Version};
use crate::node::context::{Shared, Stream};
use crate::node::owner::rollback;
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::question;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::replication::Entry;

/// Asks the peer for its proof. Without one, its version gives way to ours; with one, ours gets a new number. A version
/// of the peer's that is newer meanwhile is learnt.
pub(super) async fn settle<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    ours: &Entry,
) -> Result<(), RepairError> {
    let replica_name = ours.replica_name;
    let answer = question(context, peer, &Message::CheckFile { replica_name }).await?;
    match answer {
        Message::NotFound | Message::Refused(Refusal::Rotten) => {}
        Message::Checked { .. } | Message::Gone(_) => match proof(&context.keys, replica_name, &answer) {
            (met, true) if met.version > ours.version => {
                return learn::learn_from(context, peer, replica_name, answer).await;
            }
            (met, true) if met.version == ours.version => renew(context, met).await?,
            (_, true) => {}
            // Without proof it is dropped.
            (met, false) => mend::drop_held(context, peer, &met).await?,
        },
        other => return Err(other_answer("a check", other)),
    }
    mend::send(context, peer, ours).await
}

/// Returns what a peer has by its answer to a check, and whether this node made it.
fn proof(keys: &Keys, replica_name: ReplicaName, answer: &Message) -> (Entry, bool) {
    match answer {
        Message::Checked { seal, .. } => (Entry::file(replica_name, seal), seal.is_authentic(keys, replica_name)),
        Message::Gone(tombstone) => {
            (Entry::deleted(replica_name, tombstone.version), tombstone.is_authentic(keys, replica_name))
        }
        _ => (Entry::deleted(replica_name, Version(0)), false),
    }
}

/// Gives our version a number above the one that two lives of this directory have given away.
async fn renew<P: Platform>(context: &Shared<P>, met: Entry) -> Result<(), RepairError> {
    let _locked = context.lock_named(met.replica_name).await?;
    rollback::note(context, met.version);
    rollback::renew(context, met).await?;
    Ok(())
}
