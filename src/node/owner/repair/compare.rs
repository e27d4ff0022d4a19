//! Finds the files of which a peer holds something else than what is current, and has each of them mended.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::difference::{Difference, differences};
use super::done::{Aim, Done, Mended};
use super::error::RepairError;
use super::turns::{Part, for_a_turn, in_turn, just_before};
use super::{learn, listing, mend, settle};
use crate::crypto::{NodeId, ReplicaName, Version};
use crate::limits::{CRAWL_WINDOW, LENGTHS_LOOKED_AT_MAX, REPAIR_LEAVES_MAX, UNLIKE_LEAVES_MAX, UNPROVEN_MAX};
use crate::node::config::Mode;
use crate::node::context::{Shared, Stream};
use crate::node::peers::peer::Peer;
use crate::platform::Platform;
use crate::replication::{Entry, Leaf, Placement, Summary, differing_groups, differing_leaves};

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
/// not any more. A peer that takes nothing is offered only what may fit all the same; the next time begins at the first
/// of the other files.
pub(super) async fn all<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    expected: &Expected,
) -> (Done, Result<(), RepairError>) {
    let comparison = Comparison {
        context,
        peer,
        expected,
        done: RefCell::default(),
        has_large_leaf: Semaphore::new(1),
        not_offered: Cell::default(),
        last_turn: Cell::new(usize::MAX),
        looks: Cell::default(),
    };
    let result = match comparison.differing().await {
        Ok(leaves) => comparison.mend_leaves(in_turn(leaves, peer.repair.ended_at())).await,
        Err(error) => Err(error),
    };
    (comparison.done.into_inner(), result)
}

/// One comparison with a peer, which goes through several leaves at a time.
struct Comparison<'a, P: Platform> {
    context: &'a Shared<P>,
    peer: &'a Rc<Peer<Stream<P>>>,
    expected: &'a Expected,
    done: RefCell<Done>,
    /// Bounds the memory of leaves that are listed.
    has_large_leaf: Semaphore,
    /// The first turn, and the first name in it, that was not offered to a peer that takes nothing.
    not_offered: Cell<Option<(usize, ReplicaName)>>,
    /// The first turn at which it is to end: those before it are taken, and no later one is begun.
    last_turn: Cell<usize>,
    /// How many lengths were looked up because of a peer that takes nothing.
    looks: Cell<usize>,
}

/// Why a comparison ends early, and behind which name the next one begins: if it began anew, it would not get further
/// for as long as the cause lasts.
struct End(RepairError, ReplicaName);

impl<P: Platform> Comparison<'_, P> {
    async fn mend_leaves(&self, turns: Vec<(Leaf, Part)>) -> Result<(), RepairError> {
        let listed: Vec<_> = turns.iter().map(|(leaf, _)| *leaf).collect();
        // They end in the order in which they began.
        let turns = stream::iter(turns.into_iter().enumerate());
        let mut leaves = turns.map(|(turn, (leaf, part))| self.take_turn(turn, leaf, part)).buffered(REPAIR_LEAVES_MAX);
        let (mut alike, mut unlike, mut end, mut turn) = (0, None, None, 0);
        while let Some(is_alike) = leaves.next().await {
            match is_alike {
                Ok(is_alike) => alike = if is_alike { alike + 1 } else { 0 },
                Err(error) => _ = end.get_or_insert(error),
            }
            if alike == UNLIKE_LEAVES_MAX && end.is_none() {
                self.end_at(turn);
                unlike.get_or_insert(turn);
            }
            turn += 1;
        }
        // Leaves that have begun go on only while they are waited for, so this waits for their end.
        if let Some(turn) = unlike {
            let error = self.look_again(&listed[turn + 1 - UNLIKE_LEAVES_MAX..=turn]).await;
            end = Some(End(error, listed[turn].range().1));
        }
        match end {
            Some(End(error, ended_at)) => {
                self.peer.repair.set_ended_at(Some(ended_at));
                Err(error)
            }
            None => {
                self.peer.repair.set_ended_at(self.not_offered.get().map(|(_, name)| just_before(name)));
                Ok(())
            }
        }
    }

    /// Returns why leaves are alike that were to differ: what the peer says of them is not so, or it was so and is not
    /// any more, because another repair or a store has changed what is current, or what the peer holds.
    async fn look_again(&self, leaves: &[Leaf]) -> RepairError {
        let mut groups: Vec<_> = leaves.iter().map(|leaf| leaf.group()).collect();
        groups.dedup();
        match self.differing_in(groups).await {
            Ok(differing) if leaves.iter().all(|leaf| differing.contains(leaf)) => RepairError::Unlike,
            Ok(_) => RepairError::Changed,
            Err(error) => error,
        }
    }

    fn end_at(&self, turn: usize) {
        self.last_turn.set(self.last_turn.get().min(turn));
    }

    fn is_over(&self, turn: usize) -> bool {
        turn > self.last_turn.get()
    }

    /// Mends one leaf unless the comparison has ended before it. Returns whether nothing in it differs.
    async fn take_turn(&self, turn: usize, leaf: Leaf, part: Part) -> Result<bool, End> {
        if self.is_over(turn) {
            return Ok(false);
        }
        self.mend_leaf(turn, leaf, part).await.inspect_err(|_| self.end_at(turn))
    }

    async fn mend_leaf(&self, turn: usize, leaf: Leaf, part: Part) -> Result<bool, End> {
        let unlisted = |error| End(error, leaf.range().1);
        let (theirs, _large) =
            listing::theirs(self.context, self.peer, leaf, &self.has_large_leaf).await.map_err(unlisted)?;
        let ours = listing::ours(self.context, leaf).await.map_err(unlisted)?;
        let differences = differences(&ours, &theirs, |entry| self.expected.has(entry));
        let is_alike = differences.is_empty();
        for difference in differences {
            let name = difference.entry().replica_name;
            if part.has(name) && !self.is_over(turn) {
                self.mend(turn, difference).await.map_err(|error| End(error, name))?;
            }
        }
        Ok(is_alike)
    }

    /// Returns the leaves in which the peer holds something else than what is current, in their order.
    async fn differing(&self) -> Result<Vec<Leaf>, RepairError> {
        let theirs = listing::summary(self.context, self.peer, None).await?;
        let (_, ours) = self.expected.look(self.context, Summary::groups).await?;
        self.differing_in(differing_groups(&ours, &theirs)).await
    }

    async fn differing_in(&self, groups: Vec<u8>) -> Result<Vec<Leaf>, RepairError> {
        let (context, peer) = (self.context, self.peer);
        let mut leaves = Vec::new();
        for group in groups {
            let theirs = listing::summary(context, peer, Some(group)).await?;
            let (_, ours) = self.expected.look(context, move |summary| summary.group(group)).await?;
            let ours = ours.ok_or(RepairError::NoGroup)?;
            leaves.extend(differing_leaves(group, &ours, &theirs));
        }
        Ok(leaves)
    }

    /// Mends one file. Fails if the repair of the peer is not to go on.
    async fn mend(&self, turn: usize, difference: Difference) -> Result<(), RepairError> {
        let (context, peer) = (self.context, self.peer);
        let (entry, aim) = (difference.entry(), Aim::of(difference));
        let is_offered_enough = self.done.borrow().is_offered_enough(aim);
        if is_offered_enough && !(aim == Aim::New && self.may_fit(&entry).await) {
            self.done.borrow_mut().note_not_offered();
            let this = (turn, entry.replica_name);
            self.not_offered.set(Some(self.not_offered.get().map_or(this, |first| first.min(this))));
            return Ok(());
        }
        let slow = context.owner.repairs_of_slow.clone();
        let slow_slot = match peer.is_slow.get() {
            true => Some(slow.acquire_owned().await.expect("the semaphore is never closed")),
            false => None,
        };
        let slot = context.owner.repairs.clone().acquire_owned().await.expect("the semaphore is never closed");
        if context.owner.in_flight.has(peer.id, entry.replica_name)
            || !peer.is_connected()
            || (context.owner.mode == Mode::Learning && aim != Aim::Learn)
            // What is newer may be from the other node with this identity, and is not to take the place of what is
            // here.
            || (aim == Aim::Learn && peer.sees_twin())
        {
            self.done.borrow_mut().note_left_out(aim);
            return Ok(());
        }
        let begun = Instant::now();
        match for_a_turn(self.mend_as(difference), (slow_slot, slot)).await {
            Ok(mended) => {
                self.done.borrow_mut().note(mended, aim);
                context.owner.repair_log.note_step();
                Ok(())
            }
            Err(error) => {
                if error.is_about_the_taker() {
                    // It answers, and says no: a full peer takes nothing, and would be slow for ever.
                    peer.is_slow.set(false);
                } else if begun.elapsed() > CRAWL_WINDOW && error.is_of(self.peer.id) {
                    // It had its turn, and has used it for nothing.
                    peer.is_slow.set(true);
                }
                if aim == Aim::New && error.is_about_the_taker() {
                    self.note_len_refused(&entry).await;
                }
                self.note_failure(error, aim)
            }
        }
    }

    /// Counts a file that was not mended. Fails if the repair of the peer is not to go on.
    fn note_failure(&self, error: RepairError, aim: Aim) -> Result<(), RepairError> {
        let mut done = self.done.borrow_mut();
        done.note_failure(&error, aim);
        done.unproven += usize::from(error.is_unproven());
        match done.unproven {
            UNPROVEN_MAX.. => Err(RepairError::Unproven),
            _ if error.ends_repair_of(self.peer.id) => Err(error),
            _ => Ok(()),
        }
    }

    async fn note_len_refused(&self, entry: &Entry) {
        // Without the length the file is offered again when its turn comes.
        if let Ok(Some(len)) = mend::len(self.context, entry.replica_name).await {
            self.done.borrow_mut().note_len_refused(len);
        }
    }

    /// Whether a peer that takes nothing may have room for a file all the same: it has refused larger ones alone.
    async fn may_fit(&self, entry: &Entry) -> bool {
        let smallest = self.done.borrow().smallest_refused.unwrap_or_default();
        if smallest == 0 || self.looks.get() == LENGTHS_LOOKED_AT_MAX {
            return false;
        }
        self.looks.set(self.looks.get() + 1);
        // What has gone meanwhile, or cannot be looked up, is counted when it is sent.
        let len = mend::len(self.context, entry.replica_name).await;
        len.map_or(true, |len| len.is_none_or(|len| len < smallest))
    }

    /// Does what a difference asks for.
    async fn mend_as(&self, difference: Difference) -> Result<Mended, RepairError> {
        let (context, peer) = (self.context, self.peer);
        match difference {
            Difference::Lacks(entry) | Difference::IsBehind(entry) => {
                mend::send(context, peer, &entry).await.map(|()| Mended::Sent)
            }
            Difference::Conflicts(entry) => settle::settle(context, peer, &entry).await.map(|()| Mended::Sent),
            Difference::KnowsMore(entry) => learn_of(context, peer, &entry).await.map(|()| Mended::Learnt),
            Difference::IsPlacedElsewhere(entry) => match &self.expected.placement {
                Some(placement) if mend::release(context, peer, placement, &entry).await? => Ok(Mended::Released),
                _ => Ok(Mended::Kept),
            },
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
