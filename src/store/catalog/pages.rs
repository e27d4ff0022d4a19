//! Reads the trees of a damaged database page by page, because redb refuses a database as a whole. Pure, but for
//! reading the pages.
//!
//! A page that cannot be read takes only what lies below it. What is found is what one commit had there, the last one
//! that was written whole: whatever points to a page has its checksum, so no page of another commit is taken for it.
//! The form is that of redb 3 and 4 (`docs/design.md` there); whatever does not look like it counts as unreadable.

use std::collections::BTreeSet;
use std::io;

use twox_hash::XxHash3_128;

use crate::disk::DiskFile;
use crate::limits::CATALOG_DEPTH_MAX;
use crate::store::backend::Remains;

const PAGE_BYTES: u64 = 4096;
/// A page is so many times doubled at most: 1 MiB, because no value is larger than a packed blob.
const PAGE_ORDER_MAX: u64 = 8;
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
const TABLE: u8 = 3;

// Where redb's header has what is needed here.
const PRIMARY_FLAG: (usize, u8) = (9, 1);
const REGION_HEADER_PAGES: usize = 16;
const REGION_PAGES: usize = 20;
const REGION_PAGES_MAX: u64 = 1 << 20;
const SLOTS: [usize; 2] = [64, 192];
const HAS_ROOT: usize = 1;
const ROOT: usize = 8;

/// The sizes of keys and values if all are alike; `None` if each page names them.
#[derive(Clone, Copy)]
struct Widths {
    key: Option<usize>,
    value: Option<usize>,
}

/// What gets each key with its value.
type Hand<'a, E> = dyn FnMut(&[u8], &[u8]) -> Result<(), E> + 'a;

/// A page, as what points to it names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pointer {
    page: u64,
    /// The XXH3 of what is used of the page.
    check: u128,
}

/// A tree of a damaged database.
#[derive(Clone, Copy)]
pub(super) struct Tree {
    root: Pointer,
    widths: Widths,
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
        let primary = usize::from(remains.header()[PRIMARY_FLAG.0] & PRIMARY_FLAG.1 != 0);
        let slot = if remains.is_whole() || !is_better(remains, 1 - primary, primary)? { primary } else { 1 - primary };
        Self::of_slot(remains, slot)
    }

    fn of_slot(remains: &'a Remains<F>, slot: usize) -> io::Result<Self> {
        let pages = |at| u32_at(remains.header(), at).map(u64::from).filter(|pages| *pages <= REGION_PAGES_MAX);
        let region_header_bytes = pages(REGION_HEADER_PAGES).unwrap_or_default() * PAGE_BYTES;
        let region_bytes = region_header_bytes + pages(REGION_PAGES).unwrap_or_default() * PAGE_BYTES;
        let bytes = remains.len()?;
        let (budget, lost) = (bytes / PAGE_BYTES, BTreeSet::new());
        Ok(Self { remains, slot, region_header_bytes, region_bytes, bytes, budget, lost, is_reused: false })
    }

    /// Returns the root of the tree that has the names of all tables.
    fn root(&self) -> Option<Pointer> {
        let slot = &self.remains.header()[SLOTS[self.slot]..];
        pointer(slot, ROOT).filter(|_| slot[HAS_ROOT] != 0)
    }

    /// Reads every page.
    fn visit(&mut self) -> io::Result<()> {
        for (_, tree) in self.tables()? {
            self.each::<io::Error>(tree, &mut |_, _| Ok(()))?;
        }
        Ok(())
    }

    /// Returns how many pages could not be read.
    pub(super) fn lost_pages(&self) -> u64 {
        self.lost.len() as u64
    }

    /// Returns every table that can be found, with its name.
    pub(super) fn tables(&mut self) -> io::Result<Vec<(String, Tree)>> {
        let mut tables = Vec::new();
        let Some(root) = self.root() else { return Ok(tables) };
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
        self.below(tree.root, tree.widths, 0, hand)
    }

    fn below<E: From<io::Error>>(
        &mut self,
        pointer: Pointer,
        widths: Widths,
        depth: usize,
        hand: &mut Hand<'_, E>,
    ) -> Result<(), E> {
        let read = if depth < CATALOG_DEPTH_MAX { self.read(pointer, widths)? } else { None };
        match read.as_deref() {
            Some(page @ [LEAF, ..]) => leaf(page, widths, hand),
            Some(page @ [BRANCH, ..]) => {
                for child in children(page) {
                    self.below(child, widths, depth + 1, hand)?;
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
        let used = used_bytes(&page, widths).and_then(|used| page.get(..used));
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

/// Whether the commit of a slot is the one to salvage instead of that of the other slot: because that has lost a page
/// that this one has or does not need. But if a page of this one was used again, the other was durable.
fn is_better<F: DiskFile>(remains: &Remains<F>, slot: usize, other: usize) -> io::Result<bool> {
    let (mut this, mut other) = (Trees::of_slot(remains, slot)?, Trees::of_slot(remains, other)?);
    this.visit()?;
    other.visit()?;
    Ok(this.root().is_some() && !this.is_reused && !other.lost.is_subset(&this.lost))
}

/// Returns the tree of a table by its definition.
fn table(definition: &[u8]) -> Option<Tree> {
    let (&[kind], rest) = definition.split_first_chunk()?;
    // The number of entries; then whether there is a root; then root, checksum and length.
    let has_root = *rest.get(8)?;
    let root = pointer(rest, 9)?;
    let width = |at: usize| match rest.get(at)? {
        0 => Some(None),
        _ => Some(Some(usize::try_from(u32_at(rest, at + 1)?).ok()?)),
    };
    let widths = Widths { key: width(41)?, value: width(46)? };
    (kind == TABLE && has_root != 0).then_some(Tree { root, widths })
}

/// Where the keys and the values of a leaf end.
struct Ends<'a> {
    page: &'a [u8],
    widths: Widths,
    count: usize,
}

impl Ends<'_> {
    /// Where the first key begins: behind 4 bytes and the ends of all keys and values that are not of one width.
    fn first_key(&self) -> usize {
        let lists = usize::from(self.widths.key.is_none()) + usize::from(self.widths.value.is_none());
        4 + 4 * self.count * lists
    }

    fn key(&self, n: usize) -> Option<usize> {
        match self.widths.key {
            Some(width) => Some(self.first_key() + width * (n + 1)),
            None => u32_at(self.page, 4 + 4 * n).map(|end| end as usize),
        }
    }

    fn value(&self, n: usize) -> Option<usize> {
        let keys = if self.widths.key.is_none() { 4 * self.count } else { 0 };
        match self.widths.value {
            Some(width) => Some(self.key(self.count - 1)? + width * (n + 1)),
            None => u32_at(self.page, 4 + keys + 4 * n).map(|end| end as usize),
        }
    }
}

/// Hands on the entries of a leaf.
fn leaf<E>(page: &[u8], widths: Widths, hand: &mut Hand<'_, E>) -> Result<(), E> {
    let ends = Ends { page, widths, count: count(page) };
    let (mut key_start, mut value_start) =
        (Some(ends.first_key()), ends.count.checked_sub(1).and_then(|n| ends.key(n)));
    for n in 0..ends.count {
        let (key_end, value_end) = (ends.key(n), ends.value(n));
        if let (Some(key), Some(value)) = (range(page, key_start, key_end), range(page, value_start, value_end)) {
            hand(key, value)?;
        }
        (key_start, value_start) = (key_end, value_end);
    }
    Ok(())
}

/// Where the numbers of the pages below a branch begin: behind 8 bytes and the checksums of all of them.
fn first_child(page: &[u8]) -> usize {
    8 + 16 * (count(page) + 1)
}

/// Returns the pages below a branch.
fn children(page: &[u8]) -> Vec<Pointer> {
    let child = |n| Some(Pointer { page: u64_at(page, first_child(page) + 8 * n)?, check: u128_at(page, 8 + 16 * n)? });
    (0..=count(page)).filter_map(child).collect()
}

/// Returns how much of a page its checksum covers: up to the end of its last value, or of the last key of a branch.
fn used_bytes(page: &[u8], widths: Widths) -> Option<usize> {
    let count = count(page);
    let last = count.checked_sub(1)?;
    if page[0] == LEAF {
        return Ends { page, widths, count }.value(last);
    }
    let keys = first_child(page) + 8 * (count + 1);
    match widths.key {
        Some(width) => Some(keys + width * count),
        None => u32_at(page, keys + 4 * last).map(|end| end as usize),
    }
}

/// Returns what is named by the number of a page with its checksum behind it.
fn pointer(bytes: &[u8], at: usize) -> Option<Pointer> {
    Some(Pointer { page: u64_at(bytes, at)?, check: u128_at(bytes, at + 8)? })
}

fn count(page: &[u8]) -> usize {
    page.get(2..4).map_or(0, |count| usize::from(u16::from_le_bytes([count[0], count[1]])))
}

fn range(page: &[u8], start: Option<usize>, end: Option<usize>) -> Option<&[u8]> {
    page.get(start?..end?)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|number| u32::from_le_bytes(*number))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|number| u64::from_le_bytes(*number))
}

fn u128_at(bytes: &[u8], at: usize) -> Option<u128> {
    bytes.get(at..)?.first_chunk().map(|number| u128::from_le_bytes(*number))
}
