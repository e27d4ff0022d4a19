//! Promise 4: a stored file can be fetched while one peer that acknowledged it has an intact disk. Sources: the
//! history, the receipts, and what the faults damaged.
//!
//! Cannot see: a loss after an unconfirmed store and a delete. Nobody knows which version counts then.

pub mod calm;
mod copies;
pub mod newest;
mod room;

use dacapo::crypto::{NodeId, Version};
use dacapo::node::Replicas;
use dacapo::store::layout::{BlobId, Layout};

use crate::fault::Fault;
use crate::host::Host;
use crate::store::call::{self, Call};
use crate::store::contents::Contents;
use crate::store::files::Files;
use crate::store::history::{ContentDigest, HistoryEntry, Outcome, may_come_back};
use crate::store::options::{layout, replicas};
use crate::store::oracle::trust::{has_its_word, is_sound_since};
use crate::subject::Scene;

pub use copies::judge as judge_copies;
pub use room::judge as judge_room;

/// What must be there of the newest acknowledged version of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    on_own_disk: bool,
    /// The version of which a local copy is here for as long as the catalog calls it the current one.
    here_while_current: Option<Version>,
    at_a_peer: bool,
    newer_possible: bool,
    lost: Option<ContentDigest>,
}

impl Expectation {
    /// Whether the owner must have a good local copy.
    #[must_use]
    pub fn is_on_own_disk(&self) -> bool {
        self.on_own_disk
    }

    /// Whether the owner must have a local copy if its catalog calls this version the current one, though a deletion
    /// may have come after it.
    #[must_use]
    pub fn is_here_as(&self, current: Version) -> bool {
        self.on_own_disk || self.here_while_current == Some(current)
    }

    /// Whether a get has to succeed.
    #[must_use]
    pub fn is_anywhere(&self) -> bool {
        self.on_own_disk || (self.at_a_peer && !self.newer_possible)
    }

    /// Returns what a get has to give if the newest version was lost here, with the life of a disk that was put back,
    /// and a peer that acknowledged it has it.
    #[must_use]
    pub fn lost(&self) -> Option<ContentDigest> {
        self.lost.filter(|_| self.at_a_peer && !self.newer_possible)
    }

    /// Whether a peer that acknowledged the file must have an intact disk.
    #[must_use]
    pub fn is_at_a_peer(&self) -> bool {
        self.at_a_peer
    }

    /// Whether an unconfirmed store may have made a newer version.
    #[must_use]
    pub fn is_newer_possible(&self) -> bool {
        self.newer_possible
    }
}

/// Returns what must be there of a file.
#[must_use]
pub fn expectation(scene: &Scene<Files>, host: Host, key: u8) -> Expectation {
    let history = scene.clients.history();
    let of_file = || history.iter().filter(|entry| entry.is_about(host, key));
    let acknowledged = of_file().filter_map(|entry| match entry.outcome() {
        Some(Outcome::Stored { version, holders, .. }) => Some((*version, entry, holders)),
        _ => None,
    });
    if is_history_torn(scene, host) {
        return Expectation::default();
    }
    let Some((version, newest, holders)) = acknowledged.max_by_key(|(version, ..)| *version) else {
        return Expectation::default();
    };
    let Some(owner) = scene.clients.id(host) else { return Expectation::default() };
    let is_intact = |at: Host| is_intact(scene, (host, owner), at, key);
    let may_be_deleted = of_file().any(|entry| {
        matches!(entry.call, Call::Delete { .. })
            && !matches!(entry.outcome(), Some(Outcome::NotFound | Outcome::Rejected | Outcome::Kept(_)))
            && ended(entry) > newest.begun
    });
    let may_be_erased = of_file().any(|entry| entry.may_erase(version, newest.is_lost) && ended(entry) > newest.begun);
    let acknowledged = ended(newest);
    let is_intact_peer = |at: Host| is_intact(at) && !scene.clients.may_be_lost(at, newest);
    // A liar has acknowledged what it does not keep, and a host that never comes back does not give it.
    let lost = scene.plan.lost_for_good();
    let is_honest = |at: &Host| has_its_word(scene, *at) && !lost.contains(at);
    let others = || (0..scene.plan.nodes).filter(|other| *other != host);
    // Nobody knows which peer it was that held the file when its local copy was deleted.
    let is_held_since = |call: &HistoryEntry| {
        others().all(|at| is_honest(&at) && is_intact(at) && !scene.clients.may_be_lost(at, call))
    };
    // What a disk has forgotten is not what the node asked the peers for.
    let was_held = !newest.is_lost
        && of_file().any(|entry| {
            matches!(entry.call, Call::Delete { held_by: 1.., .. })
                && entry.outcome() == Some(&Outcome::Deleted)
                && entry.begun > acknowledged
                && is_held_since(entry)
        });
    // What was deleted may be back without a local copy.
    let may_be_back = may_come_back(&history, host, &scene.clients.options_ever(&scene.plan, host));
    let is_here_while_current = !may_be_deleted && is_intact(host) && !newest.is_lost;
    Expectation {
        on_own_disk: is_here_while_current && !may_be_erased,
        here_while_current: Some(version).filter(|_| is_here_while_current && !may_be_back),
        at_a_peer: was_held
            || match replicas(&scene.clients.options_ever(&scene.plan, host)) {
                Replicas::All => {
                    holders.iter().filter_map(|id| scene.clients.host(*id)).filter(is_honest).any(is_intact_peer)
                }
                // A peer that acknowledged the file may have dropped it since, because others hold it.
                Replicas::Count(_) => !holders.is_empty() && is_held_since(newest),
            },
        newer_possible: may_be_erased || of_file().any(|entry| may_count_after(entry, newest)),
        lost: newest.content().filter(|_| newest.is_lost),
    }
}

/// Returns when a call was answered, whatever the answer was.
fn ended(entry: &HistoryEntry) -> u64 {
    entry.ended.as_ref().map_or(u64::MAX, |(end, _)| *end)
}

/// Whether a store of which nobody knows what became of it may count after an acknowledged one. It goes on if its
/// caller leaves, and counts if it ends last.
fn may_count_after(entry: &HistoryEntry, newest: &HistoryEntry) -> bool {
    let may_end_later = ended(entry) > newest.begun || entry.is_left();
    entry.may_be_stored() && entry.end() == u64::MAX && may_end_later
}

/// Whether nobody can tell which store of a host counts: another node runs on it now, or the stores of two lives of its
/// disk may be numbered in the wrong order. They may be if its clock has jumped, and if one of the lives made a new
/// catalog, which numbers from a minute ahead of the clock.
pub(in crate::store) fn is_history_torn(scene: &Scene<Files>, host: Host) -> bool {
    let jumps = |fault: &Fault| matches!(fault, Fault::Clock(at, _) if *at == host);
    let goes_back = |fault: &Fault| matches!(fault, Fault::Restore(at) if *at == host);
    let has = |is: &dyn Fn(&Fault) -> bool| scene.plan.faults().any(is);
    scene.clients.is_reborn(host)
        || (scene.clients.was_restored(host) && has(&jumps))
        || (scene.clients.was_made_anew(host) && has(&goes_back))
}

/// Whether nothing has damaged the copy of a file that a host may have.
fn is_intact(scene: &Scene<Files>, (host, owner): (Host, NodeId), at: Host, key: u8) -> bool {
    let (Some(keys), Some(node)) = (scene.clients.keys(host), scene.clients.id(at)) else { return false };
    let key = call::key(key);
    let blob = match at == host {
        true => BlobId::Own(key.file_name()),
        false => BlobId::Held(owner, keys.replica_name(&key)),
    };
    let places = Layout::ALL.map(|(layout, _)| layout.place(node, &blob));
    let damage = scene.damage.borrow();
    !damage.iter().any(|found| found.host == at && places.iter().any(|place| place.as_str() == found.path))
}

/// Whether a get has to find a good local copy, whichever peers are away: an acknowledged version was written to this
/// disk, nothing can have taken it away, and the disk does what it is told while the get goes on.
#[must_use]
pub fn is_untouched(scene: &Scene<Files>, host: Host, get: &HistoryEntry) -> bool {
    let Some(key) = get.key.filter(|_| matches!(get.call, Call::Get { .. })) else { return false };
    is_sound_since(scene, host, get.at) && expectation(scene, host, key).is_on_own_disk()
}

/// Judges a deletion of a local copy that was refused because too few peers hold the file.
///
/// # Errors
/// If the local copy is gone, and nothing else can have taken it away.
pub fn judge_refusal(scene: &Scene<Files>, asked: &HistoryEntry) -> Result<(), String> {
    let (Call::Delete { .. }, Some(Outcome::Kept(_)), Some(key)) = (asked.call, asked.outcome(), asked.key) else {
        return Ok(());
    };
    let Some(keys) = scene.clients.keys(asked.host) else { return Ok(()) };
    let blob = BlobId::Own(call::key(key).file_name());
    let is_here = || Contents::of(&scene.disks[asked.host]).replica(keys.node(), &blob).is_some();
    let expected = expectation(scene, asked.host, key);
    let must_be_here = is_sound_since(scene, asked.host, asked.at)
        && expected.is_on_own_disk()
        && !expected.is_newer_possible()
        && !asked.meets(&scene.clients.history(), |_| true);
    match must_be_here && !is_here() {
        true => Err("refused to delete the local copy, which is gone".to_owned()),
        false => Ok(()),
    }
}

/// Whether small blobs may lie in the catalog of a host.
pub(super) fn may_be_packed(scene: &Scene<Files>, host: Host) -> bool {
    scene.clients.conversions.has(host) || layout(&scene.plan.options_of(host)) == Some(Layout::Packed)
}
