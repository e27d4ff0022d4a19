//! What is durable of names and content, and what a power loss leaves.

use std::collections::BTreeSet;

use dacapo::seed::Rng;

use super::{Node, ROOT, Tree, View};
use crate::disk::chance::below;
use crate::disk::{content, segments};

impl Tree {
    pub(in crate::disk) fn sync_all(&mut self) {
        self.settle(self.operations.all());
        for (_, node) in self.walk(View::Seen) {
            if let Node::File(content) = node {
                content::lock(&content).sync();
            }
        }
    }

    /// Makes the files that have these paths durable, and what waits in their directories.
    pub(in crate::disk) fn make_durable_if(&mut self, is_meant: impl Fn(&str) -> bool) {
        let mut due = Vec::new();
        for (path, node) in self.walk(View::Seen) {
            let Node::File(content) = &node else { continue };
            if is_meant(&path) {
                content::lock(content).sync();
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                if let Ok(Node::Dir(dir)) = self.find(segments(parent)) {
                    due.extend(self.dir(dir).waiting.last());
                }
            }
        }
        self.settle(due);
    }

    pub(in crate::disk) fn lose_power(&mut self, rng: &mut impl Rng) {
        let mut kept = Vec::new();
        for dir in self.dirs.values() {
            let count = below(rng, dir.waiting.len() + 1);
            kept.extend(dir.waiting.iter().take(count));
        }
        self.settle(kept);
        self.operations.forget_all();
        for dir in self.dirs.values_mut() {
            dir.seen.clone_from(&dir.durable);
            dir.waiting.clear();
        }
        let mut dirs = BTreeSet::from([ROOT]);
        for (_, node) in self.walk(View::Durable) {
            match node {
                Node::File(content) => content::lock(&content).lose_power(rng),
                Node::Dir(dir) => _ = dirs.insert(dir),
            }
        }
        self.dirs.retain(|id, _| dirs.contains(id));
    }
}
