//! Finds the files of which a peer holds something else than what is current, and has each of them mended.

use std::rc::Rc;

use tokio::time::Instant;

use super::done::Done;
use super::error::RepairError;
use super::turns::in_turn;
use super::{learn, mend, settle};
use crate::crypto::{NodeId, ReplicaName, Version};
use crate::limits::{CRAWL_WINDOW, LEAF_ENTRIES_MAX, LIST_PAGE_MAX, UNLIKE_LEAVES_MAX, UNPROVEN_MAX};
use crate::node::config::Mode;
use crate::node::context::{Shared, Stream};
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::question;
use crate::platform::Platform;
use crate::protocol::Message;
use crate::replication::{Entry, Leaf, Placement, Print, Summary, differing_groups, differing_leaves};

/// How the peer's replica of one file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// The peer has nothing, or something older.
    Lacks(Entry),
    /// The peer has something else under the same version.
    Conflicts(Entry),
    /// The peer has something that the own catalog does not know, or something newer.
    KnowsMore(Entry),
    /// The peer holds a replica that is placed on other peers.
    IsPlacedElsewhere(Entry),
}

impl Difference {
    fn entry(self) -> Entry {
        let (Self::Lacks(entry) | Self::Conflicts(entry) | Self::KnowsMore(entry) | Self::IsPlacedElsewhere(entry)) =
            self;
        entry
    }
}

/// What a peer is to hold.
pub(super) struct Expected {
    pub(super) peer: NodeId,
    /// `None` if the peer is to hold everything.
    pub(super) placement: Option<Placement>,
}

impl Expected {
    /// Looks at what the peer is expected to hold. Returns the version that was handed out last before that, too.
    pub(super) async fn look<P: Platform, T: Send + 'static>(
        &self,
        context: &Shared<P>,
        look: impl FnOnce(&Summary) -> T + Send + 'static,
    ) -> Result<(Version, T), RepairError> {
        let (peer, placement) = (self.peer, self.placement.clone());
        let looked = context.blocking(move |store| {
            let last = store.last_version();
            let looked = match placement {
                None => store.summary(None, look),
                Some(placement) => store.placed_summary(peer, &placement, look),
            };
            looked.map(|looked| (last, looked))
        });
        Ok(looked.await?)
    }

    fn has(&self, entry: &Entry) -> bool {
        self.placement.as_ref().is_none_or(|placement| placement.wants(entry, self.peer))
    }
}

/// Compares everything that the peer holds, mends what differs, and counts what was done. Ends early if the peer does
/// not answer or claims too much, and then begins behind that place the next time; and if its summary is not true, or
/// not any more.
pub(super) async fn all<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    expected: &Expected,
    done: &mut Done,
) -> Result<(), RepairError> {
    let leaves = differing(context, peer, expected).await?;
    let mut alike = 0;
    for (leaf, part) in in_turn(leaves, peer.repair.ended_at()) {
        let theirs = their_leaf(context, peer, leaf).await?;
        let ours = our_leaf(context, leaf).await?;
        let differences = differences(&ours, &theirs, |entry| expected.has(entry));
        alike = if differences.is_empty() { alike + 1 } else { 0 };
        if alike == UNLIKE_LEAVES_MAX {
            return Err(RepairError::Summary);
        }
        for difference in differences.into_iter().filter(|difference| part.has(difference.entry().replica_name)) {
            let mended = mend_one(context, peer, expected, difference, done).await;
            if mended.is_err() {
                peer.repair.set_ended_at(Some(difference.entry().replica_name));
                return mended;
            }
        }
    }
    peer.repair.set_ended_at(None);
    Ok(())
}

/// Returns the leaves in which the peer holds something else than what is current, in their order.
async fn differing<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    expected: &Expected,
) -> Result<Vec<Leaf>, RepairError> {
    let mut leaves = Vec::new();
    let theirs = summary(context, peer, None).await?;
    let (_, ours) = expected.look(context, Summary::groups).await?;
    for group in differing_groups(&ours, &theirs) {
        let theirs = summary(context, peer, Some(group)).await?;
        let (_, ours) = expected.look(context, move |summary| summary.group(group)).await?;
        let ours = ours.ok_or(RepairError::NoGroup)?;
        leaves.extend(differing_leaves(group, &ours, &theirs));
    }
    Ok(leaves)
}

/// Mends one file. Fails if the repair of the peer is not to go on.
async fn mend_one<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    expected: &Expected,
    difference: Difference,
    done: &mut Done,
) -> Result<(), RepairError> {
    let (entry, is_to_learn) = (difference.entry(), matches!(difference, Difference::KnowsMore(_)));
    if context.owner.in_flight.has(peer.id, entry.replica_name)
        || !peer.is_connected()
        || (context.owner.mode == Mode::Learning && !is_to_learn)
        // What is newer may be from the other node with this identity, and is not to take the place of what is here.
        || (is_to_learn && peer.sees_twin())
    {
        done.note_left_out(is_to_learn, entry.is_deleted());
        return Ok(());
    }
    let slow = context.owner.repairs_of_slow.clone();
    let _slow_slot = match peer.is_slow.get() {
        true => Some(slow.acquire_owned().await.expect("the semaphore is never closed")),
        false => None,
    };
    let _slot = context.owner.repairs.clone().acquire_owned().await.expect("the semaphore is never closed");
    let begun = Instant::now();
    let (result, count) = match difference {
        Difference::Lacks(entry) => (mend::send(context, peer, &entry).await, &mut done.sent),
        Difference::Conflicts(entry) => (settle::settle(context, peer, &entry).await, &mut done.sent),
        Difference::KnowsMore(entry) => (learn_of(context, peer, &entry).await, &mut done.learnt),
        Difference::IsPlacedElsewhere(entry) => {
            let Some(placement) = &expected.placement else { return Ok(()) };
            match mend::release(context, peer, placement, &entry).await {
                Ok(false) => (Ok(()), &mut done.kept),
                released => (released.map(|_| ()), &mut done.released),
            }
        }
    };
    match result {
        Ok(()) => {
            *count += 1;
            context.owner.repair_log.note_step();
            Ok(())
        }
        Err(error) => {
            done.note_failure(&error, is_to_learn, entry.is_deleted());
            if begun.elapsed() > CRAWL_WINDOW {
                // It had its turn, and has used it for nothing.
                peer.is_slow.set(true);
            } else if error.is_about_the_taker() {
                // It answers, and says no: a full peer takes nothing, and would be slow for ever.
                peer.is_slow.set(false);
            }
            done.unproven += usize::from(error.is_unproven());
            match done.unproven {
                UNPROVEN_MAX.. => Err(RepairError::Unproven),
                _ if error.ends_repair_of(peer.id) => Err(error),
                _ => Ok(()),
            }
        }
    }
}

/// Learns of an entry, and notes it if the peer cannot give what it lists.
async fn learn_of<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    entry: &Entry,
) -> Result<(), RepairError> {
    let learnt = learn::learn(context, peer, entry).await;
    match &learnt {
        Ok(()) => context.owner.repair_log.note_learnt(entry),
        Err(error) => context.owner.repair_log.note_unlearnt(peer.id, entry, error.to_string()),
    }
    learnt
}

async fn summary<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    group: Option<u8>,
) -> Result<Vec<Print>, RepairError> {
    match question(context, peer, &Message::Summarise { group }).await? {
        Message::Summary(prints) => Ok(prints),
        other => Err(RepairError::Answer { question: "a comparison", answer: other.name() }),
    }
}

async fn our_leaf<P: Platform>(context: &Shared<P>, leaf: Leaf) -> Result<Vec<Entry>, RepairError> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.replica_name);
        let page = context.blocking(move |store| store.leaf(None, leaf, after, LIST_PAGE_MAX)).await;
        if !extend(&mut entries, page?, leaf)? {
            return Ok(entries);
        }
    }
}

async fn their_leaf<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    leaf: Leaf,
) -> Result<Vec<Entry>, RepairError> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.replica_name);
        let page = match question(context, peer, &Message::ListLeaf { leaf: leaf.number(), after }).await? {
            Message::Leaf(page) => page,
            other => return Err(RepairError::Answer { question: "a listing", answer: other.name() }),
        };
        if !extend(&mut entries, page, leaf)? {
            return Ok(entries);
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

/// Returns what differs between two leaves, both in the order of the names. `is_to_hold` tells whether the peer is to
/// hold one of our entries.
fn differences(ours: &[Entry], theirs: &[Entry], is_to_hold: impl Fn(&Entry) -> bool) -> Vec<Difference> {
    let find = |entries: &[Entry], replica_name: ReplicaName| {
        entries.binary_search_by_key(&replica_name, |entry| entry.replica_name).ok().map(|index| entries[index])
    };
    let lacking = ours.iter().filter_map(|our| match (find(theirs, our.replica_name), is_to_hold(our)) {
        (Some(their), _) if their.version > our.version => Some(Difference::KnowsMore(their)),
        (Some(their), true) if their == *our => None,
        (Some(their), true) if their.version == our.version => Some(Difference::Conflicts(*our)),
        (Some(their), false) => Some(Difference::IsPlacedElsewhere(their)),
        (_, true) => Some(Difference::Lacks(*our)),
        (None, false) => None,
    });
    let unknown = theirs.iter().filter(|their| find(ours, their.replica_name).is_none());
    lacking.chain(unknown.map(|their| Difference::KnowsMore(*their))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: u8, version: u64) -> Entry {
        Entry { replica_name: ReplicaName([name; 16]), version: Version(version), mark: [1; 8] }
    }

    #[test]
    fn the_newer_of_two_counts_and_what_one_side_lacks_is_found() {
        let ours = [entry(1, 5), entry(2, 5), entry(3, 5), entry(4, 5), entry(6, 5)];
        let theirs = [entry(1, 5), entry(2, 4), entry(3, 6), entry(5, 1), Entry { mark: [2; 8], ..entry(6, 5) }];
        let found = differences(&ours, &theirs, |_| true);
        let expected = [
            Difference::Lacks(entry(2, 5)),
            Difference::KnowsMore(entry(3, 6)),
            Difference::Lacks(entry(4, 5)),
            Difference::Conflicts(entry(6, 5)),
            Difference::KnowsMore(entry(5, 1)),
        ];
        assert_eq!(found, expected);
        let found = differences(&ours, &theirs, |_| false);
        let expected = [
            Difference::IsPlacedElsewhere(entry(1, 5)),
            Difference::IsPlacedElsewhere(entry(2, 4)),
            Difference::KnowsMore(entry(3, 6)),
            Difference::IsPlacedElsewhere(Entry { mark: [2; 8], ..entry(6, 5) }),
            Difference::KnowsMore(entry(5, 1)),
        ];
        assert_eq!(found, expected, "what is placed elsewhere is not lacking, and what is newer is learnt");
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
