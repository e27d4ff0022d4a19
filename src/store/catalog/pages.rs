//! Reads the trees of a damaged database page by page, because redb refuses a database as a whole. Pure, but for
//! reading the pages.
//!
//! A page that cannot be read takes only what lies below it. What is found is what the last commit had there: a page is
//! reached from redb's header only, so nothing older is taken for it. The form is that of redb 3 and 4
//! (`docs/design.md` there); whatever does not look like it counts as unreadable.

use std::io;

use crate::disk::DiskFile;
use crate::limits::CATALOG_DEPTH_MAX;
use crate::store::backend::Remains;

const PAGE_BYTES: u64 = 4096;
const PAGE_ORDER_MAX: u8 = 20;
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
const TABLE: u8 = 3;

// Where redb's header has what is needed here.
const PRIMARY_FLAG: (usize, u8) = (9, 1);
const REGION_HEADER_PAGES: usize = 16;
const REGION_PAGES: usize = 20;
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

/// A tree of a damaged database.
#[derive(Clone, Copy)]
pub(super) struct Tree {
    root: u64,
    widths: Widths,
}

/// The trees of a damaged database.
pub(super) struct Trees<'a, F> {
    remains: &'a Remains<F>,
    region_header_bytes: u64,
    region_bytes: u64,
    /// Pages that may still be read, so that a tree that is no tree comes to an end.
    budget: u64,
    /// Pages that could not be read.
    pub(super) lost: u64,
}

impl<'a, F: DiskFile> Trees<'a, F> {
    pub(super) fn of(remains: &'a Remains<F>) -> io::Result<Self> {
        let number = |at| u32_at(remains.header(), at).map_or(0, u64::from);
        let region_header_bytes = number(REGION_HEADER_PAGES) * PAGE_BYTES;
        let region_bytes = region_header_bytes + number(REGION_PAGES) * PAGE_BYTES;
        let budget = remains.len()? / PAGE_BYTES;
        Ok(Self { remains, region_header_bytes, region_bytes, budget, lost: 0 })
    }

    /// Returns every table that can be found, with its name.
    pub(super) fn tables(&mut self) -> io::Result<Vec<(String, Tree)>> {
        let header = self.remains.header();
        let primary = usize::from(header[PRIMARY_FLAG.0] & PRIMARY_FLAG.1 != 0);
        let slot = &header[SLOTS[primary]..];
        let mut tables = Vec::new();
        if slot[HAS_ROOT] == 0 {
            return Ok(tables);
        }
        let Some(root) = u64_at(slot, ROOT) else { return Ok(tables) };
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
        page: u64,
        widths: Widths,
        depth: usize,
        hand: &mut Hand<'_, E>,
    ) -> Result<(), E> {
        let read = if depth < CATALOG_DEPTH_MAX { self.read(page)? } else { None };
        match read.as_deref() {
            Some(page @ [LEAF, ..]) => leaf(page, widths, hand),
            Some(page @ [BRANCH, ..]) => {
                for child in children(page) {
                    self.below(child, widths, depth + 1, hand)?;
                }
                Ok(())
            }
            _ => {
                self.lost += 1;
                Ok(())
            }
        }
    }

    /// Reads a page by its number; `None` if it is not what was written.
    fn read(&mut self, number: u64) -> io::Result<Option<Vec<u8>>> {
        let order = number >> 59;
        let Some(budget) = self.budget.checked_sub(1) else { return Ok(None) };
        self.budget = budget;
        if order > u64::from(PAGE_ORDER_MAX) {
            return Ok(None);
        }
        let index = number & (0x000f_ffff >> order);
        let region = (number >> 20) & 0x000f_ffff;
        let len = PAGE_BYTES << order;
        let offset = PAGE_BYTES + region * self.region_bytes + self.region_header_bytes + index * len;
        if offset.checked_add(len).is_none_or(|end| end > self.remains.len().unwrap_or(0)) {
            return Ok(None);
        }
        self.remains.read(offset, usize::try_from(len).expect("at most 4 GiB"))
    }
}

/// Returns the tree of a table by its definition.
fn table(definition: &[u8]) -> Option<Tree> {
    let (&[kind], rest) = definition.split_first_chunk()?;
    // The number of entries; then whether there is a root; then root, checksum and length.
    let has_root = *rest.get(8)?;
    let root = u64_at(rest, 9)?;
    let width = |at: usize| match rest.get(at)? {
        0 => Some(None),
        _ => Some(Some(usize::try_from(u32_at(rest, at + 1)?).ok()?)),
    };
    let widths = Widths { key: width(41)?, value: width(46)? };
    (kind == TABLE && has_root != 0).then_some(Tree { root, widths })
}

/// Hands on the entries of a leaf.
fn leaf<E>(page: &[u8], widths: Widths, hand: &mut Hand<'_, E>) -> Result<(), E> {
    let count = count(page);
    let ends = 4 * count;
    let key_ends = if widths.key.is_none() { ends } else { 0 };
    let value_ends = if widths.value.is_none() { ends } else { 0 };
    let first_key = 4 + key_ends + value_ends;
    let key_end = |n: usize| match widths.key {
        Some(width) => Some(first_key + width * (n + 1)),
        None => u32_at(page, 4 + 4 * n).map(|end| end as usize),
    };
    let Some(first_value) = (if count == 0 { None } else { key_end(count - 1) }) else { return Ok(()) };
    let value_end = |n: usize| match widths.value {
        Some(width) => Some(first_value + width * (n + 1)),
        None => u32_at(page, 4 + key_ends + 4 * n).map(|end| end as usize),
    };
    let start = |first: usize, n: usize, end: &dyn Fn(usize) -> Option<usize>| match n {
        0 => Some(first),
        n => end(n - 1),
    };
    for n in 0..count {
        let key = range(page, start(first_key, n, &key_end), key_end(n));
        let value = range(page, start(first_value, n, &value_end), value_end(n));
        if let (Some(key), Some(value)) = (key, value) {
            hand(key, value)?;
        }
    }
    Ok(())
}

/// Returns the numbers of the pages below a branch.
fn children(page: &[u8]) -> Vec<u64> {
    let children = count(page) + 1;
    // Behind 8 bytes come the checksums of all children, then their numbers.
    let first = 8 + 16 * children;
    (0..children).filter_map(|n| u64_at(page, first + 8 * n)).collect()
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
