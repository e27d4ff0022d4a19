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
use crate::store::layout::BlobId;

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
                return learn::learn_from(context, peer, replica_name, answer).await.map(drop);
            }
            (met, true) if met.version == ours.version => renew(context, met).await?,
            (_, true) => {}
            (met, false) => release(context, peer, replica_name, met.version).await?,
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
    let key = context.blocking(move |store| store.key_of(met.replica_name)).await?;
    let _locked = match key {
        Some(key) => Some(context.locks.lock(BlobId::Own(key.file_name())).await),
        None => None,
    };
    rollback::note(context, met.version);
    rollback::renew(context, met).await?;
    Ok(())
}

/// Has the peer drop what it has under a version without proof.
async fn release<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    version: Version,
) -> Result<(), RepairError> {
    match question(context, peer, &Message::ReleaseFile { replica_name, version }).await? {
        Message::Released => Ok(()),
        other => Err(other_answer("a release", other)),
    }
}
