//! The summaries of what the catalog says, kept in step with each commit: of the own files, and of the replicas of each
//! owner who has asked, and what these take up. Each is made from the whole catalog when it is first wanted, and again after a failed commit.

use std::collections::BTreeMap;

use super::{Catalog, read};
use crate::crypto::{HashedKey, NodeId};
use crate::disk::Disk;
use crate::limits::{LIST_PAGE_MAX, PEERS_MAX};
use crate::replication::{Entry, Placement, Summary};
use crate::store::Usage;
use crate::store::error::CatalogError;
use crate::store::lock::lock;

/// Whose files are summarised: this node's own, or those of an owner for whom it holds replicas.
type Whose = Option<NodeId>;

#[derive(Default)]
pub(super) struct Summaries {
    made: BTreeMap<Whose, Summary>,
    /// Of what each peer is to hold, by this placement.
    placed: BTreeMap<NodeId, Summary>,
    placement: Option<Placement>,
    /// What each owner takes up who has stored or asked.
    usage: BTreeMap<NodeId, Usage>,
}

/// What a change does to a summary: what goes and what comes.
pub(super) struct StepOf {
    pub(super) whose: Whose,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
    pub(super) used_before: Usage,
    pub(super) used_after: Usage,
}

impl Summaries {
    /// Takes the steps of a commit; without them nobody knows what is true, and all are made anew.
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
    /// Keeps a summary in step that has such entries only.
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
    /// The summary of the own files, or of the replicas of an owner.
    pub(in crate::store) fn summary<T>(
        &self,
        whose: Option<NodeId>,
        look: impl FnOnce(&Summary) -> T,
    ) -> Result<T, CatalogError> {
        let mut summaries = lock(&self.summaries);
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

    /// The summary of what a peer is to hold of the own files. Another placement makes all of them anew.
    pub(in crate::store) fn placed_summary<T>(
        &self,
        peer: NodeId,
        placement: &Placement,
        look: impl FnOnce(&Summary) -> T,
    ) -> Result<T, CatalogError> {
        let mut summaries = lock(&self.summaries);
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

    /// What an owner takes up.
    pub(in crate::store) fn usage(&self, owner: NodeId) -> Result<Usage, CatalogError> {
        let mut summaries = lock(&self.summaries);
        if let Some(usage) = summaries.usage.get(&owner) {
            return Ok(*usage);
        }
        let usage = self.count_usage(owner)?;
        // Who has nothing is counted at once, and takes the place of nobody.
        if usage != Usage::default() {
            if summaries.usage.len() > PEERS_MAX {
                summaries.usage.pop_first();
            }
            summaries.usage.insert(owner, usage);
        }
        Ok(usage)
    }

    /// Makes a summary of the entries that it is to have.
    fn summarise(&self, whose: Whose, has: impl Fn(&Entry) -> bool) -> Result<Summary, CatalogError> {
        let mut summary = Summary::default();
        let (mut first, last) = read::all_names();
        loop {
            let page = self.entries(whose, (first, last), LIST_PAGE_MAX)?;
            page.iter().filter(|entry| has(entry)).for_each(|entry| summary.add(entry));
            match page.last().and_then(|entry| read::next_name(entry.hashed)) {
                Some(next) => first = next,
                None => return Ok(summary),
            }
        }
    }

    /// What stands for files in summaries, from one name to another, both included, in the order of the names.
    pub(in crate::store) fn entries(
        &self,
        whose: Whose,
        names: (HashedKey, HashedKey),
        limit: usize,
    ) -> Result<Vec<Entry>, CatalogError> {
        match whose {
            None => self.own_entries(names, limit),
            Some(owner) => self.held_entries(owner, names, limit),
        }
    }
}
