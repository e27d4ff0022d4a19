//! Copies of whole disks, as a backup or a snapshot takes them, and putting them back; and what a power loss would
//! leave.

use std::sync::Arc;

use dacapo::disk::{DiskPath, EntryKind};

use super::content::{self, Content};
use super::tree::{Node, Tree, View};
use super::{SimDisk, segments};

impl SimDisk {
    /// Makes a disk of its own that holds what a host sees on this one at this moment. All of it is durable.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        copy.state().tree = copy_of(&self.state().tree, View::Seen);
        copy
    }

    /// Makes a disk of its own that holds what would be left of this one after a power loss that takes back all that
    /// it can.
    #[must_use]
    pub fn after_power_loss(&self) -> Self {
        let copy = Self::new();
        copy.state().tree = copy_of(&self.state().tree, View::Durable);
        copy
    }

    /// Whether a host sees a file just as it would be after any power loss; `None` if it sees no such file.
    #[must_use]
    pub fn is_durable(&self, path: &str) -> Option<bool> {
        let state = self.state();
        let Ok(Node::File(seen)) = state.tree.find(segments(path)) else { return None };
        let durable = state.tree.find_in(View::Durable, segments(path));
        let is_same = matches!(durable, Ok(Node::File(durable)) if Arc::ptr_eq(&durable, &seen));
        let is_durable = is_same && content::lock(&seen).is_durable();
        Some(is_durable)
    }

    /// Ends the host's life, and puts a copy of a whole disk in the place of this one's content.
    pub fn restore(&self, copy: &Self) {
        let tree = copy_of(&copy.state().tree, View::Seen);
        let mut state = self.state();
        state.life += 1;
        state.has_lied = false;
        state.tree = tree;
    }
}

fn copy_of(tree: &Tree, view: View) -> Tree {
    let mut copy = Tree::default();
    // A folder comes before what lies in it.
    for (path, kind, _) in tree.paths(view) {
        let to = segments(&path).fold(DiskPath::root(), |to, segment| to.child(segment));
        if kind == EntryKind::Dir {
            copy.make_dir(&to).expect("the folder above it was made before");
        } else if let Ok(Node::File(content)) = tree.find_in(view, segments(&path)) {
            let made = copy.create(&to).expect("the folder above it was made before");
            let content = content::lock(&content);
            *content::lock(&made) = match view {
                View::Seen => Content::of(&content),
                View::Durable => Content::durable(&content),
            };
        }
    }
    copy.sync_all();
    copy
}
