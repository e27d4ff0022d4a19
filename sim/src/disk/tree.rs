//! The directories of a simulated disk: the names that a host sees, and those that are durable.
//!
//! Each change of names is one operation. It waits in every directory that it changes until that directory is synced.
//! A power loss keeps a random prefix of what waits in each directory. As on a journaling file system:
//! - An operation takes effect whole or not at all. A move between two directories is durable once *either* is synced,
//!   and brings with it what waited before it in the other: the file is never lost and never there twice.
//! - A move into a directory that waits to be made makes that too; a directory that waits to be removed was empty.
//! - A sync of a directory does not make its own name durable, which POSIX does not promise: what it has synced is
//!   durable once the directory is.
//! - Nothing else is ordered between directories. A file created in a directory whose own name is not durable is
//!   dropped with it, and content is durable only by a sync of the file.

mod operations;
mod power;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::iter;
use std::sync::Arc;

use dacapo::disk::{DirEntry, DiskPath, EntryKind};

use super::content::{self, SharedContent};
use operations::{Change, OperationId, Operations};

/// An inode.
#[derive(Clone)]
pub(super) enum Node {
    File(SharedContent),
    Dir(DirId),
}

/// A directory, whatever its name. No number is used twice on a disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DirId(u64);

const ROOT: DirId = DirId(0);

/// Which names a caller means.
#[derive(Clone, Copy)]
pub(super) enum View {
    Seen,
    Durable,
}

type Names = BTreeMap<String, Node>;

#[derive(Default)]
struct Dir {
    seen: Names,
    durable: Names,
    /// Operations on these names that are not durable, in order.
    waiting: BTreeSet<OperationId>,
    /// The operation that made the directory; none for the root.
    made_by: Option<OperationId>,
}

/// All directories of a disk, and the operations on their names that are not durable.
pub(super) struct Tree {
    dirs: BTreeMap<DirId, Dir>,
    dirs_made: u64,
    operations: Operations,
}

impl Default for Tree {
    fn default() -> Self {
        let dirs = BTreeMap::from([(ROOT, Dir::default())]);
        Self { dirs, dirs_made: 0, operations: Operations::default() }
    }
}

impl Tree {
    pub(super) fn find<'p>(&self, segments: impl Iterator<Item = &'p str>) -> io::Result<Node> {
        self.find_in(View::Seen, segments)
    }

    pub(super) fn find_in<'p>(&self, view: View, segments: impl Iterator<Item = &'p str>) -> io::Result<Node> {
        let mut node = Node::Dir(ROOT);
        for segment in segments {
            let Node::Dir(dir) = node else { return Err(ErrorKind::NotADirectory.into()) };
            node = self.dir(dir).names(view).get(segment).cloned().ok_or(ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    pub(super) fn create(&mut self, path: &DiskPath) -> io::Result<SharedContent> {
        let (dir, name) = self.free_place(path)?;
        let content = SharedContent::default();
        self.change(vec![Change { dir, name, node: Some(Node::File(Arc::clone(&content))) }], Vec::new());
        Ok(content)
    }

    pub(super) fn make_dir(&mut self, path: &DiskPath) -> io::Result<()> {
        let (dir, name) = self.free_place(path)?;
        self.dirs_made += 1;
        let made = DirId(self.dirs_made);
        let operation = self.change(vec![Change { dir, name, node: Some(Node::Dir(made)) }], Vec::new());
        self.dirs.insert(made, Dir { made_by: Some(operation), ..Dir::default() });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        let file = self.find(from.segments())?;
        let (from_dir, from_name) = self.file_place(from)?;
        let Some((to_dir, to_name)) = self.place(to)? else { return Err(ErrorKind::DirectoryNotEmpty.into()) };
        if let Some(Node::Dir(_)) = self.dir(to_dir).seen.get(&to_name) {
            // If the target holds the source, Linux answers so before it looks at kinds.
            let holds_source = above(from).any(|dir| dir == *to);
            return Err(if holds_source { ErrorKind::DirectoryNotEmpty } else { ErrorKind::IsADirectory }.into());
        }
        if from == to {
            return Ok(());
        }
        let after = if from_dir == to_dir { Vec::new() } else { self.makers(above(to)).collect() };
        self.change_place(file, (from_dir, from_name), (to_dir, to_name), after);
        Ok(())
    }

    pub(super) fn move_away(&mut self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        let free = self.free_place(to);
        if let Err(error) = &free
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error.kind().into());
        }
        let node = self.find(from.segments())?;
        let (to_dir, to_name) = free?;
        let place = self.place(from)?.filter(|_| !above(to).any(|dir| dir == *from));
        let Some((from_dir, from_name)) = place else { return Err(ErrorKind::InvalidInput.into()) };
        let mut after = if from_dir == to_dir { Vec::new() } else { self.makers(above(to)).collect() };
        if let Node::Dir(dir) = node {
            after.extend(self.dir(dir).made_by);
        }
        self.change_place(node, (from_dir, from_name), (to_dir, to_name), after);
        Ok(())
    }

    /// Takes a name away and gives what it named another one, in one operation.
    fn change_place(&mut self, node: Node, from: (DirId, String), to: (DirId, String), after: Vec<OperationId>) {
        let changes =
            vec![Change { dir: from.0, name: from.1, node: None }, Change { dir: to.0, name: to.1, node: Some(node) }];
        self.change(changes, after);
    }

    pub(super) fn remove(&mut self, path: &DiskPath) -> io::Result<()> {
        let (dir, name) = self.file_place(path)?;
        self.change(vec![Change { dir, name, node: None }], Vec::new());
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &DiskPath) -> io::Result<()> {
        let removed = self.find_dir(path)?;
        if !self.dir(removed).seen.is_empty() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let (dir, name) = self.place(path)?.ok_or(ErrorKind::DirectoryNotEmpty)?;
        let after = self.dir(removed).waiting.last().copied().into_iter().collect();
        self.change(vec![Change { dir, name, node: None }], after);
        Ok(())
    }

    pub(super) fn list(&self, path: &DiskPath) -> io::Result<Vec<DirEntry>> {
        let names = &self.dir(self.find_dir(path)?).seen;
        Ok(names.iter().map(|(name, node)| DirEntry { name: name.clone(), kind: kind_of(node) }).collect())
    }

    pub(super) fn sync_dir(&mut self, path: &DiskPath) -> io::Result<()> {
        let dir = self.find_dir(path)?;
        let Some(last) = self.dir(dir).waiting.last().copied() else { return Ok(()) };
        let mut makers = self.makers(iter::once(path.clone()).chain(above(path)));
        let waits = makers.find(|maker| self.operations.waits(*maker));
        drop(makers);
        match waits {
            Some(maker) => self.operations.promise(maker, last),
            None => self.settle(vec![last]),
        }
        Ok(())
    }

    pub(super) fn paths(&self, view: View) -> Vec<(String, EntryKind, u64)> {
        let mut paths: Vec<_> = self.walk(view).into_iter().map(|(path, node)| describe(path, &node, view)).collect();
        paths.sort();
        paths
    }

    /// Returns how many pages all files have that have a name.
    pub(super) fn pages(&self) -> u64 {
        let pages = |(_, node)| match node {
            Node::File(content) => content::lock(&content).pages(),
            Node::Dir(_) => 0,
        };
        self.walk(View::Seen).into_iter().map(pages).sum()
    }
}

/// Finding names.
impl Tree {
    fn dir(&self, dir: DirId) -> &Dir {
        self.dirs.get(&dir).expect("a directory outlives its names")
    }

    fn dir_mut(&mut self, dir: DirId) -> &mut Dir {
        self.dirs.get_mut(&dir).expect("a directory outlives its names")
    }

    fn find_dir(&self, path: &DiskPath) -> io::Result<DirId> {
        match self.find(path.segments())? {
            Node::Dir(dir) => Ok(dir),
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// Returns the directory that holds a path, and the name in it; `None` for the root.
    fn place(&self, path: &DiskPath) -> io::Result<Option<(DirId, String)>> {
        let whole = path.as_str();
        let (parent, name) = whole.rsplit_once('/').unwrap_or(("", whole));
        if name.is_empty() {
            return Ok(None);
        }
        match self.find(parent.split('/').filter(|segment| !segment.is_empty()))? {
            Node::Dir(dir) => Ok(Some((dir, name.to_owned()))),
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn free_place(&self, path: &DiskPath) -> io::Result<(DirId, String)> {
        let (dir, name) = self.place(path)?.ok_or(ErrorKind::AlreadyExists)?;
        if self.dir(dir).seen.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        Ok((dir, name))
    }

    fn file_place(&self, path: &DiskPath) -> io::Result<(DirId, String)> {
        let (dir, name) = self.place(path)?.ok_or(ErrorKind::IsADirectory)?;
        match self.dir(dir).seen.get(&name) {
            Some(Node::File(_)) => Ok((dir, name)),
            Some(Node::Dir(_)) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Returns the operations that made these directories, durable or not.
    fn makers(&self, dirs: impl Iterator<Item = DiskPath>) -> impl Iterator<Item = OperationId> {
        let dirs = dirs.map(|path| self.find_dir(&path).expect("the path was found"));
        dirs.filter_map(|dir| self.dir(dir).made_by)
    }

    /// Returns every path below the root and what it names, a directory before its entries.
    fn walk(&self, view: View) -> Vec<(String, Node)> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), ROOT)];
        while let Some((prefix, dir)) = open.pop() {
            for (name, node) in self.dir(dir).names(view) {
                let path = format!("{prefix}{name}");
                if let Node::Dir(dir) = node {
                    open.push((format!("{path}/"), *dir));
                }
                found.push((path, node.clone()));
            }
        }
        found
    }
}

impl Dir {
    fn names(&self, view: View) -> &Names {
        match view {
            View::Seen => &self.seen,
            View::Durable => &self.durable,
        }
    }
}

/// Returns the directories above a path, the root last.
fn above(path: &DiskPath) -> impl Iterator<Item = DiskPath> {
    iter::successors(path.parent(), DiskPath::parent)
}

fn describe(path: String, node: &Node, view: View) -> (String, EntryKind, u64) {
    let len = match (node, view) {
        (Node::File(content), View::Seen) => content::lock(content).len(),
        (Node::File(content), View::Durable) => content::lock(content).durable_len(),
        (Node::Dir(_), _) => 0,
    };
    (path, kind_of(node), len)
}

fn kind_of(node: &Node) -> EntryKind {
    match node {
        Node::File(_) => EntryKind::File,
        Node::Dir(_) => EntryKind::Dir,
    }
}
