//! Small text files of the data directory: read whole within a bound, and replaced durably or not at all.

use std::io;

use crate::disk::{Disk, DiskFile, DiskPath, read_full};

/// Room for a file that is a little longer than any of them, so that an overlong one is seen to be so.
const FILE_BYTES_MAX: usize = 256;

/// The first bytes of a file; `None` where there is none.
pub(super) fn read(disk: &impl Disk, path: &DiskPath) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = vec![0; FILE_BYTES_MAX];
    let count = read_full(&file, 0, &mut text)?;
    text.truncate(count);
    Ok(Some(text))
}

/// Gives a file this text. Durable on return; a crash leaves the old file or the new one.
pub(super) fn replace(disk: &impl Disk, temporary: &DiskPath, path: &DiskPath, text: &str) -> io::Result<()> {
    match disk.remove(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(temporary)?;
    file.write_at(0, text.as_bytes())?;
    file.sync()?;
    disk.rename(temporary, path)?;
    disk.sync_dir(&DiskPath::root())
}
