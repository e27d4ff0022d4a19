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
    let (mut replicas, mut staying, mut failed) = (0, 0, 0);
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
                        Ok(Some(true)) => replicas += 1,
                        Ok(Some(false)) => staying += 1,
                        Ok(None) => {}
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
    if replicas + staying > 0 {
        context.tell(&Event::StraysSetAside { replicas, staying });
    }
    failed
}

/// Decides about one blob that had no record. Nobody changes it meanwhile, so it is asked for its record once more.
/// Returns whether it was set aside, or `None` if it has a record.
async fn one<P: Platform>(context: &Shared<P>, blob: BlobId) -> Result<Option<bool>, StorageError> {
    let _locked = context.locks.lock(blob).await;
    context
        .with_keys(move |store, keys| {
            store.settle(keys, &blob)?;
            if store.is_stray(&blob)? { store.keep_aside(&blob).map(Some) } else { Ok(None) }
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{NodeId, ReplicaName, Version};
    use crate::limits::STRAYS_ASIDE_MAX;
    use crate::node::tests::{Idle, run};
    use crate::store::tests::write;

    #[test]
    fn it_is_told_how_many_strays_were_set_aside_and_how_many_stay() {
        run(async {
            let node = Idle::new();
            assert_eq!((set_aside(&node.context).await, node.told()), (0, Vec::new()));
            for number in 0..STRAYS_ASIDE_MAX + 2 {
                let name = ReplicaName([u8::try_from(number).expect("few"); 16]);
                write(&node.context.store, BlobId::Held(NodeId([5; 32]), name), Version(1), b"sealed");
            }
            for replicas in [STRAYS_ASIDE_MAX as u64, 0] {
                assert_eq!(set_aside(&node.context).await, 0);
                assert_eq!(node.told(), [Event::StraysSetAside { replicas, staying: 2 }]);
            }
        });
    }
}
