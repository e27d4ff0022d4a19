use super::*;
use crate::limits::PACKED_BYTES_MAX;
use crate::node::tests::{Idle, poll_once, run};
use crate::store::layout::Layout;
use crate::store::tests::{Place, held, key};

#[test]
fn a_replica_that_was_counted_twice_when_it_was_committed_keeps_no_other_out() {
    run(async {
        let node = Idle::with_quota(Quota { files_max: Some(2), ..Quota::default() });
        let (context, owner) = (&node.context, NodeId([5; 32]));
        let offer =
            |name| Offer { owner, replica_name: ReplicaName([name; 16]), version: Version(1), sealed_bytes: 16 };
        let room = context.holder.reserved.add((owner, offer(1).replica_name), offer(1).room());
        let known = Known::File(held(node.place.seal(&key("a"), Version(1), &[0; 16])));
        let change = Change::Held(owner, offer(1).replica_name, Box::new(known));
        context.store.commit(&[change]).expect("a good disk");
        let (_, first) = node.hold_up().await;
        let offered = offer(2);
        let mut admitted = Box::pin(admit(context, owner, &offered));
        assert!(poll_once(&mut admitted).await.is_pending());
        let (has_looked, second) = node.hold_up().await;
        drop(first);
        has_looked.await.expect("it looks at the catalog");
        assert!(poll_once(&mut admitted).await.is_pending(), "it looks once more");
        drop((room, second));
        assert!(admitted.await.is_ok());
    });
}

#[test]
fn what_is_received_into_memory_is_quick() {
    let place = Place::new();
    for (layout, is_quick) in [(Layout::Packed, true), (Layout::Folders, false)] {
        let (store, _) = place.open(layout);
        let blob = BlobId::Held(NodeId([5; 32]), ReplicaName([1; 16]));
        let writer = store.write_blob(blob, Version(1)).expect("a good disk");
        let receiving = Receiving { writer, hasher: blake3::Hasher::new() };
        assert_eq!(receiving.is_quick(PACKED_BYTES_MAX), is_quick);
        assert!(!receiving.is_quick(PACKED_BYTES_MAX + 1));
    }
}
