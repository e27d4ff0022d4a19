//! Copies of whole disks, as a backup or a snapshot takes them, and putting them back.

use dacapo::disk::{DiskPath, EntryKind};

use super::content::{self, Content};
use super::tree::{Node, Tree, View};
use super::{SimDisk, segments};

impl SimDisk {
    /// Makes a disk of its own that holds what a host sees on this one at this moment. All of it is durable.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        copy.state().tree = copy_of(&self.state().tree);
        copy
    }

    /// Ends the host's life, and puts a copy of a whole disk in the place of this one's content.
    pub fn restore(&self, copy: &Self) {
        let tree = copy_of(&copy.state().tree);
        let mut state = self.state();
        state.life += 1;
        state.tree = tree;
    }
}

fn copy_of(tree: &Tree) -> Tree {
    let mut copy = Tree::default();
    // A folder comes before what lies in it.
    for (path, kind, _) in tree.paths(View::Seen) {
        let to = segments(&path).fold(DiskPath::root(), |to, segment| to.child(segment));
        if kind == EntryKind::Dir {
            copy.make_dir(&to).expect("the folder above it was made before");
        } else if let Ok(Node::File(content)) = tree.find(segments(&path)) {
            let made = copy.create(&to).expect("the folder above it was made before");
            *content::lock(&made) = Content::of(&content::lock(&content));
        }
    }
    copy.sync_all();
    copy
}
