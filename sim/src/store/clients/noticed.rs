//! What nodes have told of themselves, as far as an oracle needs it before the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use dacapo::crypto::{FileName, NodeId, Version};
use dacapo::event::{Event, FetchAnswer};

use crate::host::Host;

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
    /// When a node last learnt of a file, or had another peer or a peer that did not answer.
    stirred: BTreeMap<Host, u64>,
    /// The hosts whose nodes have ever told that their catalog is damaged or lost.
    has_told_damage: BTreeSet<Host>,
}

impl Noticed {
    /// Notes what the node of a host has told. Returns whether the node has learnt of a file that it knew already.
    pub(in crate::store) fn note(&mut self, host: Host, event: &Event, moment: u64) -> bool {
        self.stir(host, event, moment);
        match event {
            Event::Started { .. } => {
                self.known.remove(&host);
                self.met.remove(&host);
                self.connected.remove(&host);
            }
            Event::PeerConnected { peer, .. } => {
                self.met.entry(host).or_default().insert(*peer);
                self.connected.entry(host).or_default().insert(*peer);
            }
            Event::PeerLost { peer, .. } => {
                self.connected.entry(host).or_default().remove(peer);
            }
            Event::FileWritten { file, version, .. } => {
                self.written.insert((host, *file), (moment, *version));
                self.known.entry(host).or_default().insert(*file);
            }
            Event::FileDeleted { file } => self.deleted.entry((host, *file)).or_default().push(moment),
            Event::FileLearnt { file, .. } => return !self.known.entry(host).or_default().insert(*file),
            Event::CatalogDamaged { .. } | Event::CatalogLost => {
                self.has_told_damage.insert(host);
            }
            _ => {}
        }
        false
    }

    fn stir(&mut self, host: Host, event: &Event, moment: u64) {
        if let Event::PeerConnected { .. }
        | Event::PeerLost { .. }
        | Event::FileLearnt { .. }
        | Event::FetchAnswered { answer: FetchAnswer::Damaged | FetchAnswer::Failed(_), .. } = event
        {
            self.stirred.insert(host, moment);
        }
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

    /// Whether a node has learnt of no file since a moment, and has had the same peers, which have answered.
    pub(in crate::store) fn is_unstirred_since(&self, host: Host, moment: u64) -> bool {
        self.stirred.get(&host).is_none_or(|stirred| *stirred < moment)
    }

    /// Whether the node of a host has ever told that its catalog is damaged or lost.
    pub(in crate::store) fn has_told_damage(&self, host: Host) -> bool {
        self.has_told_damage.contains(&host)
    }
}
