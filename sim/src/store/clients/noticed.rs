//! What nodes have told of themselves, as far as an oracle needs it before the end of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dacapo::crypto::{FileName, NodeId, Version};
use dacapo::event::{Event, FetchAnswer};

use crate::host::Host;
use crate::platform::elapsed;
use crate::store::options::is_of_quota;

/// What nodes have told, and at which moments.
#[derive(Default)]
pub(in crate::store) struct Noticed {
    /// Of each own file the version that was written last.
    written: BTreeMap<(Host, FileName), (u64, Version)>,
    /// When local copies were deleted.
    deleted: BTreeMap<(Host, FileName), Vec<u64>>,
    /// The own files that a node has known since its last start.
    known: BTreeMap<Host, BTreeSet<FileName>>,
    /// The peers that a node has been connected with since its last start.
    met: BTreeMap<Host, BTreeSet<NodeId>>,
    /// The peers that a node is connected with.
    connected: BTreeMap<Host, BTreeSet<NodeId>>,
    /// When a node was connected last with each peer that it is not connected with any more.
    parted: BTreeMap<Host, BTreeMap<NodeId, u64>>,
    /// When a node last learnt of a file, or had another peer or a peer that did not answer.
    stirred: BTreeMap<Host, u64>,
    /// When a node last learnt of a file.
    learnt: BTreeMap<(Host, FileName), u64>,
    /// When a search for a file among the peers began last, and when the node had learnt of the file before that.
    searched: BTreeMap<(Host, FileName), (u64, Option<u64>)>,
    /// The last damaged replica of a peer, of each file.
    damaged: BTreeMap<(Host, FileName), BTreeMap<NodeId, Damaged>>,
    /// Since when the peers of a node have said that they see another one with its identity.
    told_twice: BTreeMap<Host, BTreeMap<NodeId, Duration>>,
    /// When a node last told of anything that may change what a peer takes of it, or what it takes of a peer.
    changed: BTreeMap<Host, u64>,
    /// When a repair last offered a peer nothing but what it did not take, and whether nothing had changed since the
    /// one before it.
    refused: BTreeMap<(Host, Host), (u64, Duration, bool)>,
    /// How much each node has told but for single messages.
    told: BTreeMap<Host, u64>,
    /// The moment of the last event.
    latest: u64,
    /// The hosts whose nodes have ever told that their catalog is damaged or lost.
    has_told_damage: BTreeSet<Host>,
}

/// A damaged replica that a peer has given.
#[derive(Clone, Copy)]
pub(in crate::store) struct Damaged {
    pub(in crate::store) at: u64,
    /// When the node had last learnt of the file before it began to search for it.
    pub(in crate::store) learnt_before: Option<u64>,
}

impl Noticed {
    /// Notes what the node of a host has told. Returns whether the node has learnt of a file that it knew already.
    pub(in crate::store) fn note(&mut self, host: Host, event: &Event, moment: u64) -> bool {
        self.stir(host, event, moment);
        self.latest = moment;
        if !event.is_message() {
            *self.told.entry(host).or_default() += 1;
        }
        match event {
            Event::Started { .. } => {
                self.known.remove(&host);
                self.met.remove(&host);
                let parted = self.connected.remove(&host).into_iter().flatten();
                self.parted.entry(host).or_default().extend(parted.map(|peer| (peer, moment)));
                self.told_twice.remove(&host);
            }
            Event::PeerConnected { peer, .. } => {
                self.met.entry(host).or_default().insert(*peer);
                self.connected.entry(host).or_default().insert(*peer);
            }
            Event::PeerLost { peer, .. } => {
                self.connected.entry(host).or_default().remove(peer);
                self.parted.entry(host).or_default().insert(*peer, moment);
                self.told_twice.entry(host).or_default().remove(peer);
            }
            Event::FileWritten { file, version, .. } => {
                self.written.insert((host, *file), (moment, *version));
                self.known.entry(host).or_default().insert(*file);
            }
            Event::FileDeleted { file } => self.deleted.entry((host, *file)).or_default().push(moment),
            Event::FileLearnt { file, .. } => {
                self.learnt.insert((host, *file), moment);
                return !self.known.entry(host).or_default().insert(*file);
            }
            Event::RunsTwice { peer } => _ = self.told_twice.entry(host).or_default().insert(*peer, elapsed()),
            Event::CatalogDamaged { .. } | Event::CatalogLost => {
                self.has_told_damage.insert(host);
            }
            Event::FetchStarted { file, .. } => {
                let learnt = self.learnt.get(&(host, *file)).copied();
                self.searched.insert((host, *file), (moment, learnt));
            }
            Event::FetchAnswered { peer, file, answer: FetchAnswer::Damaged } => {
                let learnt_before = self.searched.get(&(host, *file)).and_then(|(_, learnt)| *learnt);
                self.damaged.entry((host, *file)).or_default().insert(*peer, Damaged { at: moment, learnt_before });
            }
            _ => {}
        }
        false
    }

    fn stir(&mut self, host: Host, event: &Event, moment: u64) {
        if let Event::PeerConnected { .. }
        | Event::PeerLost { .. }
        | Event::FileLearnt { .. }
        | Event::FetchAnswered { answer: FetchAnswer::Failed(_), .. } = event
        {
            self.stirred.insert(host, moment);
        }
        let is_change = match event {
            Event::PeerRepaired { .. } | Event::RequestRefused { .. } => false,
            Event::Scrubbed { damaged: 0, .. } | Event::CatalogCompacted { .. } => false,
            Event::MessageSent { .. } | Event::MessageReceived { .. } => false,
            Event::ReplicaFailed { reason, .. } => !is_of_quota(reason),
            _ => true,
        };
        if is_change {
            self.changed.insert(host, moment);
        }
    }

    /// Notes that a repair has offered a peer nothing but what it did not take. Returns when the one before did so, if
    /// neither host has told of anything else since the one before that: a change may have come while it went on.
    pub(in crate::store) fn note_refused(&mut self, pair: (Host, Host), now: Duration) -> Option<Duration> {
        let (before, at, was_calm) = self.refused.get(&pair).copied().unwrap_or_default();
        let is_as_before = |host| self.changed.get(host).is_none_or(|changed| *changed < before);
        let is_calm = before > 0 && [pair.0, pair.1].iter().all(is_as_before);
        self.refused.insert(pair, (self.latest, now, is_calm));
        (is_calm && was_calm).then_some(at)
    }

    /// Returns the version of which a local copy was deleted since a moment; `None` if nobody can tell, because none
    /// was, or more than one, or another version was written since.
    pub(in crate::store) fn deleted_since(&self, host: Host, file: FileName, moment: u64) -> Option<Version> {
        let (written, version) = self.written.get(&(host, file))?;
        let mut deleted = self.deleted.get(&(host, file))?.iter().filter(|deleted| **deleted > moment);
        match (deleted.next(), deleted.next()) {
            (Some(deleted), None) if written < deleted => Some(*version),
            _ => None,
        }
    }

    /// Returns the peers that a node has been connected with since its last start.
    pub(in crate::store) fn met(&self, host: Host) -> Vec<NodeId> {
        self.met.get(&host).into_iter().flatten().copied().collect()
    }

    /// Returns the peers that a node is connected with, as far as it has told.
    pub(in crate::store) fn connected(&self, host: Host) -> Vec<NodeId> {
        self.connected.get(&host).into_iter().flatten().copied().collect()
    }

    /// Returns how much a node has told but for single messages.
    pub(in crate::store) fn told(&self, host: Host) -> u64 {
        self.told.get(&host).copied().unwrap_or_default()
    }

    /// Returns the peers that a node has been connected with at some time since a moment: it has asked
    /// no others.
    pub(in crate::store) fn connected_since(&self, host: Host, moment: u64) -> BTreeSet<NodeId> {
        let parted = self.parted.get(&host).into_iter().flatten();
        let parted = parted.filter(|(_, until)| **until > moment).map(|(peer, _)| *peer);
        parted.chain(self.connected(host)).collect()
    }

    /// Returns for how long all peers of a node have said that they see another one with its identity, if they have.
    pub(in crate::store) fn told_twice_for(&self, host: Host) -> Option<Duration> {
        let told = self.told_twice.get(&host)?;
        let since = self.connected.get(&host)?.iter().map(|peer| told.get(peer).copied());
        since.collect::<Option<Vec<_>>>()?.into_iter().max().map(|since| elapsed().saturating_sub(since))
    }

    /// Whether a node has learnt of no file since a moment, and has had the same peers, which have answered.
    pub(in crate::store) fn is_unstirred_since(&self, host: Host, moment: u64) -> bool {
        self.stirred.get(&host).is_none_or(|stirred| *stirred < moment)
    }

    /// Returns the damaged replicas of a file that peers have given a node since a moment.
    pub(in crate::store) fn damaged_since(&self, host: Host, file: FileName, moment: u64) -> BTreeMap<NodeId, Damaged> {
        let given = self.damaged.get(&(host, file)).into_iter().flatten();
        given.filter(|(_, given)| given.at > moment).map(|(peer, given)| (*peer, *given)).collect()
    }

    /// Whether a node has begun to search for a file among its peers since a moment.
    pub(in crate::store) fn has_searched_since(&self, host: Host, file: FileName, moment: u64) -> bool {
        self.searched.get(&(host, file)).is_some_and(|(searched, _)| *searched > moment)
    }

    /// Whether the node of a host has ever told that its catalog is damaged or lost.
    pub(in crate::store) fn has_told_damage(&self, host: Host) -> bool {
        self.has_told_damage.contains(&host)
    }
}
