//! Gives a replica back to its owner.

use super::refuse::{Refused, unexpected};
use super::set_aside::set_aside;
use crate::crypto::{NodeId, ReplicaName, Seal, Tombstone};
use crate::disk::Disk;
use crate::event::Event;
use crate::limits::EAGER_BYTES_MAX;
use crate::node::connection::Connection;
use crate::node::context::{Shared, Stream};
use crate::node::transfer::{self, SendError};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal, WireError};
use crate::store::layout::BlobId;
use crate::store::{BlobReader, Known, Store};

/// What there is to give to an owner that asks.
enum Answer<F> {
    Nothing,
    Gone(Tombstone),
    Refused(Refused),
    /// A small replica, read and verified.
    Small(Seal, Vec<u8>),
    Large(Seal, BlobReader<F>),
}

/// Gives a replica back to its owner.
pub(super) async fn give<P: Platform>(
    context: &Shared<P>,
    connection: &mut Connection<Stream<P>>,
    owner: NodeId,
    replica_name: ReplicaName,
) -> Result<(), WireError> {
    if owner != connection.peer {
        return connection.send(&context.refuse(connection.peer, Refusal::NotOwner)).await;
    }
    let blob = BlobId::Held(owner, replica_name);
    // Between the commit and the rename of a newer version, the catalog has its record, and its bytes are not in place.
    let locked = context.locks.lock(blob).await;
    let looked_up = context.with_keys(move |store, keys| {
        // If this fails, the look at the replica tells what is there.
        drop(store.settle(keys, &blob));
        look_up(store, owner, replica_name)
    });
    let answer = looked_up.await;
    if let Answer::Refused(Refused::Rule(Refusal::Rotten)) = answer {
        set_aside(context, owner, replica_name).await;
    }
    drop(locked);
    let sealed_bytes = match answer {
        Answer::Nothing => return connection.send(&Message::NotFound).await,
        Answer::Gone(tombstone) => return connection.send(&Message::Gone(tombstone)).await,
        Answer::Refused(refused) => return connection.send(&context.refuse(owner, refused)).await,
        Answer::Small(seal, bytes) => {
            connection.queue(&Message::Found(seal)).await?;
            connection.queue_stream_header(bytes.len() as u64).await?;
            connection.queue_bytes(&bytes).await?;
            bytes.len() as u64
        }
        Answer::Large(seal, blob) => {
            let len = seal.sealed_bytes();
            connection.send(&Message::Found(seal)).await?;
            match connection.receive().await {
                Ok(Message::Proceed) => {}
                // The owner has taken another peer's copy.
                Err(WireError::Closed) => return Ok(()),
                other => return Err(unexpected("proceed", other)),
            }
            connection.queue_stream_header(len).await?;
            match transfer::send(context, blob, len, |_| (), connection).await {
                Ok(()) => {}
                Err(SendError::Wire(error)) => return Err(error),
                Err(SendError::Disk(error)) => return Err(WireError::Io(std::io::Error::other(error))),
                Err(SendError::Short) => return Err(WireError::Io(std::io::ErrorKind::UnexpectedEof.into())),
            }
            len
        }
    };
    connection.flush().await?;
    context.tell(&Event::ReplicaServed { owner, replica: replica_name, bytes: sealed_bytes });
    Ok(())
}

fn look_up<D: Disk>(store: &Store<D>, owner: NodeId, replica_name: ReplicaName) -> Answer<D::File> {
    let record = match store.held(owner, replica_name) {
        Ok(Some(Known::File(record))) => record,
        Ok(Some(Known::Deleted(tombstone))) => return Answer::Gone(tombstone),
        Ok(None) => return Answer::Nothing,
        Err(error) => return Answer::Refused(error.into()),
    };
    let mut blob = match store.read_blob(&BlobId::Held(owner, replica_name)) {
        Ok(Some(blob)) if blob.len() == record.seal.sealed_bytes() => blob,
        Ok(_) => return Answer::Refused(Refusal::Rotten.into()),
        Err(error) => return Answer::Refused(error.into()),
    };
    if record.seal.size > EAGER_BYTES_MAX {
        return Answer::Large(record.seal, blob);
    }
    let mut bytes = vec![0; usize::try_from(blob.len()).expect("a small replica fits the memory")];
    match blob.read(&mut bytes) {
        Ok(_) if blake3::hash(&bytes) == blake3::Hash::from_bytes(record.seal.digest.0) => {
            Answer::Small(record.seal, bytes)
        }
        Ok(_) => Answer::Refused(Refusal::Rotten.into()),
        Err(error) => Answer::Refused(error.into()),
    }
}
