//! How much room the disk of a data directory has.

use std::fmt;
use std::io;
use std::path::Path;

use dacapo::view::show;
use rustix::fs::statvfs;

/// Less free space than this is nearly none: one large file and the catalog's next commits. Chosen.
const FREE_BYTES_LOW: u64 = 1024 * 1024 * 1024;
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Less than one part in so many is little, whatever the size of the disk. Chosen: 5 %, as file systems reserve it.
const FREE_PART: u64 = 20;

/// The room on a disk.
pub(crate) struct Space {
    free: u64,
    all: u64,
    has_names: bool,
}

impl Space {
    /// Looks at the disk of a directory.
    pub(crate) fn of(data: &Path) -> io::Result<Self> {
        let disk = statvfs(data)?;
        let (free, all) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        Ok(Self { free, all, has_names: disk.f_files == 0 || disk.f_favail > disk.f_files / FREE_PART / 5 })
    }

    /// Whether there is next to none, for content or for names.
    pub(crate) fn is_none(&self) -> bool {
        !self.has_names || self.free < FREE_BYTES_MIN
    }

    /// Whether there is little.
    pub(crate) fn is_little(&self) -> bool {
        self.free < FREE_BYTES_LOW || self.free < self.all / FREE_PART
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.has_names {
            true => write!(f, "{} of {} are free", show::size(self.free), show::size(self.all)),
            false => f.write_str("the disk has next to no inodes for new files"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: u64 = 64 * FREE_BYTES_LOW;

    #[test]
    fn a_disk_without_names_has_no_room() {
        let is = |free, all, has_names| {
            let space = Space { free, all, has_names };
            (space.is_none(), space.is_little())
        };
        assert_eq!(is(LARGE, 2 * LARGE, true), (false, false));
        assert_eq!(is(LARGE, 2 * LARGE, false), (true, false));
        assert_eq!(is(FREE_BYTES_LOW, 21 * FREE_BYTES_LOW, true), (false, true));
        assert_eq!(is(FREE_BYTES_MIN - 1, LARGE, true), (true, true));
    }
}
