//! The content of one file: what a read returns, and what a power loss may bring back.
//!
//! Pages are shared, and a file is never copied as a whole: the first write to a page after a sync keeps the earlier
//! page, and a sync forgets it. A hole is a page that is absent. After a power loss each sector holds what it held at
//! some moment since the last sync, and the length is one that the file had in that time. The moments are chosen for
//! the whole file, or for each page, or for each sector, so that a write comes back whole as well as torn. No sector
//! ever holds other bytes.
//!
//! A sync that fails may give pages up, as Linux does (Rebello et al., "Can Applications Recover from fsync
//! Failures?", USENIX ATC 2020): reads return them as they were written, and they count as clean, so that no later
//! sync writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use dacapo::seed::Rng;

use super::chance::below;

/// The page of x86-64 and of most ARM kernels, and the page that the catalog writes by.
pub(super) const PAGE_BYTES: usize = 4096;

/// What a disk writes whole or not at all: the smallest sector of SATA and NVMe.
const SECTOR_BYTES: usize = 512;

/// The largest position of `off_t`.
const LEN_MAX: u64 = i64::MAX.cast_unsigned();

/// How many moments of a page or a length are kept besides the latest. Chosen: a page that is written more often
/// between two syncs costs no further copies; only the states in between can then not come back.
const MOMENTS_MAX: usize = 4;

type Page = Arc<[u8]>;

/// The content of a file, as its handles and its names share it.
pub(super) type SharedContent = Arc<Mutex<Content>>;

pub(super) fn lock(content: &SharedContent) -> MutexGuard<'_, Content> {
    content.lock().expect("no call panics while it holds a file")
}

/// Bytes after the length are zeros in every page, so that a file that grows reads as zeros.
#[derive(Default)]
pub(super) struct Content {
    len: u64,
    pages: BTreeMap<u64, Page>,
    /// What the pages held that changed since the last sync, oldest first: the first is durable.
    earlier_pages: BTreeMap<u64, Vec<Option<Page>>>,
    /// The lengths that the file had since the last sync, oldest first: the first is durable.
    earlier_lens: Vec<u64>,
    /// What is durable of the pages that a failed sync has given up. A write to such a page makes it dirty again.
    given_up: BTreeMap<u64, Option<Page>>,
    /// Pages with a sector that cannot be read. A disk gives such a sector another place when it is written.
    unreadable: BTreeSet<u64>,
}

/// What comes back from one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grain {
    File,
    Page,
    Sector,
}

impl Content {
    /// Returns what a read of `content` returns, all of it durable.
    pub(super) fn of(content: &Self) -> Self {
        let (pages, unreadable) = (content.pages.clone(), content.unreadable.clone());
        Self { len: content.len, pages, unreadable, ..Self::default() }
    }

    /// Returns what is left after a power loss that takes back all that it can.
    pub(super) fn durable(content: &Self) -> Self {
        let mut durable = Self { len: content.durable_len(), ..Self::of(content) };
        let earliest = content.earlier_pages.iter().filter_map(|(index, moments)| Some((index, moments.first()?)));
        for (index, page) in content.given_up.iter().chain(earliest) {
            durable.pages.remove(index);
            durable.pages.extend(page.clone().map(|page| (*index, page)));
        }
        durable.clear_after_len();
        durable
    }

    /// Whether a power loss takes nothing back.
    pub(super) fn is_durable(&self) -> bool {
        self.earlier_pages.is_empty() && self.earlier_lens.is_empty() && self.given_up.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn durable_len(&self) -> u64 {
        self.earlier_lens.first().copied().unwrap_or(self.len)
    }

    /// Returns how many pages are not holes.
    pub(super) fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Makes a sector unreadable.
    pub(super) fn lose_sector(&mut self, position: u64) {
        self.unreadable.insert(page_of(position).0);
    }

    /// Whether all of these bytes can be read.
    pub(super) fn is_readable(&self, position: u64, len: usize) -> bool {
        let last = page_of(position.saturating_add((len as u64).saturating_sub(1))).0;
        len == 0 || self.unreadable.range(page_of(position).0..=last).next().is_none()
    }

    pub(super) fn read(&self, position: u64, buffer: &mut [u8]) -> usize {
        let left = usize::try_from(self.len.saturating_sub(position)).unwrap_or(usize::MAX);
        let total = buffer.len().min(left);
        let mut done = 0;
        while done < total {
            let (index, offset) = page_of(position + done as u64);
            let count = (total - done).min(PAGE_BYTES - offset);
            let target = &mut buffer[done..done + count];
            match self.pages.get(&index) {
                Some(page) => target.copy_from_slice(&page[offset..offset + count]),
                None => target.fill(0),
            }
            done += count;
        }
        total
    }

    /// Writes until more than `pages_free` holes would be filled.
    pub(super) fn write(&mut self, position: u64, bytes: &[u8], mut pages_free: u64) -> io::Result<()> {
        if position.checked_add(bytes.len() as u64).is_none_or(|end| end > LEN_MAX) {
            return Err(ErrorKind::InvalidInput.into());
        }
        let mut done = 0;
        while done < bytes.len() {
            let (index, offset) = page_of(position + done as u64);
            if !self.pages.contains_key(&index) {
                let Some(left) = pages_free.checked_sub(1) else { break };
                pages_free = left;
            }
            let count = (bytes.len() - done).min(PAGE_BYTES - offset);
            self.write_page(index, offset, &bytes[done..done + count]);
            done += count;
        }
        let end = position + done as u64;
        if done > 0 && end > self.len {
            self.remember_len();
            self.len = end;
        }
        if done < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    pub(super) fn set_len(&mut self, len: u64) -> io::Result<()> {
        if len > LEN_MAX {
            return Err(ErrorKind::InvalidInput.into());
        }
        if len == self.len {
            return Ok(());
        }
        self.remember_len();
        self.len = len;
        let cut: Vec<u64> = self.pages.range(page_of(len).0..).map(|(index, _)| *index).collect();
        for index in cut {
            self.remember_page(index);
        }
        self.clear_after_len();
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        self.earlier_pages.clear();
        self.earlier_lens.clear();
    }

    /// Gives up each page that was not synced, or keeps it for the next sync, as `rng` chooses.
    pub(super) fn fail_sync(&mut self, rng: &mut impl Rng) {
        for (index, mut moments) in mem::take(&mut self.earlier_pages) {
            if below(rng, 2) == 0 {
                self.given_up.insert(index, moments.swap_remove(0));
            } else {
                self.earlier_pages.insert(index, moments);
            }
        }
    }

    /// Brings the file back as a power loss leaves it. What is left is durable.
    pub(super) fn lose_power(&mut self, rng: &mut impl Rng) {
        for (index, durable) in mem::take(&mut self.given_up) {
            self.pages.remove(&index);
            self.pages.extend(durable.map(|page| (index, page)));
        }
        if self.earlier_pages.is_empty() && self.earlier_lens.is_empty() {
            return;
        }
        let grain = [Grain::File, Grain::Page, Grain::Sector][below(rng, 3)];
        let file_survives = below(rng, 2) == 1;
        let mut pick = |moments: usize, at: Grain| match grain {
            Grain::File if file_survives => Some(moments - 1),
            Grain::File => Some(0),
            _ if grain == at => Some(below(rng, moments)),
            _ => None,
        };
        for (index, mut moments) in mem::take(&mut self.earlier_pages) {
            moments.push(self.pages.remove(&index));
            let whole = pick(moments.len(), Grain::Page);
            let page = match whole {
                Some(moment) => moments.swap_remove(moment),
                None => torn(&moments, |count| pick(count, Grain::Sector).unwrap_or(0)),
            };
            self.pages.extend(page.map(|page| (index, page)));
        }
        let mut lens = mem::take(&mut self.earlier_lens);
        lens.push(self.len);
        let moment = pick(lens.len(), grain).unwrap_or(0);
        self.len = lens[moment];
        self.clear_after_len();
    }

    /// Flips a bit of one byte at every moment that could come back; bit 0 is the lowest.
    pub(super) fn flip_bit(&mut self, position: u64, bit: u8) -> io::Result<()> {
        if position >= self.len {
            return Err(ErrorKind::InvalidInput.into());
        }
        let (index, offset) = page_of(position);
        let flip = |page: &mut Page| Arc::make_mut(page)[offset] ^= 1 << bit;
        flip(self.pages.entry(index).or_insert_with(zero_page));
        for moment in self.earlier_pages.get_mut(&index).into_iter().flatten() {
            flip(moment.get_or_insert_with(zero_page));
        }
        if let Some(durable) = self.given_up.get_mut(&index) {
            flip(durable.get_or_insert_with(zero_page));
        }
        Ok(())
    }

    fn write_page(&mut self, index: u64, offset: usize, bytes: &[u8]) {
        self.remember_page(index);
        self.unreadable.remove(&index);
        if bytes.len() == PAGE_BYTES {
            self.pages.insert(index, bytes.into());
            return;
        }
        let page = self.pages.entry(index).or_insert_with(zero_page);
        Arc::make_mut(page)[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn remember_page(&mut self, index: u64) {
        if let Some(durable) = self.given_up.remove(&index) {
            self.earlier_pages.insert(index, vec![durable]);
            return;
        }
        let moments = self.earlier_pages.entry(index).or_default();
        if moments.len() < MOMENTS_MAX {
            moments.push(self.pages.get(&index).cloned());
        }
    }

    fn remember_len(&mut self) {
        if self.earlier_lens.len() < MOMENTS_MAX {
            self.earlier_lens.push(self.len);
        }
    }

    fn clear_after_len(&mut self) {
        let (index, offset) = page_of(self.len);
        let mut cut = self.pages.split_off(&index);
        drop(self.unreadable.split_off(&(index + u64::from(offset > 0))));
        if offset > 0
            && let Some(mut last) = cut.remove(&index)
        {
            Arc::make_mut(&mut last)[offset..].fill(0);
            self.pages.insert(index, last);
        }
    }
}

/// Makes a page whose sectors come from the moments that `pick` chooses.
fn torn(moments: &[Option<Page>], mut pick: impl FnMut(usize) -> usize) -> Option<Page> {
    let mut bytes = [0; PAGE_BYTES];
    for (sector, target) in bytes.chunks_exact_mut(SECTOR_BYTES).enumerate() {
        if let Some(page) = &moments[pick(moments.len())] {
            target.copy_from_slice(&page[sector * SECTOR_BYTES..][..SECTOR_BYTES]);
        }
    }
    bytes.iter().any(|byte| *byte != 0).then(|| bytes.as_slice().into())
}

fn zero_page() -> Page {
    [0; PAGE_BYTES].as_slice().into()
}

/// Returns the page that holds a position, and the position in that page.
fn page_of(position: u64) -> (u64, usize) {
    let page_bytes = PAGE_BYTES as u64;
    let offset = usize::try_from(position % page_bytes).expect("an offset is below the page size");
    (position / page_bytes, offset)
}
