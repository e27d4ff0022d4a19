//! The form of the catalog's file: a head with redb's own header, then each further block of redb beside its checksum.
//! Pure.
//!
//! ```text
//! 0        dacapo catalog 1        a label for people and for other versions
//! 3584     state A of the header, twice in a row: 512 bytes before a page boundary and 512 behind it
//! 6144     the mark: which state of the header was certainly durable
//! 7680     state B of the header, twice in a row, likewise
//! 12288    slots of 4112 bytes: a block of 4096 and its checksum
//! ```
//!
//! redb overwrites only its header in place. The two states take turns, so that a torn write leaves the one before; the
//! two copies of a state lie in different pages, so that one rotten page never takes the newest state. A checksum
//! covers the number of its block, so that a block in the wrong place is no good block.

use std::io;

/// The bytes of a block: redb's page.
pub(super) const BLOCK_BYTES: usize = 4096;

const CHECK_BYTES: usize = 16;

/// The bytes of a block and its checksum.
pub(super) const SLOT_BYTES: usize = BLOCK_BYTES + CHECK_BYTES;

/// The bytes before the first slot.
pub(super) const HEAD_BYTES: u64 = 12_288;

/// What the file begins with.
pub(super) const LABEL: &[u8] = b"dacapo catalog 1\n";

/// What the label of every form begins with.
const LABEL_OF_ANY: &[u8] = b"dacapo catalog ";

/// What a redb file begins with: the whole catalog before it had checksums.
const REDB_MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// What a disk writes whole or not at all. A copy of a state is no longer.
const SECTOR_BYTES: usize = 512;

const SEQUENCE_BYTES: usize = 8;

/// The most of the first block that redb uses: it writes 320 bytes.
pub(super) const HEADER_BYTES_MAX: usize = SECTOR_BYTES - SEQUENCE_BYTES - CHECK_BYTES;

/// Where the two states of the header begin.
const STATE_POSITIONS: [u64; 2] = [4096 - SECTOR_BYTES as u64, 8192 - SECTOR_BYTES as u64];

/// Where the mark lies: alone in its sector.
pub(super) const MARK_POSITION: u64 = 6144;

/// The bytes of the mark.
pub(super) const MARK_BYTES: usize = SEQUENCE_BYTES + CHECK_BYTES;

/// The numbers that stand for what is no block in a checksum. No file has as many blocks.
const MARK_NUMBER: u64 = u64::MAX;
const STATE_NUMBERS: [u64; 2] = [u64::MAX - 1, u64::MAX - 2];

/// Where redb's header says that its last commit was synced before it counted, as at a close (`TWO_PHASE_COMMIT` in its
/// `header.rs`).
const TWO_PHASE: (usize, u8) = (REDB_MAGIC.len(), 4);

/// One state of redb's header.
#[derive(Clone)]
pub(super) struct Header {
    /// Rises with each write of the header.
    pub(super) sequence: u64,
    /// Which of the two places it has.
    pub(super) place: usize,
    /// The beginning of the first block; the rest of that block is zeros.
    pub(super) bytes: [u8; HEADER_BYTES_MAX],
}

/// What a file begins with.
pub(super) enum Form {
    /// The form of this file, with a good state of the header, and the sequence that is marked as durable.
    Checked(Box<Header>, u64),
    /// A file of redb alone.
    Plain,
    /// The form of this file, with a good state of the header, but a later one was durable and is nowhere.
    Older(Box<Header>),
    /// A form that only another version knows.
    Other,
    /// Nothing that can be read.
    Damaged,
}

impl Header {
    /// Returns the state before the first write of the header.
    pub(super) fn none() -> Self {
        Self { sequence: 0, place: 1, bytes: [0; HEADER_BYTES_MAX] }
    }

    /// Returns where the state lies, and its two copies.
    pub(super) fn encode(&self) -> (u64, Vec<u8>) {
        let mut copy = Vec::with_capacity(2 * SECTOR_BYTES);
        copy.extend_from_slice(&self.sequence.to_le_bytes());
        copy.extend_from_slice(&self.bytes);
        copy.extend_from_slice(&check(STATE_NUMBERS[self.place], &copy));
        copy.extend_from_within(..);
        (STATE_POSITIONS[self.place], copy)
    }

    /// Whether all that this header names was certainly written: it was synced before the header was, or its state is
    /// the one that is marked.
    pub(super) fn is_whole(&self, marked: u64) -> bool {
        self.bytes[TWO_PHASE.0] & TWO_PHASE.1 != 0 || marked == self.sequence
    }
}

impl Form {
    /// Reads the head of a file, which may be shorter than a head.
    pub(super) fn of(head: &[u8]) -> Self {
        let mut newest: Option<Header> = None;
        for (place, position) in STATE_POSITIONS.into_iter().enumerate() {
            let start = usize::try_from(position).expect("a position in the head");
            for copy in [start, start + SECTOR_BYTES] {
                let Some(found) = head.get(copy..copy + SECTOR_BYTES).and_then(|copy| decode(place, copy)) else {
                    continue;
                };
                if newest.as_ref().is_none_or(|newest| newest.sequence < found.sequence) {
                    newest = Some(found);
                }
            }
        }
        match newest {
            Some(newest) => match marked(head) {
                marked if marked > newest.sequence => Self::Older(Box::new(newest)),
                marked => Self::Checked(Box::new(newest), marked),
            },
            None if head.starts_with(REDB_MAGIC) => Self::Plain,
            None if head.starts_with(LABEL_OF_ANY) && !head.starts_with(LABEL) => Self::Other,
            None => Self::Damaged,
        }
    }
}

fn decode(place: usize, copy: &[u8]) -> Option<Header> {
    let (content, found) = copy.split_last_chunk::<CHECK_BYTES>()?;
    let (sequence, bytes) = content.split_first_chunk::<SEQUENCE_BYTES>()?;
    let is_good = *found == check(STATE_NUMBERS[place], content);
    is_good.then(|| Header {
        sequence: u64::from_le_bytes(*sequence),
        place,
        bytes: bytes.try_into().expect("what is left of a sector"),
    })
}

/// Returns the sequence that a mark says to be durable; 0 if the mark is not good.
fn marked(head: &[u8]) -> u64 {
    let start = usize::try_from(MARK_POSITION).expect("a position in the head");
    let Some(mark) = head.get(start..start + MARK_BYTES) else { return 0 };
    let (sequence, found) = mark.split_first_chunk::<SEQUENCE_BYTES>().expect("a mark is longer");
    if found == check(MARK_NUMBER, sequence) { u64::from_le_bytes(*sequence) } else { 0 }
}

/// Returns the bytes that mark a state of the header as durable.
pub(super) fn encode_mark(sequence: u64) -> Vec<u8> {
    let sequence = sequence.to_le_bytes();
    [sequence.as_slice(), &check(MARK_NUMBER, &sequence)].concat()
}

/// Returns the slots of blocks that begin at `offset` of the database. The caller has checked that these are whole
/// blocks behind the first.
pub(super) fn slots(offset: u64, blocks: &[u8]) -> (u64, Vec<u8>) {
    let first = offset / BLOCK_BYTES as u64;
    let mut slots = Vec::with_capacity(blocks.len() / BLOCK_BYTES * SLOT_BYTES);
    for (number, block) in (first..).zip(blocks.chunks_exact(BLOCK_BYTES)) {
        slots.extend_from_slice(block);
        slots.extend_from_slice(&check(number, block));
    }
    (position(first), slots)
}

/// Returns the block in a slot if it is the one that was written there.
pub(super) fn block(number: u64, slot: &[u8]) -> Option<&[u8]> {
    let (block, found) = slot.split_last_chunk::<CHECK_BYTES>()?;
    (block.len() == BLOCK_BYTES && *found == check(number, block)).then_some(block)
}

/// Returns where the slot of a block lies; the first block has none.
pub(super) fn position(number: u64) -> u64 {
    HEAD_BYTES + (number - 1) * SLOT_BYTES as u64
}

/// Whether a range of the database is whole blocks behind the first.
pub(super) fn are_blocks(offset: u64, len: usize) -> bool {
    offset > 0 && offset.is_multiple_of(BLOCK_BYTES as u64) && len.is_multiple_of(BLOCK_BYTES)
}

/// Returns the length of a file in which a database has the length `len`.
pub(super) fn file_len(len: u64) -> io::Result<u64> {
    match len / BLOCK_BYTES as u64 {
        _ if !len.is_multiple_of(BLOCK_BYTES as u64) => Err(io::ErrorKind::InvalidInput.into()),
        0 => Ok(0),
        blocks => Ok(position(blocks)),
    }
}

/// Returns the length of the database in a file of this length: the blocks that are there whole.
pub(super) fn database_len(file_len: u64) -> u64 {
    match file_len.checked_sub(HEAD_BYTES) {
        None => 0,
        Some(slots) => (1 + slots / SLOT_BYTES as u64) * BLOCK_BYTES as u64,
    }
}

/// Returns the checksum of what has this number. It is no secret: it is keyed so that a thing has another one in each
/// place.
fn check(number: u64, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut key = *b"dacapo catalog block 1\0\0\0\0\0\0\0\0\0\0";
    key[24..].copy_from_slice(&number.to_le_bytes());
    let hash = blake3::keyed_hash(&key, bytes);
    *hash.as_bytes().first_chunk().expect("a hash is longer")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(states: &[Header], mark: Option<u64>) -> Vec<u8> {
        let mut head = vec![0; usize::try_from(HEAD_BYTES).expect("small")];
        head[..LABEL.len()].copy_from_slice(LABEL);
        let mut put = |position: u64, bytes: &[u8]| {
            let start = usize::try_from(position).expect("small");
            head[start..start + bytes.len()].copy_from_slice(bytes);
        };
        for state in states {
            let (position, bytes) = state.encode();
            put(position, &bytes);
        }
        if let Some(mark) = mark {
            put(MARK_POSITION, &encode_mark(mark));
        }
        head
    }

    fn state(sequence: u64, place: usize) -> Header {
        let byte = u8::try_from(sequence).expect("small");
        Header { sequence, place, bytes: [byte; HEADER_BYTES_MAX] }
    }

    #[test]
    fn no_flipped_bit_and_no_lost_page_of_the_head_takes_the_newest_state() {
        let whole = head(&[state(7, 0), state(8, 1)], Some(8));
        let newest = |head: &[u8]| match Form::of(head) {
            Form::Checked(header, _) => (header.sequence, header.bytes[0]),
            _ => (0, 0),
        };
        assert_eq!(newest(&whole), (8, 8));
        for byte in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << (byte % 8);
            assert_eq!(newest(&flipped), (8, 8), "a bit of byte {byte}");
        }
        for page in 0..3 {
            let mut lost = whole.clone();
            lost[page * 4096..][..4096].fill(0);
            assert_eq!(newest(&lost), (8, 8), "page {page}");
        }
    }

    #[test]
    fn a_torn_write_of_a_state_leaves_that_one_or_the_one_before() {
        let (before, after) = (head(&[state(7, 0), state(6, 1)], Some(7)), head(&[state(7, 0), state(8, 1)], Some(7)));
        for torn in 0..4 {
            let mut left = before.clone();
            let start = usize::try_from(STATE_POSITIONS[1]).expect("small");
            for (copy, sector) in [(1, start), (2, start + SECTOR_BYTES)] {
                if torn & copy != 0 {
                    left[sector..sector + SECTOR_BYTES].copy_from_slice(&after[sector..sector + SECTOR_BYTES]);
                }
            }
            let Form::Checked(header, marked) = Form::of(&left) else { panic!("no state is left of {torn}") };
            assert_eq!((header.sequence, marked), (if torn == 0 { 7 } else { 8 }, 7));
        }
    }

    #[test]
    fn a_state_that_was_durable_and_is_gone_is_not_that_of_the_file() {
        let mut lost = head(&[state(7, 0), state(8, 1)], Some(8));
        let start = usize::try_from(STATE_POSITIONS[1]).expect("small");
        lost[start..start + 2 * SECTOR_BYTES].fill(0);
        assert!(matches!(Form::of(&lost), Form::Older(header) if header.sequence == 7));
    }

    #[test]
    fn other_files_are_told_apart() {
        assert!(matches!(Form::of(b"redb\x1a\x0a\xa9\x0d\x0a and more"), Form::Plain));
        assert!(matches!(Form::of(b"dacapo catalog 2\n"), Form::Other));
        for bytes in [b"".as_slice(), b"redb", LABEL, &[0; 20_000]] {
            assert!(matches!(Form::of(bytes), Form::Damaged), "{bytes:?}");
        }
    }

    #[test]
    fn a_block_is_good_in_its_place_only() {
        let blocks = [1; 2 * BLOCK_BYTES];
        let (start, slots) = slots(3 * BLOCK_BYTES as u64, &blocks);
        assert_eq!(start, position(3));
        assert!(block(3, &slots[..SLOT_BYTES]).is_some() && block(4, &slots[SLOT_BYTES..]).is_some());
        assert!(block(4, &slots[..SLOT_BYTES]).is_none() && block(3, &[0; SLOT_BYTES]).is_none());
        for len in [0, 4096, 8192, 4096 * 1000] {
            assert_eq!(database_len(file_len(len).expect("whole blocks")), len);
        }
    }
}
