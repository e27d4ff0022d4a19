//! Looks for what no record names: replicas that a lost catalog or a failed removal has left, and empty folders.
//! Without its record a replica cannot be proved, so it is set aside; its owner sends the file again if it is to be
//! here.

use crate::event::Event;
use crate::node::context::Shared;
use crate::platform::Platform;
use crate::store::layout::BlobId;
use crate::store::{StorageError, Strays};

/// Sets replicas without a record aside, and removes empty folders. Returns how many could not be looked at.
pub(super) async fn set_aside<P: Platform>(context: &Shared<P>) -> u64 {
    let mut strays = Strays::default();
    let (mut found, mut failed) = (0, 0);
    loop {
        let (rest, blobs) = context
            .blocking(move |store| {
                let blobs = store.next_strays(&mut strays);
                (strays, blobs)
            })
            .await;
        strays = rest;
        match blobs {
            Ok(Some(blobs)) => {
                for blob in blobs {
                    match one(context, blob).await {
                        Ok(is_stray) => found += u64::from(is_stray),
                        Err(_) => failed += 1,
                    }
                }
            }
            Ok(None) => break,
            Err(_) => {
                failed += 1;
                break;
            }
        }
    }
    if found > 0 {
        context.tell(&Event::StraysSetAside { replicas: found });
    }
    failed
}

/// Decides about one blob that had no record. Nobody changes it meanwhile, so it is asked for its record once more.
async fn one<P: Platform>(context: &Shared<P>, blob: BlobId) -> Result<bool, StorageError> {
    let _locked = context.locks.lock(blob).await;
    context
        .with_keys(move |store, keys| {
            store.settle(keys, &blob)?;
            if store.is_stray(&blob)? { store.keep_aside(&blob) } else { Ok(false) }
        })
        .await
}
