//! The changes of names that are not durable, and the order in which they become so.

use std::collections::{BTreeMap, BTreeSet};

use super::{DirId, Node, Tree};

/// The number of a change, in the order in which hosts made them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OperationId(u64);

/// One name in one directory: what it names afterwards.
pub(super) struct Change {
    pub(super) dir: DirId,
    pub(super) name: String,
    pub(super) node: Option<Node>,
}

struct Operation {
    changes: Vec<Change>,
    /// Operations that have to be durable before this one, besides those before it in its directories.
    after: Vec<OperationId>,
}

/// The operations that wait, by number.
#[derive(Default)]
pub(super) struct Operations {
    waiting: BTreeMap<OperationId, Operation>,
    /// What becomes durable with an operation: what was synced in the directories that it makes.
    promised: BTreeMap<OperationId, BTreeSet<OperationId>>,
    count: u64,
}

impl Operations {
    pub(super) fn all(&self) -> Vec<OperationId> {
        self.waiting.keys().copied().collect()
    }

    pub(super) fn forget_all(&mut self) {
        self.waiting.clear();
        self.promised.clear();
    }

    pub(super) fn waits(&self, id: OperationId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Has an operation become durable with the one that makes its directory.
    pub(super) fn promise(&mut self, maker: OperationId, synced: OperationId) {
        self.promised.entry(maker).or_default().insert(synced);
    }

    fn add(&mut self, operation: Operation) -> OperationId {
        self.count += 1;
        let id = OperationId(self.count);
        self.waiting.insert(id, operation);
        id
    }
}

impl Tree {
    /// Makes changes that hosts see at once, and that become durable together.
    pub(super) fn change(&mut self, changes: Vec<Change>, after: Vec<OperationId>) -> OperationId {
        let mut dirs = BTreeSet::new();
        for Change { dir, name, node } in &changes {
            let seen = &mut self.dir_mut(*dir).seen;
            match node {
                Some(node) => _ = seen.insert(name.clone(), node.clone()),
                None => _ = seen.remove(name),
            }
            dirs.insert(*dir);
        }
        let id = self.operations.add(Operation { changes, after });
        for dir in dirs {
            self.dir_mut(dir).waiting.insert(id);
        }
        id
    }

    /// Makes operations durable, before them all that they need, and with them what was promised.
    pub(super) fn settle(&mut self, operations: Vec<OperationId>) {
        let mut due = BTreeSet::new();
        let mut open = operations;
        while let Some(id) = open.pop() {
            let Some(operation) = self.operations.waiting.get(&id) else { continue };
            if !due.insert(id) {
                continue;
            }
            open.extend(&operation.after);
            open.extend(self.operations.promised.get(&id).into_iter().flatten());
            for change in &operation.changes {
                open.extend(self.dir(change.dir).waiting.range(..id).next_back());
            }
        }
        for id in due {
            self.operations.promised.remove(&id);
            let operation = self.operations.waiting.remove(&id).expect("what is due waits");
            let moved: Vec<_> = operation.changes.iter().filter_map(|change| change.node.clone()).collect();
            for change in operation.changes {
                self.make_durable(id, change, &moved);
            }
        }
    }

    /// Makes one change of an operation durable. A directory that goes from one place is gone unless the operation has
    /// moved it to another.
    fn make_durable(&mut self, id: OperationId, change: Change, moved: &[Node]) {
        let dir = self.dir_mut(change.dir);
        dir.waiting.remove(&id);
        let replaced = match change.node {
            Some(node) => dir.durable.insert(change.name, node),
            None => dir.durable.remove(&change.name),
        };
        let is_moved = |dir| moved.iter().any(|node| matches!(node, Node::Dir(moved) if *moved == dir));
        if let Some(Node::Dir(removed)) = replaced
            && !is_moved(removed)
        {
            let removed = self.dirs.remove(&removed).expect("a directory outlives its names");
            assert!(removed.waiting.is_empty(), "what emptied a directory is durable before its removal");
        }
    }
}
