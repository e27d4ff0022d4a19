//! What only the real directory promises: the modes of files, the lock, and no touch to directories of other programs.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use dacapo::disk::dir::{DirDisk, DirDiskError};
use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind};

use super::{path, put};

fn open(root: &Path) -> DirDisk {
    DirDisk::open(root).expect("the directory opens")
}

fn refused(root: &Path) -> DirDiskError {
    DirDisk::open(root).expect_err("the directory is refused")
}

fn mode(place: &Path) -> io::Result<u32> {
    Ok(fs::metadata(place)?.permissions().mode() & 0o777)
}

#[test]
fn only_the_owner_reads_what_a_node_makes() -> io::Result<()> {
    let place = tempfile::tempdir()?;
    let root = place.path().join("new/data");
    let disk = open(&root);
    disk.make_dir(&path("d"))?;
    put(&disk, "d/a", b"")?;
    for dir in ["..", "", "d"] {
        assert_eq!(mode(&root.join(dir))?, 0o700, "{dir:?}");
    }
    for file in ["lock", "d/a"] {
        assert_eq!(mode(&root.join(file))?, 0o600, "{file:?}");
    }
    Ok(())
}

#[test]
fn a_second_node_is_kept_out_until_the_last_file_is_closed() -> io::Result<()> {
    let place = tempfile::tempdir()?;
    let disk = open(place.path());
    let file = put(&disk, "a", b"abc")?;
    assert!(matches!(refused(place.path()), DirDiskError::InUse { path } if path == place.path()));
    drop(disk);
    assert!(matches!(refused(place.path()), DirDiskError::InUse { .. }));
    drop(file);
    assert_eq!(open(place.path()).open(&path("a"))?.len()?, 3);
    Ok(())
}

#[test]
fn a_foreign_directory_is_left_untouched() -> io::Result<()> {
    let place = tempfile::tempdir()?;
    fs::write(place.path().join("holiday.jpg"), b"photo")?;
    assert!(matches!(refused(place.path()), DirDiskError::Foreign { path } if path == place.path()));
    let names: Vec<_> =
        fs::read_dir(place.path())?.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>()?;
    assert_eq!(names, ["holiday.jpg"]);
    Ok(())
}

#[test]
fn a_directory_with_an_identity_or_a_lock_is_not_foreign() -> io::Result<()> {
    for mark in ["identity", "lock"] {
        let place = tempfile::tempdir()?;
        fs::write(place.path().join(mark), b"")?;
        fs::write(place.path().join("other"), b"")?;
        assert!(open(place.path()).open(&path("other")).is_ok(), "{mark}");
    }
    Ok(())
}

#[test]
fn a_path_that_is_not_a_directory_is_refused() -> io::Result<()> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("file");
    fs::write(&file, b"content")?;
    for root in [file.clone(), file.join("below"), file.join("far/below")] {
        assert!(matches!(refused(&root), DirDiskError::NotADirectory { path } if path == root), "{root:?}");
    }
    assert_eq!(fs::read(&file)?, b"content");
    Ok(())
}

#[test]
fn a_directory_that_cannot_be_created_is_refused() {
    let root = Path::new("/proc/dacapo");
    assert!(matches!(refused(root), DirDiskError::Unwritable { path, .. } if path == root));
}

#[test]
fn an_unwritable_directory_is_refused_at_open() -> io::Result<()> {
    if rustix::process::geteuid().is_root() {
        // Root may write anywhere: nothing is refused.
        return Ok(());
    }
    let place = tempfile::tempdir()?;
    drop(open(place.path()));
    for mode in [0o500, 0o300, 0o600] {
        fs::set_permissions(place.path(), fs::Permissions::from_mode(mode))?;
        let refusal = refused(place.path());
        assert!(
            matches!(&refusal, DirDiskError::Unwritable { source, .. }
            if source.kind() == ErrorKind::PermissionDenied),
            "{mode:o}: {refusal:?}"
        );
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700))?;
    open(place.path());
    Ok(())
}

#[test]
fn a_symbolic_link_in_the_place_of_a_file_is_refused() -> io::Result<()> {
    let (place, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let target = elsewhere.path().join("target");
    fs::write(&target, b"safe")?;
    let disk = open(place.path());
    symlink(&target, place.path().join("link"))?;
    symlink(elsewhere.path().join("absent"), place.path().join("dangling"))?;
    let too_many_links = Some(rustix::io::Errno::LOOP.raw_os_error());
    assert_eq!(disk.open(&path("link")).expect_err("a link").raw_os_error(), too_many_links);
    for link in ["link", "dangling"] {
        assert_eq!(disk.create(&path(link)).expect_err("a link").kind(), ErrorKind::AlreadyExists);
    }
    let kinds: Vec<_> = disk.list(&DiskPath::root())?.into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Other, EntryKind::Other]);
    disk.remove(&path("link"))?;
    assert_eq!(fs::read(&target)?, b"safe");
    assert_eq!(fs::read_dir(elsewhere.path())?.count(), 1);
    Ok(())
}

#[test]
fn a_lock_that_is_a_symbolic_link_is_refused() -> io::Result<()> {
    let (place, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    symlink(elsewhere.path().join("absent"), place.path().join("lock"))?;
    assert!(matches!(refused(place.path()), DirDiskError::Unwritable { .. }));
    assert_eq!(fs::read_dir(elsewhere.path())?.count(), 0);
    Ok(())
}

#[test]
fn refusals_name_the_directory() {
    let path = Path::new("/srv/data").to_owned();
    let source = io::Error::from(ErrorKind::PermissionDenied);
    let texts = [
        DirDiskError::InUse { path: path.clone() },
        DirDiskError::Foreign { path: path.clone() },
        DirDiskError::NotADirectory { path: path.clone() },
        DirDiskError::Unwritable { path, source },
    ]
    .map(|refusal| refusal.to_string());
    assert_eq!(
        texts,
        [
            "/srv/data is in use by a node or another command",
            "/srv/data is not empty and was not made by a node",
            "/srv/data is not a directory",
            "/srv/data cannot be read and written",
        ]
    );
}
