//! The form of one page of the database. Pure.

pub(super) const LEAF: u8 = 1;
pub(super) const BRANCH: u8 = 2;

/// The sizes of keys and values if all are alike; `None` if each page names them.
#[derive(Clone, Copy)]
pub(super) struct Widths {
    pub(super) key: Option<usize>,
    pub(super) value: Option<usize>,
}

/// What gets each key with its value.
pub(super) type Hand<'a, E> = dyn FnMut(&[u8], &[u8]) -> Result<(), E> + 'a;

/// A page, as what points to it names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pointer {
    pub(super) page: u64,
    /// The XXH3 of what is used of the page.
    pub(super) check: u128,
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
pub(super) fn leaf<E>(page: &[u8], widths: Widths, hand: &mut Hand<'_, E>) -> Result<(), E> {
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
pub(super) fn children(page: &[u8]) -> Vec<Pointer> {
    let child = |n| Some(Pointer { page: u64_at(page, first_child(page) + 8 * n)?, check: u128_at(page, 8 + 16 * n)? });
    (0..=count(page)).filter_map(child).collect()
}

/// Returns the page below a branch in which a key is, if it is anywhere: each key of a branch is the last one of the
/// page before it.
pub(super) fn child_with(page: &[u8], widths: Widths, wanted: &[u8]) -> Option<Pointer> {
    let is_smaller = |n: &usize| branch_key(page, widths, *n).is_some_and(|key| key < wanted);
    children(page).get((0..count(page)).take_while(is_smaller).count()).copied()
}

fn branch_key(page: &[u8], widths: Widths, n: usize) -> Option<&[u8]> {
    let behind_children = first_child(page) + 8 * (count(page) + 1);
    if let Some(width) = widths.key {
        return page.get(behind_children + width * n..)?.get(..width);
    }
    let end = |n: usize| u32_at(page, behind_children + 4 * n).map(|end| end as usize);
    let start = n.checked_sub(1).map_or(Some(behind_children + 4 * count(page)), end);
    range(page, start, end(n))
}

/// Returns how much of a page its checksum covers: up to the end of its last value, or of the last key of a branch.
pub(super) fn used_bytes(page: &[u8], widths: Widths) -> Option<usize> {
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
pub(super) fn pointer(bytes: &[u8], at: usize) -> Option<Pointer> {
    Some(Pointer { page: u64_at(bytes, at)?, check: u128_at(bytes, at + 8)? })
}

fn count(page: &[u8]) -> usize {
    page.get(2..4).map_or(0, |count| usize::from(u16::from_le_bytes([count[0], count[1]])))
}

fn range(page: &[u8], start: Option<usize>, end: Option<usize>) -> Option<&[u8]> {
    page.get(start?..end?)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|number| u32::from_le_bytes(*number))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|number| u64::from_le_bytes(*number))
}

fn u128_at(bytes: &[u8], at: usize) -> Option<u128> {
    bytes.get(at..)?.first_chunk().map(|number| u128::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILDREN: [u64; 4] = [10, 11, 12, 13];

    /// Returns a branch whose children have these keys between them.
    fn branch(keys: [&[u8]; 3], has_ends: bool) -> Vec<u8> {
        let mut page = vec![BRANCH, 0, 3, 0, 0, 0, 0, 0];
        page.extend(CHILDREN.iter().flat_map(|child| u128::from(*child).to_le_bytes()));
        page.extend(CHILDREN.iter().flat_map(|child| child.to_le_bytes()));
        let mut end = page.len() + 4 * keys.len();
        for key in keys.iter().filter(|_| has_ends) {
            end += key.len();
            page.extend(u32::try_from(end).expect("small").to_le_bytes());
        }
        page.extend(keys.concat());
        page
    }

    #[test]
    fn a_key_is_below_the_first_key_that_is_not_smaller() {
        let fixed = Widths { key: Some(4), value: None };
        let free = Widths { key: None, value: None };
        let pages =
            [(branch([b"bbbb", b"dddd", b"ffff"], false), fixed), (branch([b"bbbb", b"dd", b"ffffff"], true), free)];
        for (page, widths) in pages {
            let child = |wanted: &[u8]| child_with(&page, widths, wanted).map(|child| child.page);
            assert_eq!([child(b"aaaa"), child(b"bbbb")], [Some(10); 2]);
            assert_eq!([child(b"bbbc"), child(b"dd")], [Some(11); 2]);
            assert_eq!([child(b"eeee"), child(b"ffff")], [Some(12); 2]);
            assert_eq!(child(b"gggg"), Some(13));
            assert_eq!(used_bytes(&page, widths), Some(page.len()));
        }
    }
}
