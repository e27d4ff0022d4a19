//! The summaries of what the catalog says, kept in step with each commit: of the own files, and of the replicas of each
//! owner who has asked. Each is made from the whole catalog when it is first wanted, and again after a failed commit.

use std::collections::BTreeMap;

use super::{Catalog, CatalogError, read};
use crate::crypto::{Entry, HashedKey, NodeId, Summary};
use crate::disk::Disk;
use crate::limits::{LIST_PAGE_MAX, PEERS_MAX};

/// Whose files are summarised: this node's own, or those of an owner for whom it holds replicas.
type Whose = Option<NodeId>;

#[derive(Default)]
pub(super) struct Summaries {
    made: BTreeMap<Whose, Summary>,
}

/// What a change does to a summary: what goes and what comes.
pub(super) struct StepOf {
    pub(super) whose: Whose,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
}

impl Summaries {
    /// Takes the steps of a commit; without them nobody knows what is true, and all are made anew.
    pub(super) fn follow(&mut self, steps: Option<Vec<StepOf>>) {
        let Some(steps) = steps else { return self.made.clear() };
        for StepOf { whose, before, after } in steps {
            let Some(summary) = self.made.get_mut(&whose) else { continue };
            if let Some(before) = before {
                summary.remove(&before);
            }
            if let Some(after) = after {
                summary.add(&after);
            }
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
        let mut summaries = super::super::lock(&self.summaries);
        if let Some(summary) = summaries.made.get(&whose) {
            return Ok(look(summary));
        }
        let mut summary = Summary::default();
        let (mut first, last) = read::all_names();
        loop {
            let page = self.entries(whose, (first, last), LIST_PAGE_MAX)?;
            page.iter().for_each(|entry| summary.add(entry));
            match page.last().and_then(|entry| read::next_name(entry.hashed)) {
                Some(next) => first = next,
                None => break,
            }
        }
        if summaries.made.len() > PEERS_MAX {
            summaries.made.clear();
        }
        let seen = look(&summary);
        summaries.made.insert(whose, summary);
        Ok(seen)
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
