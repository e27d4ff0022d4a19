//! What a peer says that it holds, and what both sides have of one leaf.

use std::rc::Rc;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::{RepairError, other_answer};
use crate::limits::{LARGE_LEAF_ENTRIES, LEAF_ENTRIES_MAX, LIST_PAGE_MAX};
use crate::node::context::{Shared, Stream};
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::question;
use crate::platform::Platform;
use crate::protocol::Message;
use crate::replication::{Entry, Leaf, Print};

/// Returns the prints of all groups of a peer, or of the leaves of one group.
pub(super) async fn summary<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    group: Option<u8>,
) -> Result<Vec<Print>, RepairError> {
    match question(context, peer, &Message::Summarise { group }).await? {
        Message::Summary(prints) => Ok(prints),
        other => Err(other_answer("a comparison", other)),
    }
}

/// Returns what this node has of a leaf.
pub(super) async fn ours<P: Platform>(context: &Shared<P>, leaf: Leaf) -> Result<Vec<Entry>, RepairError> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.replica_name);
        let page = context.blocking(move |store| store.leaf(None, leaf, after, LIST_PAGE_MAX)).await;
        if !extend(&mut entries, page?, leaf)? {
            return Ok(entries);
        }
    }
}

/// Returns what a peer has of a leaf. What a large one takes up is bounded by a permit, which is to be kept as long as
/// the entries.
pub(super) async fn theirs<'a, P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    leaf: Leaf,
    large: &'a Semaphore,
) -> Result<(Vec<Entry>, Option<SemaphorePermit<'a>>), RepairError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut permit = None;
    loop {
        if entries.len() > LARGE_LEAF_ENTRIES && permit.is_none() {
            permit = Some(large.acquire().await.expect("the semaphore is never closed"));
        }
        let after = entries.last().map(|entry| entry.replica_name);
        let page = match question(context, peer, &Message::ListLeaf { leaf: leaf.number(), after }).await? {
            Message::Leaf(page) => page,
            other => return Err(other_answer("a listing", other)),
        };
        if !extend(&mut entries, page, leaf)? {
            return Ok((entries, permit));
        }
    }
}

/// Adds one page to the entries before it, which it must follow within the leaf. Returns false at the end.
fn extend(entries: &mut Vec<Entry>, page: Vec<Entry>, leaf: Leaf) -> Result<bool, RepairError> {
    let goes_on = !page.is_empty();
    for entry in page {
        let is_next = entries.last().is_none_or(|last| last.replica_name < entry.replica_name);
        if !is_next || Leaf::of(entry.replica_name) != leaf || entries.len() == LEAF_ENTRIES_MAX {
            return Err(RepairError::Listing);
        }
        entries.push(entry);
    }
    Ok(goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{ReplicaName, Version};

    fn entry(name: u8, version: u64) -> Entry {
        Entry { replica_name: ReplicaName([name; 16]), version: Version(version), mark: [1; 8] }
    }

    #[test]
    fn a_listing_goes_on_upwards_within_its_leaf() {
        let leaf = Leaf::of(ReplicaName([1; 16]));
        let mut entries = vec![entry(1, 1)];
        assert!(extend(&mut entries.clone(), vec![entry(1, 2)], leaf).is_err(), "the same name again");
        assert!(extend(&mut entries.clone(), vec![entry(2, 1)], leaf).is_err(), "a name of another leaf");
        assert!(matches!(extend(&mut entries, Vec::new(), leaf), Ok(false)));
    }
}
