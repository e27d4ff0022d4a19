//! The catalog's database file on the disk seam, so that one database runs on a real and on a simulated disk, and no
//! rotten page is ever read as good. `blocks` has the form of the file.
//!
//! While redb opens the file after a crash, a block that is not what was written reads as zeros: a power loss may have
//! taken unsynced blocks, redb looks at their checksums, and goes back to the commit before. In every other case such a
//! block is damage, and reading it is an error of the kind `InvalidData`.

mod blocks;
mod switches;

use std::fmt;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use redb::StorageBackend;

use super::lock::lock;
use crate::disk::{DiskFile, read_full};
use crate::limits::CHUNK_BYTES;
use blocks::{BLOCK_BYTES, Form, HEAD_BYTES, HEADER_BYTES_MAX, Header, SLOT_BYTES};

pub(super) use switches::Switches;

/// One file of a disk as the storage of a database.
pub(super) struct Backend<F> {
    file: F,
    header: Mutex<Current>,
    switches: Switches,
}

/// The header as redb sees it.
struct Current {
    header: Header,
    /// Whether it is durable, so that the next one takes the other place.
    is_synced: bool,
    /// The last state that is marked as durable.
    marked: u64,
    /// Whether all that the state names was written. After a crash that is not known until redb has opened the file:
    /// it syncs the state that it found before it looks whether its blocks are there.
    is_whole: bool,
}

/// What a catalog file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileForm {
    /// Each block has its checksum.
    Checked,
    /// A file of redb alone, as the catalog was before it had checksums.
    Plain,
}

impl<F: DiskFile> Backend<F> {
    /// Begins a database in an empty file.
    pub(super) fn create(file: F, switches: &Switches) -> io::Result<Self> {
        file.write_at(0, blocks::LABEL)?;
        let current = Current { header: Header::none(), is_synced: true, marked: 0, is_whole: true };
        Ok(Self::new(file, switches, current))
    }

    /// Opens an existing file, and makes it durable as it reads.
    pub(super) fn open(file: F, switches: &Switches) -> io::Result<Self> {
        let Form::Checked(header, marked) = form(&file)? else { return Err(damaged("its header")) };
        // The next write of the header takes the place of the older state, so the newer one has to be durable.
        file.sync().inspect_err(|_| switches.is_doubtful.store(true, Ordering::Relaxed))?;
        let is_whole = header.is_whole(marked);
        switches.is_strict.store(is_whole, Ordering::Relaxed);
        switches.newest.store(header.sequence, Ordering::Relaxed);
        Ok(Self::new(file, switches, Current { header: *header, is_synced: true, marked, is_whole }))
    }

    fn new(file: F, switches: &Switches, current: Current) -> Self {
        Self { file, header: Mutex::new(current), switches: switches.clone() }
    }

    fn write_header(&self, bytes: &[u8]) -> io::Result<()> {
        let mut current = lock(&self.header);
        let start = current.header.bytes.get_mut(..bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
        start.copy_from_slice(bytes);
        current.header.sequence += 1;
        self.switches.newest.store(current.header.sequence, Ordering::Relaxed);
        if current.is_synced {
            current.header.place = 1 - current.header.place;
            current.is_synced = false;
        }
        let (position, copies) = current.header.encode();
        self.file.write_at(position, &copies)
    }
}

impl<F: DiskFile> StorageBackend for Backend<F> {
    fn len(&self) -> io::Result<u64> {
        self.file.len().map(blocks::database_len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset == 0 && out.len() <= HEADER_BYTES_MAX {
            out.copy_from_slice(&lock(&self.header).header.bytes[..out.len()]);
            return Ok(());
        }
        let is_strict = self.switches.is_strict.load(Ordering::Relaxed);
        read_blocks(&self.file, offset, out, |number, out| match is_strict {
            true => Err(damaged(&format!("block {number}"))),
            false => {
                out.fill(0);
                Ok(())
            }
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(blocks::file_len(len)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        // No write of the header comes in between, because the state that is marked has to be one that was synced.
        let mut current = lock(&self.header);
        self.file.sync().inspect_err(|_| self.switches.is_doubtful.store(true, Ordering::Relaxed))?;
        current.is_synced = true;
        let sequence = current.header.sequence;
        // Without the mark a start after a kill takes unreadable blocks for what a power loss has left. So it is
        // written at once, and no caller waits for its sync.
        current.is_whole |= self.switches.is_strict.load(Ordering::Relaxed);
        if current.is_whole
            && current.marked != sequence
            && self.file.write_at(blocks::MARK_POSITION, &blocks::encode_mark(sequence)).is_ok()
        {
            current.marked = sequence;
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset == 0 {
            return self.write_header(data);
        }
        if !blocks::are_blocks(offset, data.len()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (position, slots) = blocks::slots(offset, data);
        self.file.write_at(position, &slots)
    }
}

/// Reads whole blocks; `rotten` decides about each that is not what was written.
fn read_blocks(
    file: &impl DiskFile,
    offset: u64,
    out: &mut [u8],
    mut rotten: impl FnMut(u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<()> {
    if !blocks::are_blocks(offset, out.len()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let first = offset / BLOCK_BYTES as u64;
    let mut slots = vec![0; out.len() / BLOCK_BYTES * SLOT_BYTES];
    if read_full(file, blocks::position(first), &mut slots)? < slots.len() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the catalog file is shorter than it should be"));
    }
    let slots = slots.chunks_exact(SLOT_BYTES);
    for ((number, slot), out) in (first..).zip(slots).zip(out.chunks_exact_mut(BLOCK_BYTES)) {
        match blocks::block(number, slot) {
            Some(block) => out.copy_from_slice(block),
            None => rotten(number, out)?,
        }
    }
    Ok(())
}

/// Returns what a catalog file is.
///
/// # Errors
/// Fails with `Unsupported` if only another version knows its form, and with `InvalidData` if it is no catalog.
pub(super) fn form_of(file: &impl DiskFile) -> io::Result<FileForm> {
    match form(file)? {
        Form::Checked(..) => Ok(FileForm::Checked),
        Form::Plain => Ok(FileForm::Plain),
        Form::Older(_) | Form::Damaged => Err(damaged("its header")),
        Form::Other => {
            let reason = "its form is not known to this version; start the version that has written it";
            Err(io::Error::new(io::ErrorKind::Unsupported, reason))
        }
    }
}

fn form(file: &impl DiskFile) -> io::Result<Form> {
    let mut head = vec![0; usize::try_from(HEAD_BYTES).expect("a few pages")];
    let count = read_full(file, 0, &mut head)?;
    Ok(Form::of(&head[..count]))
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} is not what was written"))
}

/// A damaged file, of which only what is as it was written is read.
pub(super) struct Remains<F> {
    file: F,
    header: Box<Header>,
    /// Whether all that the header names was certainly written.
    is_whole: bool,
    /// Whether a later header was durable.
    is_older: bool,
}

impl<F: DiskFile> Remains<F> {
    /// Looks at a file; `None` if it has no header from which to begin.
    pub(super) fn of(file: F) -> io::Result<Option<Self>> {
        Ok(match form(&file)? {
            Form::Checked(header, marked) => {
                Some(Self { file, is_whole: header.is_whole(marked), header, is_older: false })
            }
            // Pages of an older commit may have been used again, but each says by its checksum whether it was.
            Form::Older(header) => Some(Self { file, is_whole: false, header, is_older: true }),
            Form::Plain | Form::Other | Form::Damaged => None,
        })
    }

    /// Returns redb's header.
    pub(super) fn header(&self) -> &[u8] {
        &self.header.bytes
    }

    /// Whether a later commit was durable, and its header is lost.
    pub(super) fn is_older(&self) -> bool {
        self.is_older
    }

    /// Whether the header is the one that was written last.
    pub(super) fn is_newest(&self, switches: &Switches) -> bool {
        self.header.sequence == switches.newest.load(Ordering::Relaxed)
    }

    /// Whether all that the header names was certainly written. After a failure or a crash the last commit may be there
    /// in part.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the length of the database.
    pub(super) fn len(&self) -> io::Result<u64> {
        self.file.len().map(blocks::database_len)
    }

    /// Returns whole blocks of the database; `None` if one of them is not what was written, or not there.
    pub(super) fn read(&self, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
        let mut out = vec![0; len];
        match read_blocks(&self.file, offset, &mut out, |number, _| Err(damaged(&format!("block {number}")))) {
            Ok(()) => Ok(Some(out)),
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Copies a file of redb alone into an empty one that has checksums. Durable on return, but for the name.
pub(super) fn add_checks<F: DiskFile>(plain: &F, checked: F) -> io::Result<()> {
    let len = plain.len()?;
    let mut first = vec![0; BLOCK_BYTES];
    if !len.is_multiple_of(BLOCK_BYTES as u64) || read_full(plain, 0, &mut first)? < BLOCK_BYTES {
        return Err(damaged("its length"));
    }
    let backend = Backend::create(checked, &Switches::default())?;
    backend.set_len(len)?;
    backend.write_header(&first[..HEADER_BYTES_MAX])?;
    each_chunk(plain, BLOCK_BYTES as u64, |offset, chunk| backend.write(offset, chunk))?;
    backend.sync_data()
}

/// Makes a file durable after a sync of it has failed. Linux may have given up the unwritten bytes at that sync, and a
/// later sync does not try them again (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
/// 2020). So every byte is written again, as it reads, in its place. A power loss meanwhile leaves what the failed sync
/// could leave.
pub(super) fn write_again(file: &impl DiskFile) -> io::Result<()> {
    each_chunk(file, 0, |offset, chunk| file.write_at(offset, chunk))?;
    file.sync()
}

/// Reads a file from an offset to its end, and hands on each chunk with its own offset.
fn each_chunk(
    file: &impl DiskFile,
    mut offset: u64,
    mut take: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = read_full(file, offset, &mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        take(offset, &chunk[..count])?;
        offset += count as u64;
    }
}

impl<F> fmt::Debug for Backend<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}
