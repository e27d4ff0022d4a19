//! Reads the trees of a damaged database page by page, because redb refuses a database as a whole. Pure, but for
//! reading the pages.
//!
//! A page that cannot be read takes only what lies below it. What is found is what one commit had there, the last one
//! that was written whole: whatever points to a page has its checksum, so no page of another commit is taken for it.
//! The form is that of redb 3 and 4 (`docs/design.md` there); whatever does not look like it counts as unreadable.

use std::collections::BTreeSet;
use std::io;

use twox_hash::XxHash3_128;

use super::page::{self, BRANCH, Hand, LEAF, Pointer, Widths, u32_at};
use crate::disk::DiskFile;
use crate::limits::CATALOG_DEPTH_MAX;
use crate::store::backend::Remains;

const PAGE_BYTES: u64 = 4096;
/// A page is so many times doubled at most: 1 MiB, because no value is larger than a packed blob.
const PAGE_ORDER_MAX: u64 = 8;
const TABLE: u8 = 3;

// Where redb's header has what is needed here.
const PRIMARY_FLAG: (usize, u8) = (9, 1);
const REGION_HEADER_PAGES: usize = 16;
const REGION_PAGES: usize = 20;
const REGION_PAGES_MAX: u64 = 1 << 20;
const SLOTS: [usize; 2] = [64, 192];

// Where a slot says whether it has a root, and where it has that: of the tables, and of redb's own.
const ROOT: (usize, usize) = (1, 8);
const SYSTEM_ROOT: (usize, usize) = (2, 40);

/// A tree of a damaged database.
#[derive(Clone, Copy)]
pub(super) struct Tree {
    root: Pointer,
    widths: Widths,
}

/// How a tree is read.
#[derive(Clone, Copy)]
struct Walk {
    widths: Widths,
    /// The depth from which on it is not read.
    end: usize,
}

/// What there is of a key in the file.
pub(super) enum Found {
    Value(Vec<u8>),
    Nothing,
    /// A page on the way to it is not the one that was written.
    Lost,
}

/// The trees of a damaged database.
pub(super) struct Trees<'a, F> {
    remains: &'a Remains<F>,
    /// Which of the two slots of redb's header has the commit that is read.
    slot: usize,
    region_header_bytes: u64,
    region_bytes: u64,
    /// The length of the database.
    bytes: u64,
    /// Pages that may still be read, so that a tree that is no tree comes to an end.
    budget: u64,
    /// Pages that could not be read.
    lost: BTreeSet<Pointer>,
    /// Whether one of them has given its place to a page of another commit.
    is_reused: bool,
}

impl<'a, F: DiskFile> Trees<'a, F> {
    /// Finds the trees of the last commit. If that was under way when a call of the disk failed, or when the power was
    /// lost, some of its pages may never have been written. Then these are the trees of the commit before: redb uses
    /// its pages again only after the next is durable.
    pub(super) fn of(remains: &'a Remains<F>) -> io::Result<Self> {
        let primary = primary(remains);
        let slot = if remains.is_whole() || !is_better(remains, 1 - primary, primary)? { primary } else { 1 - primary };
        Self::of_slot(remains, slot)
    }

    fn of_slot(remains: &'a Remains<F>, slot: usize) -> io::Result<Self> {
        let pages = |at| u32_at(remains.header(), at).map(u64::from).filter(|pages| *pages <= REGION_PAGES_MAX);
        let region_header_bytes = pages(REGION_HEADER_PAGES).unwrap_or_default() * PAGE_BYTES;
        let region_bytes = region_header_bytes + pages(REGION_PAGES).unwrap_or_default() * PAGE_BYTES;
        let bytes = remains.len()?;
        let (budget, lost) = (bytes / PAGE_BYTES + CATALOG_DEPTH_MAX as u64, BTreeSet::new());
        Ok(Self { remains, slot, region_header_bytes, region_bytes, bytes, budget, lost, is_reused: false })
    }

    /// Returns the root of a tree that has the names of tables.
    fn root(&self, (has_root, root): (usize, usize)) -> Option<Pointer> {
        let slot = &self.remains.header()[SLOTS[self.slot]..];
        page::pointer(slot, root).filter(|_| slot[has_root] != 0)
    }

    /// Reads every page of the tables below a root, but the leaves of those whose values are proved elsewhere. Returns
    /// how many entries it has seen.
    fn visit(&mut self, root: (usize, usize), is_proved: impl Fn(&str) -> bool) -> io::Result<u64> {
        let mut entries = 0;
        for (name, tree) in self.tables_below(root)? {
            let end = if is_proved(&name) { self.height(tree)? } else { usize::MAX };
            let walk = Walk { widths: tree.widths, end };
            self.below::<io::Error>(tree.root, walk, 0, &mut |_, _| {
                entries += 1;
                Ok(())
            })?;
        }
        Ok(entries)
    }

    /// Returns the depth of the leaves: all have the same.
    fn height(&mut self, tree: Tree) -> io::Result<usize> {
        let (mut pointer, mut depth) = (tree.root, 0);
        while depth < CATALOG_DEPTH_MAX {
            let first = match self.read(pointer, tree.widths)?.as_deref() {
                Some(page @ [BRANCH, ..]) => page::children(page).first().copied(),
                Some(_) => break,
                None => None,
            };
            match first {
                Some(first) => (pointer, depth) = (first, depth + 1),
                None => {
                    self.lost.insert(pointer);
                    break;
                }
            }
        }
        Ok(depth)
    }

    /// Returns how many pages could not be read.
    pub(super) fn lost_pages(&self) -> u64 {
        self.lost.len() as u64
    }

    /// Returns every table that can be found, with its name.
    pub(super) fn tables(&mut self) -> io::Result<Vec<(String, Tree)>> {
        self.tables_below(ROOT)
    }

    fn tables_below(&mut self, root: (usize, usize)) -> io::Result<Vec<(String, Tree)>> {
        let mut tables = Vec::new();
        let Some(root) = self.root(root) else { return Ok(tables) };
        let all = Tree { root, widths: Widths { key: None, value: None } };
        self.each::<io::Error>(all, &mut |name, definition| {
            if let (Ok(name), Some(tree)) = (std::str::from_utf8(name), table(definition)) {
                tables.push((name.to_owned(), tree));
            }
            Ok(())
        })?;
        Ok(tables)
    }

    /// Hands on each entry of a tree that can be read, in the order of the keys.
    pub(super) fn each<E: From<io::Error>>(&mut self, tree: Tree, hand: &mut Hand<'_, E>) -> Result<(), E> {
        self.below(tree.root, Walk { widths: tree.widths, end: usize::MAX }, 0, hand)
    }

    fn find(&mut self, tree: Tree, key: &[u8]) -> io::Result<Found> {
        let mut pointer = tree.root;
        for _ in 0..CATALOG_DEPTH_MAX {
            match self.read(pointer, tree.widths)?.as_deref() {
                Some(page @ [LEAF, ..]) => {
                    let mut found = Found::Nothing;
                    page::leaf::<io::Error>(page, tree.widths, &mut |there, value| {
                        if there == key {
                            found = Found::Value(value.to_vec());
                        }
                        Ok(())
                    })?;
                    return Ok(found);
                }
                Some(page @ [BRANCH, ..]) => match page::child_with(page, tree.widths, key) {
                    Some(child) => pointer = child,
                    None => break,
                },
                _ => break,
            }
        }
        Ok(Found::Lost)
    }

    fn below<E: From<io::Error>>(
        &mut self,
        pointer: Pointer,
        walk: Walk,
        depth: usize,
        hand: &mut Hand<'_, E>,
    ) -> Result<(), E> {
        if depth >= walk.end {
            return Ok(());
        }
        let read = if depth < CATALOG_DEPTH_MAX { self.read(pointer, walk.widths)? } else { None };
        match read.as_deref() {
            Some(page @ [LEAF, ..]) => page::leaf(page, walk.widths, hand),
            Some(page @ [BRANCH, ..]) => {
                for child in page::children(page) {
                    self.below(child, walk, depth + 1, hand)?;
                }
                Ok(())
            }
            _ => {
                self.lost.insert(pointer);
                Ok(())
            }
        }
    }

    /// Reads a page; `None` if it is not what was written.
    fn read(&mut self, pointer: Pointer, widths: Widths) -> io::Result<Option<Vec<u8>>> {
        let Some((offset, len)) = self.place(pointer.page) else { return Ok(None) };
        let Some(budget) = self.budget.checked_sub(1) else { return Ok(None) };
        self.budget = budget;
        let Some(page) = self.remains.read(offset, len)? else { return Ok(None) };
        let used = page::used_bytes(&page, widths).and_then(|used| page.get(..used));
        let is_meant = used.is_some_and(|used| XxHash3_128::oneshot(used) == pointer.check);
        self.is_reused |= !is_meant;
        Ok(is_meant.then_some(page))
    }

    /// Returns where a page lies, and how long it is; `None` if the file ends before.
    fn place(&self, page: u64) -> Option<(u64, usize)> {
        let order = page >> 59;
        if order > PAGE_ORDER_MAX {
            return None;
        }
        let (region, index) = ((page >> 20) & 0x000f_ffff, page & (0x000f_ffff >> order));
        let len = PAGE_BYTES << order;
        let offset = PAGE_BYTES + region * self.region_bytes + self.region_header_bytes + index * len;
        (offset + len <= self.bytes).then(|| (offset, usize::try_from(len).expect("at most 1 MiB")))
    }
}

/// Returns the slot that has the last commit.
fn primary<F: DiskFile>(remains: &Remains<F>) -> usize {
    usize::from(remains.header()[PRIMARY_FLAG.0] & PRIMARY_FLAG.1 != 0)
}

/// Whether every page of redb's own tables in the last commit is there.
pub(super) fn is_system_whole<F: DiskFile>(remains: &Remains<F>) -> io::Result<bool> {
    let mut trees = Trees::of_slot(remains, primary(remains))?;
    trees.visit(SYSTEM_ROOT, |_| false)?;
    Ok(trees.lost.is_empty())
}

/// Whether every page of the last commit is there, but the leaves of those tables whose values are proved elsewhere.
pub(super) fn is_whole<F: DiskFile>(remains: &Remains<F>, is_proved: impl Fn(&str) -> bool) -> io::Result<bool> {
    let mut trees = Trees::of_slot(remains, primary(remains))?;
    trees.visit(ROOT, is_proved)?;
    Ok(trees.lost.is_empty())
}

/// Looks for a key in a table of the last commit. Reads the pages on the way from the file.
pub(super) fn find<F: DiskFile>(remains: &Remains<F>, table: &str, key: &[u8]) -> io::Result<Found> {
    let mut trees = Trees::of_slot(remains, primary(remains))?;
    let tables = trees.tables()?;
    match tables.iter().find(|(name, _)| name == table) {
        Some((_, tree)) => trees.find(*tree, key),
        None if trees.lost.is_empty() => Ok(Found::Nothing),
        None => Ok(Found::Lost),
    }
}

/// Whether the commit of a slot is the one to salvage instead of that of the other slot: because that has lost a page
/// that this one has or does not need, and has no more entries left. But if a page of this one was used again, the
/// other was durable.
fn is_better<F: DiskFile>(remains: &Remains<F>, slot: usize, other: usize) -> io::Result<bool> {
    let (mut this, mut other) = (Trees::of_slot(remains, slot)?, Trees::of_slot(remains, other)?);
    let (entries, entries_of_other) = (this.visit(ROOT, |_| false)?, other.visit(ROOT, |_| false)?);
    let has_more = entries >= entries_of_other && !other.lost.is_subset(&this.lost);
    Ok(this.root(ROOT).is_some() && !this.is_reused && has_more)
}

/// Returns the tree of a table by its definition.
fn table(definition: &[u8]) -> Option<Tree> {
    let (&[kind], rest) = definition.split_first_chunk()?;
    // The number of entries; then whether there is a root; then root, checksum and length.
    let has_root = *rest.get(8)?;
    let root = page::pointer(rest, 9)?;
    let width = |at: usize| match rest.get(at)? {
        0 => Some(None),
        _ => Some(Some(usize::try_from(u32_at(rest, at + 1)?).ok()?)),
    };
    let widths = Widths { key: width(41)?, value: width(46)? };
    (kind == TABLE && has_root != 0).then_some(Tree { root, widths })
}

#[cfg(test)]
mod tests;
