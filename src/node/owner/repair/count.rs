//! Tells a peer how many names this node has, and asks a peer for that if this node only learns.

use std::rc::Rc;

use crate::crypto::{NameCount, ReplicaName, Version};
use crate::disk::Disk;
use crate::node::context::{Shared, Stream};
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::question;
use crate::platform::Platform;
use crate::protocol::Message;
use crate::store::{StorageError, Store};

/// Has a peer that is current keep the number of names, if the peer was not told this number since it connected. A peer
/// that does not take it is told again after its next repair.
pub(super) async fn tell<P: Platform>(context: &Shared<P>, peer: &Rc<Peer<Stream<P>>>) {
    let (told, now) = (peer.repair.told_names(), context.platform.now());
    let counted = context.blocking(move |store| {
        if names(store)?.is_none_or(|names| told == Some(names)) {
            return Ok(None);
        }
        // Of two counts the peer keeps the one with the greater number, so each has its own, from before it is counted.
        let version = store.next_version(now, ReplicaName([0; 16]))?;
        Ok(names(store)?.map(|names| (names, version)))
    });
    let counted: Result<_, StorageError> = counted.await;
    let Ok(Some((names, version))) = counted else { return };
    let count = NameCount::new(&context.keys, names, version);
    if let Ok(Message::Noted) = question(context, peer, &Message::NoteCount(count)).await {
        peer.repair.set_told_names(names);
    }
}

/// Returns how many names this node has, deleted ones too. They are none only if there never were any, or if all are
/// deleted and forgotten.
fn names<D: Disk>(store: &Store<D>) -> Result<Option<u64>, StorageError> {
    let (files, deleted) = store.count_own()?;
    let has_any = files + deleted > 0 || store.forgetting()?.floor > Version(0);
    Ok(has_any.then_some(files + deleted))
}

/// Asks a peer how many names this node had.
pub(super) async fn ask<P: Platform>(context: &Shared<P>, peer: &Rc<Peer<Stream<P>>>) {
    if let Ok(Message::Count(count)) = question(context, peer, &Message::AskCount).await
        && count.is_authentic(&context.keys)
    {
        context.owner.repair_log.note_count(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::layout::Layout;
    use crate::store::tests::{Place, key};
    use crate::store::{Change, Forgetting};

    #[test]
    fn files_and_deletions_are_names_until_the_deletions_are_forgotten() {
        let place = Place::new();
        let (store, _) = place.open(Layout::Folders);
        let counted = || names(&store).expect("a good disk");
        assert_eq!(counted(), None, "there never were any");
        let (a, b) = (key("a"), key("b"));
        let (stored, deleted) = (place.stored(&a, Version(1), b""), place.deleted(&b, Version(2)));
        store.commit(&[stored, deleted]).expect("a good disk");
        assert_eq!(counted(), Some(2));
        let name = place.keys.replica_name(&b);
        let tombstone = store.tombstone(name).expect("a good disk").expect("it is there");
        store.commit(&[Change::Forgotten(name, tombstone), place.deleted(&a, Version(3))]).expect("a good disk");
        assert_eq!(counted(), Some(1));
        let name = place.keys.replica_name(&a);
        let tombstone = store.tombstone(name).expect("a good disk").expect("it is there");
        store.commit(&[Change::Forgotten(name, tombstone)]).expect("a good disk");
        assert_eq!(counted(), None);
        let floor = Forgetting { floor: Version(3), agreed: None };
        store.commit(&[Change::Forgetting(floor)]).expect("a good disk");
        assert_eq!(counted(), Some(0), "there were some");
    }
}
