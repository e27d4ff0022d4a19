//! Which names of the simulated disk are durable, if one directory is synced and another is not.

use std::io;

use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo_sim::disk::SimDisk;

use super::{path, put};

#[test]
fn a_rename_is_durable_once_either_directory_is_synced() -> io::Result<()> {
    for synced in ["from", "to"] {
        let disk = SimDisk::new();
        disk.make_dir(&path("from"))?;
        disk.make_dir(&path("to"))?;
        put(&disk, "from/a", b"abc")?.sync()?;
        disk.sync_all()?;
        disk.rename(&path("from/a"), &path("to/a"))?;
        disk.sync_dir(&path(synced))?;
        let names: Vec<_> = disk.durable_tree().into_iter().map(|(path, ..)| path).collect();
        assert_eq!(names, ["from", "to", "to/a"], "{synced}");
    }
    Ok(())
}

#[test]
fn a_sync_of_a_directory_counts_once_its_own_name_is_durable() -> io::Result<()> {
    let disk = SimDisk::new();
    disk.make_dir(&path("a"))?;
    disk.make_dir(&path("a/b"))?;
    put(&disk, "a/b/c", b"abc")?.sync()?;
    let durable = || disk.durable_tree().into_iter().map(|(path, ..)| path).collect::<Vec<_>>();
    disk.sync_dir(&path("a/b"))?;
    disk.sync_dir(&path("a"))?;
    assert!(durable().is_empty());
    put(&disk, "a/b/d", b"def")?;
    disk.sync_dir(&DiskPath::root())?;
    assert_eq!(durable(), ["a", "a/b", "a/b/c"]);
    Ok(())
}

#[test]
fn a_directory_is_not_gone_before_what_was_moved_out_of_it() -> io::Result<()> {
    let disk = SimDisk::new();
    disk.make_dir(&path("from"))?;
    disk.make_dir(&path("to"))?;
    put(&disk, "from/a", b"abc")?;
    disk.sync_all()?;
    disk.rename(&path("from/a"), &path("to/a"))?;
    disk.remove_dir(&path("from"))?;
    disk.sync_dir(&DiskPath::root())?;
    let names: Vec<_> = disk.durable_tree().into_iter().map(|(path, ..)| path).collect();
    assert_eq!(names, ["to", "to/a"]);
    Ok(())
}
