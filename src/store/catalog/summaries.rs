//! The summaries of what the catalog says, updated by each commit: of the own files, and of the replicas of each owner
//! that has asked, and what these replicas take up. Each is made from the whole catalog when it is first wanted, and
//! again after a failed commit.

use std::collections::BTreeMap;
use std::sync::MutexGuard;

use super::{Catalog, read};
use crate::crypto::{NodeId, ReplicaName};
use crate::disk::Disk;
use crate::limits::{LIST_PAGE_MAX, PEERS_MAX};
use crate::replication::{Entry, Placement, Summary};
use crate::store::Usage;
use crate::store::error::CatalogError;
use crate::store::lock::lock;

/// The owner of the files in a summary: `None` is this node, otherwise an owner for which it holds replicas.
type Whose = Option<NodeId>;

#[derive(Default)]
pub(super) struct Summaries {
    /// Which catalog they are of: one that takes the place of a damaged one says other things.
    generation: u64,
    made: BTreeMap<Whose, Summary>,
    /// For each peer, the summary of the own files that it is to hold by `placement`.
    placed: BTreeMap<NodeId, Summary>,
    placement: Option<Placement>,
    /// What each owner that has stored or asked takes up.
    usage: BTreeMap<NodeId, Usage>,
}

/// What a change does to a summary: the entry that goes and the entry that comes.
pub(super) struct StepOf {
    pub(super) whose: Whose,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
    pub(super) used_before: Usage,
    pub(super) used_after: Usage,
}

impl Summaries {
    /// Whether these are the summaries of this catalog, or none.
    pub(super) fn is_of(&self, generation: u64) -> bool {
        self.generation == generation
    }

    /// Forgets the summaries of a catalog that was replaced.
    fn turn_to(&mut self, generation: u64) {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
    }

    /// Takes the steps of a commit. Without them the catalog may have changed or not, so all summaries are made anew.
    pub(super) fn follow(&mut self, steps: Option<Vec<StepOf>>) {
        let Some(steps) = steps else {
            self.placed.clear();
            self.usage.clear();
            return self.made.clear();
        };
        for step in steps {
            if let Some(usage) = step.whose.and_then(|owner| self.usage.get_mut(&owner)) {
                *usage = *usage + step.used_after - step.used_before;
            }
            if let Some(summary) = self.made.get_mut(&step.whose) {
                step.take(summary, |_| true);
            }
            if let (None, Some(placement)) = (step.whose, &self.placement) {
                for (peer, summary) in &mut self.placed {
                    step.take(summary, |entry| placement.wants(entry, *peer));
                }
            }
        }
    }
}

impl StepOf {
    /// Updates a summary of the entries for which `has` is true.
    fn take(&self, summary: &mut Summary, has: impl Fn(&Entry) -> bool) {
        if let Some(before) = self.before.filter(|entry| has(entry)) {
            summary.remove(&before);
        }
        if let Some(after) = self.after.filter(|entry| has(entry)) {
            summary.add(&after);
        }
    }
}

impl<D: Disk> Catalog<D> {
    /// Locks the summaries of this catalog.
    fn summaries(&self) -> MutexGuard<'_, Summaries> {
        let mut summaries = lock(&self.summaries);
        summaries.turn_to(self.generation());
        summaries
    }

    /// Looks at the summary of the own files, or of the replicas of an owner.
    pub(in crate::store) fn summary<T>(
        &self,
        whose: Option<NodeId>,
        look: impl FnOnce(&Summary) -> T,
    ) -> Result<T, CatalogError> {
        let mut summaries = self.summaries();
        if let Some(summary) = summaries.made.get(&whose) {
            return Ok(look(summary));
        }
        let summary = self.summarise(whose, |_| true)?;
        if summaries.made.len() > PEERS_MAX {
            summaries.made.clear();
        }
        let seen = look(&summary);
        summaries.made.insert(whose, summary);
        Ok(seen)
    }

    /// Looks at the summary of the own files that a peer is to hold. All these summaries are made anew if the placement
    /// is another than at the call before.
    pub(in crate::store) fn placed_summary<T>(
        &self,
        peer: NodeId,
        placement: &Placement,
        look: impl FnOnce(&Summary) -> T,
    ) -> Result<T, CatalogError> {
        let mut summaries = self.summaries();
        if summaries.placement.as_ref() != Some(placement) {
            summaries.placed.clear();
            summaries.placement = Some(placement.clone());
        }
        if let Some(summary) = summaries.placed.get(&peer) {
            return Ok(look(summary));
        }
        let summary = self.summarise(None, |entry| placement.wants(entry, peer))?;
        let seen = look(&summary);
        summaries.placed.insert(peer, summary);
        Ok(seen)
    }

    /// Returns what an owner takes up.
    pub(in crate::store) fn usage(&self, owner: NodeId) -> Result<Usage, CatalogError> {
        let mut summaries = self.summaries();
        if let Some(usage) = summaries.usage.get(&owner) {
            return Ok(*usage);
        }
        let usage = self.count_usage(owner)?;
        // An owner without replicas is counted quickly, and takes no other owner's place.
        if usage != Usage::default() {
            if summaries.usage.len() > PEERS_MAX {
                summaries.usage.pop_first();
            }
            summaries.usage.insert(owner, usage);
        }
        Ok(usage)
    }

    /// Makes a summary of the entries for which `has` is true.
    fn summarise(&self, whose: Whose, has: impl Fn(&Entry) -> bool) -> Result<Summary, CatalogError> {
        let mut summary = Summary::default();
        let (mut first, last) = read::all_names();
        loop {
            let page = self.entries(whose, (first, last), LIST_PAGE_MAX)?;
            page.iter().filter(|entry| has(entry)).for_each(|entry| summary.add(entry));
            match page.last().and_then(|entry| read::next_name(entry.replica_name)) {
                Some(next) => first = next,
                None => return Ok(summary),
            }
        }
    }

    /// Returns the entries of a range of names, both ends included, in the order of the names.
    pub(in crate::store) fn entries(
        &self,
        whose: Whose,
        names: (ReplicaName, ReplicaName),
        limit: usize,
    ) -> Result<Vec<Entry>, CatalogError> {
        match whose {
            None => self.own_entries(names, limit),
            Some(owner) => self.held_entries(owner, names, limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Version;
    use crate::store::layout::Layout;
    use crate::store::tests::{Place, key};

    #[test]
    fn a_commit_updates_the_summary_that_was_made() {
        let place = Place::new();
        let (catalog, _) = Catalog::open(&place.disk, (&place.keys, Layout::Folders), Version(0)).expect("a good disk");
        let before = catalog.summary(None, Summary::print).expect("a good disk");
        catalog.commit(&[&[place.stored(&key("a"), Version(1), b"")]]).expect("a good disk");
        let updated = lock(&catalog.summaries).made.get(&None).map(Summary::print);
        assert!(updated.is_some_and(|updated| updated != before));
        let anew = catalog.summarise(None, |_| true).expect("a good disk");
        assert_eq!(updated, Some(anew.print()));
    }
}
