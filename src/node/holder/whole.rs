//! Compares a large replica with its seal, a part for each question, so that an answer never takes long.

use super::check::check;
use super::set_aside::set_aside;
use super::verify;
use crate::crypto::{NodeId, ReplicaName};
use crate::disk::Disk;
use crate::limits::CHECK_BYTES_MAX;
use crate::node::context::Shared;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::store::layout::BlobId;
use crate::store::{Comparison, HeldRecord, Known, StorageError};

/// A comparison that goes on with the next question on its connection.
pub(super) struct Begun<F> {
    replica_name: ReplicaName,
    opened: HeldRecord,
    comparison: Comparison<F>,
}

type BegunOn<P> = Begun<<<P as Platform>::Disk as Disk>::File>;

/// Compares the next part of a replica, or the whole of a small one. A damaged replica is set aside and no longer held.
pub(super) async fn verify<P: Platform>(
    context: &Shared<P>,
    owner: NodeId,
    replica_name: ReplicaName,
    begun: &mut Option<BegunOn<P>>,
) -> Message {
    let going_on = match begun.take().filter(|begun| begun.replica_name == replica_name) {
        Some(going_on) => going_on,
        None => match begin(context, owner, replica_name).await {
            Ok(begun) => begun,
            Err(answer) => return answer,
        },
    };
    let Begun { opened, mut comparison, .. } = going_on;
    let read = context.blocking(move |_| comparison.go_on(CHECK_BYTES_MAX).map(|found| (found, comparison)));
    match read.await {
        Ok((None, comparison)) => {
            *begun = Some(Begun { replica_name, opened, comparison });
            Message::Verifying
        }
        Ok((Some(is_good), _)) => finish(context, owner, replica_name, &opened, is_good).await,
        Err(error) => context.refuse(owner, error),
    }
}

/// Begins to compare a large replica. What is to be said of any other is the error.
async fn begin<P: Platform>(
    context: &Shared<P>,
    owner: NodeId,
    replica_name: ReplicaName,
) -> Result<BegunOn<P>, Message> {
    let answer = check(context, owner, replica_name).await;
    let seal = match &answer {
        Message::Checked { seal, .. } if seal.size > CHECK_BYTES_MAX => seal.clone(),
        _ => return Err(answer),
    };
    let blob = BlobId::Held(owner, replica_name);
    let opened = context.blocking(move |store| match store.held(owner, replica_name)? {
        Some(Known::File(record)) => {
            Ok(store.compare(&blob, &record)?.map(|comparison| Begun { replica_name, opened: record, comparison }))
        }
        _ => Ok(None),
    });
    let opened: Result<_, StorageError> = opened.await;
    match opened {
        Ok(Some(begun)) if begun.opened.seal == seal => Ok(begun),
        // It has been replaced or removed since the check.
        Ok(_) => Err(Message::Verifying),
        Err(error) => Err(context.refuse(owner, error)),
    }
}

/// Says what a comparison has found of a replica, if that is still the one that is held.
async fn finish<P: Platform>(
    context: &Shared<P>,
    owner: NodeId,
    replica_name: ReplicaName,
    opened: &HeldRecord,
    is_good: bool,
) -> Message {
    let locked = context.locks.lock(BlobId::Held(owner, replica_name)).await;
    match verify::is_still(context, owner, replica_name, opened).await {
        Ok(true) if is_good => verify::note(context, owner, replica_name, opened.seal.version).await,
        Ok(true) => {
            set_aside(context, owner, replica_name).await;
            return Message::Refused(Refusal::Rotten);
        }
        // It is gone, or another one has taken its place, of which nothing is known yet.
        Ok(false) => return Message::Verifying,
        Err(error) => return context.refuse(owner, error),
    }
    drop(locked);
    // The note that was just made is what this says.
    check(context, owner, replica_name).await
}
