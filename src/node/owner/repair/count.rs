//! Tells a peer how many names this node has, and asks a peer for that if this node only learns.

use std::rc::Rc;

use crate::crypto::{NameCount, Version};
use crate::node::context::{Shared, Stream};
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::question;
use crate::platform::Platform;
use crate::protocol::Message;
use crate::store::StorageError;

/// Has a peer that is current keep the number of names, if the peer was not told this number since it connected. A peer
/// that does not take it is told again after its next repair.
pub(super) async fn tell<P: Platform>(context: &Shared<P>, peer: &Rc<Peer<Stream<P>>>) {
    let counted = context.blocking(|store| {
        let (files, deleted) = store.count_own()?;
        // Names are none only if there never were any, or if all are deleted and forgotten.
        let has_any = files + deleted > 0 || store.forgetting()?.floor > Version(0);
        Ok::<_, StorageError>((has_any.then_some(files + deleted), store.last_version()))
    });
    let Ok((Some(names), version)) = counted.await else { return };
    if peer.repair.told_names() == Some(names) {
        return;
    }
    let count = NameCount::new(&context.keys, names, version);
    if let Ok(Message::Noted) = question(context, peer, &Message::NoteCount(count)).await {
        peer.repair.set_told_names(names);
    }
}

/// Asks a peer how many names this node had.
pub(super) async fn ask<P: Platform>(context: &Shared<P>, peer: &Rc<Peer<Stream<P>>>) {
    if let Ok(Message::Count(count)) = question(context, peer, &Message::AskCount).await
        && count.is_authentic(&context.keys)
    {
        context.owner.repair_log.note_count(count);
    }
}
