//! Tells an owner whether this node holds a good replica of a file.

use super::set_aside::set_aside;
use super::verify;
use crate::crypto::{IV_BYTES, Iv, NodeId, ReplicaName, Tombstone};
use crate::disk::Disk;
use crate::limits::CHECK_BYTES_MAX;
use crate::node::context::Shared;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::store::layout::BlobId;
use crate::store::{HeldRecord, Known, StorageError, Store};

/// What a look at a replica found.
enum Condition {
    Nothing,
    Gone(Tombstone),
    Good(HeldRecord, Iv),
    Rotten,
}

/// Answers whether there is a good replica. A damaged replica is set aside and no longer held.
pub(super) async fn check<P: Platform>(context: &Shared<P>, owner: NodeId, replica_name: ReplicaName) -> Message {
    let blob = BlobId::Held(owner, replica_name);
    let _locked = context.locks.lock(blob).await;
    let condition = context.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        look_at(store, owner, replica_name)
    });
    let mut record = match condition.await {
        Ok(Condition::Nothing) => return Message::NotFound,
        Ok(Condition::Gone(tombstone)) => return Message::Gone(tombstone),
        Ok(Condition::Good(record, iv)) => (record, iv),
        Ok(Condition::Rotten) => {
            set_aside(context, owner, replica_name).await;
            return Message::Refused(Refusal::Rotten);
        }
        Err(error) => return context.refuse(owner, error),
    };
    let version = record.0.seal.version;
    if record.0.seal.size <= CHECK_BYTES_MAX {
        record.0.verified = context.platform.now();
        verify::note(context, owner, replica_name, version).await;
    } else if let Some(since) = context.holder.verified.since(owner, replica_name, version) {
        record.0.verified = record.0.verified.max(since);
    }
    let (HeldRecord { seal, verified, .. }, iv) = record;
    Message::Checked { seal, iv, verified }
}

/// Compares a replica with its seal, or only its length if the replica is large.
fn look_at<D: Disk>(store: &Store<D>, owner: NodeId, replica_name: ReplicaName) -> Result<Condition, StorageError> {
    let record = match store.held(owner, replica_name)? {
        None => return Ok(Condition::Nothing),
        Some(Known::Deleted(tombstone)) => return Ok(Condition::Gone(tombstone)),
        Some(Known::File(record)) => record,
    };
    let blob = BlobId::Held(owner, replica_name);
    let Some(mut reader) = store.read_blob(&blob)? else { return Ok(Condition::Rotten) };
    let mut iv = Iv([0; IV_BYTES]);
    let is_good = reader.len() == record.seal.sealed_bytes()
        && reader.read(&mut iv.0)? == IV_BYTES
        && (record.seal.size > CHECK_BYTES_MAX || store.is_good(&blob, &record)?);
    Ok(if is_good { Condition::Good(record, iv) } else { Condition::Rotten })
}
