//! The data directories of nodes, whose files are neither stored nor written by commands about folders.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use dacapo::disk::dir::LOCK_NAME;
use dacapo::store::{Identity, layout};
use rustix::fs::{AtFlags, Mode, OFlags, openat, statat};

/// Tells whether a directory is that of a node: other folders, too, may have files of such names. It has a catalog from
/// the first start of its node on.
pub(super) fn is_data_directory(dir: impl AsFd, path: &Path) -> bool {
    let has = |name: &str| statat(&dir, path.join(name), AtFlags::empty()).is_ok();
    has(LOCK_NAME) && has(layout::identity().as_str()) && (has(layout::catalog().as_str()) || has_identity(&dir, path))
}

fn has_identity(dir: impl AsFd, path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(&dir, path.join(layout::identity().as_str()), flags, Mode::empty()) else { return false };
    let mut begins = [0; Identity::HEADER.len()];
    File::from(file).read_exact(&mut begins).is_ok() && begins == Identity::HEADER.as_bytes()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn a_folder_with_files_of_such_names_is_no_data_directory() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        write("lock", "");
        assert!(!is_data_directory(CWD, folder.path()));
        write("identity", "of a person");
        assert!(!is_data_directory(CWD, folder.path()));
        write("identity", Identity::HEADER);
        assert!(is_data_directory(CWD, folder.path()));
        write("identity", "a damaged one");
        write("catalog.redb", "");
        assert!(is_data_directory(CWD, folder.path()));
    }
}
