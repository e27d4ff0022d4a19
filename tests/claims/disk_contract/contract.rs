//! The claims that hold on every disk. Each claim starts on an empty disk.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

use dacapo::disk::{DirEntry, Disk, DiskFile, DiskPath, EntryKind};

use super::{kind_of, path, put, read_all};

pub(crate) fn a_new_disk_holds_nothing(disk: &impl Disk) -> io::Result<()> {
    assert_eq!(disk.list(&DiskPath::root())?, []);
    Ok(())
}

pub(crate) fn create_refuses_a_taken_name(disk: &impl Disk) -> io::Result<()> {
    put(disk, "a", b"first")?;
    disk.make_dir(&path("d"))?;
    assert_eq!(kind_of(disk.create(&path("a"))), ErrorKind::AlreadyExists);
    assert_eq!(kind_of(disk.create(&path("d"))), ErrorKind::AlreadyExists);
    assert_eq!(read_all(&disk.open(&path("a"))?)?, b"first");
    Ok(())
}

pub(crate) fn create_refuses_a_place_that_is_not_there(disk: &impl Disk) -> io::Result<()> {
    put(disk, "a", b"")?;
    assert_eq!(kind_of(disk.create(&path("d/a"))), ErrorKind::NotFound);
    assert_eq!(kind_of(disk.create(&path("a/b"))), ErrorKind::NotADirectory);
    Ok(())
}

pub(crate) fn open_finds_only_files(disk: &impl Disk) -> io::Result<()> {
    disk.make_dir(&path("d"))?;
    put(disk, "a", b"")?;
    assert_eq!(kind_of(disk.open(&path("b"))), ErrorKind::NotFound);
    assert_eq!(kind_of(disk.open(&path("d"))), ErrorKind::IsADirectory);
    assert_eq!(kind_of(disk.open(&path("a/b"))), ErrorKind::NotADirectory);
    Ok(())
}

pub(crate) fn what_was_written_is_read(disk: &impl Disk) -> io::Result<()> {
    let mut expected: Vec<u8> = (0..10_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let file = put(disk, "a", &expected)?;
    file.write_at(4_090, b"across two pages")?;
    expected[4_090..4_106].copy_from_slice(b"across two pages");
    assert_eq!(read_all(&file)?, expected);
    let mut part = [0; 16];
    assert_eq!(file.read_at(4_090, &mut part)?, 16);
    assert_eq!(&part, b"across two pages");
    Ok(())
}

pub(crate) fn gaps_read_as_zeros(disk: &impl Disk) -> io::Result<()> {
    let file = put(disk, "a", b"x")?;
    file.write_at(9_000, b"y")?;
    let mut expected = vec![0; 9_001];
    (expected[0], expected[9_000]) = (b'x', b'y');
    assert_eq!(read_all(&file)?, expected);
    file.write_at(100_000, b"")?;
    assert_eq!(file.len()?, 9_001, "nothing written, nothing extended");
    Ok(())
}

pub(crate) fn a_cut_file_grows_again_with_zeros(disk: &impl Disk) -> io::Result<()> {
    let file = put(disk, "a", &[7; 9_000])?;
    for (cut, grown) in [(5_000, 8_500), (4_096, 4_097), (0, 20_000)] {
        let mut expected = read_all(&file)?;
        file.set_len(cut)?;
        file.set_len(grown)?;
        expected.truncate(usize::try_from(cut).expect("small"));
        expected.resize(usize::try_from(grown).expect("small"), 0);
        assert_eq!(read_all(&file)?, expected);
    }
    Ok(())
}

pub(crate) fn a_read_past_the_end_is_empty(disk: &impl Disk) -> io::Result<()> {
    let file = put(disk, "a", b"abc")?;
    let mut buffer = [9; 8];
    assert_eq!(file.read_at(1, &mut buffer)?, 2);
    assert_eq!(buffer, *b"bc\x09\x09\x09\x09\x09\x09");
    assert_eq!(file.read_at(3, &mut buffer)?, 0);
    assert_eq!(file.read_at(1 << 40, &mut buffer)?, 0);
    Ok(())
}

pub(crate) fn a_write_past_the_largest_position_is_refused(disk: &impl Disk) -> io::Result<()> {
    let file = put(disk, "a", b"abc")?;
    assert_eq!(kind_of(file.write_at(u64::MAX, b"x")), ErrorKind::InvalidInput);
    assert_eq!(kind_of(file.set_len(u64::MAX)), ErrorKind::InvalidInput);
    assert_eq!(read_all(&file)?, b"abc");
    Ok(())
}

pub(crate) fn two_handles_are_one_file(disk: &impl Disk) -> io::Result<()> {
    let first = put(disk, "a", b"abc")?;
    let second = disk.open(&path("a"))?;
    second.write_at(3, b"def")?;
    assert_eq!(read_all(&first)?, b"abcdef");
    Ok(())
}

pub(crate) fn rename_replaces_its_target(disk: &impl Disk) -> io::Result<()> {
    disk.make_dir(&path("d"))?;
    put(disk, "a", b"new")?;
    put(disk, "d/b", b"old")?;
    disk.rename(&path("a"), &path("d/b"))?;
    assert_eq!(kind_of(disk.open(&path("a"))), ErrorKind::NotFound);
    assert_eq!(read_all(&disk.open(&path("d/b"))?)?, b"new");
    disk.rename(&path("d/b"), &path("d/c"))?;
    assert_eq!(names(disk, &path("d"))?, ["c"]);
    Ok(())
}

pub(crate) fn rename_to_itself_changes_nothing(disk: &impl Disk) -> io::Result<()> {
    put(disk, "a", b"abc")?;
    disk.rename(&path("a"), &path("a"))?;
    assert_eq!(read_all(&disk.open(&path("a"))?)?, b"abc");
    Ok(())
}

pub(crate) fn rename_refuses_directories(disk: &impl Disk) -> io::Result<()> {
    disk.make_dir(&path("d"))?;
    put(disk, "a", b"")?;
    assert_eq!(kind_of(disk.rename(&path("d"), &path("e"))), ErrorKind::IsADirectory);
    assert_eq!(kind_of(disk.rename(&path("a"), &path("d"))), ErrorKind::IsADirectory);
    assert_eq!(names(disk, &DiskPath::root())?, ["a", "d"]);
    Ok(())
}

pub(crate) fn rename_refuses_what_is_not_there(disk: &impl Disk) -> io::Result<()> {
    put(disk, "a", b"")?;
    assert_eq!(kind_of(disk.rename(&path("b"), &path("c"))), ErrorKind::NotFound);
    assert_eq!(kind_of(disk.rename(&path("a"), &path("d/c"))), ErrorKind::NotFound);
    assert_eq!(kind_of(disk.rename(&path("a"), &path("a/c"))), ErrorKind::NotADirectory);
    assert_eq!(names(disk, &DiskPath::root())?, ["a"]);
    Ok(())
}

pub(crate) fn a_file_outlives_its_name(disk: &impl Disk) -> io::Result<()> {
    let file = put(disk, "a", b"abc")?;
    disk.rename(&path("a"), &path("b"))?;
    file.write_at(3, b"def")?;
    assert_eq!(read_all(&disk.open(&path("b"))?)?, b"abcdef");
    disk.remove(&path("b"))?;
    file.write_at(6, b"ghi")?;
    file.sync()?;
    assert_eq!(read_all(&file)?, b"abcdefghi");
    assert_eq!(names(disk, &DiskPath::root())?, Vec::<String>::new());
    Ok(())
}

pub(crate) fn a_replaced_file_outlives_its_name(disk: &impl Disk) -> io::Result<()> {
    let old = put(disk, "a", b"old")?;
    put(disk, "b", b"new")?;
    disk.rename(&path("b"), &path("a"))?;
    old.write_at(0, b"OLD")?;
    assert_eq!(read_all(&old)?, b"OLD");
    assert_eq!(read_all(&disk.open(&path("a"))?)?, b"new");
    Ok(())
}

pub(crate) fn remove_takes_only_files(disk: &impl Disk) -> io::Result<()> {
    disk.make_dir(&path("d"))?;
    put(disk, "a", b"")?;
    assert_eq!(kind_of(disk.remove(&path("d"))), ErrorKind::IsADirectory);
    assert_eq!(kind_of(disk.remove(&path("b"))), ErrorKind::NotFound);
    disk.remove(&path("a"))?;
    assert_eq!(kind_of(disk.remove(&path("a"))), ErrorKind::NotFound);
    disk.create(&path("a"))?;
    Ok(())
}

pub(crate) fn make_dir_refuses_a_taken_name(disk: &impl Disk) -> io::Result<()> {
    put(disk, "a", b"")?;
    disk.make_dir(&path("d"))?;
    assert_eq!(kind_of(disk.make_dir(&path("a"))), ErrorKind::AlreadyExists);
    assert_eq!(kind_of(disk.make_dir(&path("d"))), ErrorKind::AlreadyExists);
    assert_eq!(kind_of(disk.make_dir(&path("e/f"))), ErrorKind::NotFound);
    Ok(())
}

pub(crate) fn remove_dir_takes_only_empty_directories(disk: &impl Disk) -> io::Result<()> {
    disk.make_dir(&path("d"))?;
    put(disk, "d/a", b"")?;
    assert_eq!(kind_of(disk.remove_dir(&path("d"))), ErrorKind::DirectoryNotEmpty);
    assert_eq!(kind_of(disk.remove_dir(&path("d/a"))), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.remove_dir(&path("e"))), ErrorKind::NotFound);
    disk.remove(&path("d/a"))?;
    disk.remove_dir(&path("d"))?;
    assert_eq!(names(disk, &DiskPath::root())?, Vec::<String>::new());
    Ok(())
}

pub(crate) fn list_is_sorted_and_tells_kinds(disk: &impl Disk) -> io::Result<()> {
    for name in ["b.tmp", "a", "b", "c-1", "10", "9"] {
        put(disk, name, b"")?;
    }
    disk.make_dir(&path("b0"))?;
    put(disk, "b0/inside", b"")?;
    let entries = disk.list(&DiskPath::root())?;
    let expected = ["10", "9", "a", "b", "b.tmp", "b0", "c-1"].map(|name| DirEntry {
        name: name.to_owned(),
        kind: if name == "b0" { EntryKind::Dir } else { EntryKind::File },
    });
    assert_eq!(entries, expected);
    Ok(())
}

pub(crate) fn list_takes_only_directories(disk: &impl Disk) -> io::Result<()> {
    put(disk, "a", b"")?;
    assert_eq!(kind_of(disk.list(&path("a"))), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.list(&path("d"))), ErrorKind::NotFound);
    Ok(())
}

pub(crate) fn the_root_is_always_there(disk: &impl Disk) -> io::Result<()> {
    let root = DiskPath::root();
    assert_eq!(kind_of(disk.remove_dir(&root)), ErrorKind::DirectoryNotEmpty);
    put(disk, "a", b"")?;
    assert_eq!(kind_of(disk.create(&root)), ErrorKind::AlreadyExists);
    assert_eq!(kind_of(disk.make_dir(&root)), ErrorKind::AlreadyExists);
    assert_eq!(kind_of(disk.open(&root)), ErrorKind::IsADirectory);
    assert_eq!(kind_of(disk.remove(&root)), ErrorKind::IsADirectory);
    assert_eq!(kind_of(disk.rename(&path("a"), &root)), ErrorKind::DirectoryNotEmpty);
    assert_eq!(kind_of(disk.remove_dir(&root)), ErrorKind::DirectoryNotEmpty);
    Ok(())
}

pub(crate) fn syncs_of_what_is_there_succeed(disk: &impl Disk) -> io::Result<()> {
    disk.make_dir(&path("d"))?;
    let file = put(disk, "d/a", b"abc")?;
    file.start_sync(0, 3);
    file.sync()?;
    disk.sync_dir(&path("d"))?;
    disk.sync_dir(&DiskPath::root())?;
    disk.sync_all()
}

pub(crate) fn sync_dir_takes_only_directories(disk: &impl Disk) -> io::Result<()> {
    put(disk, "a", b"")?;
    assert_eq!(kind_of(disk.sync_dir(&path("a"))), ErrorKind::NotADirectory);
    assert_eq!(kind_of(disk.sync_dir(&path("d"))), ErrorKind::NotFound);
    Ok(())
}

pub(crate) fn work_runs_and_returns_its_result(disk: &impl Disk) -> io::Result<()> {
    let work_disk = disk.clone();
    runtime()?.block_on(disk.run(move || put(&work_disk, "a", b"abc").map(drop)))?;
    assert_eq!(read_all(&disk.open(&path("a"))?)?, b"abc");
    let work_disk = disk.clone();
    let read = runtime()?.block_on(disk.run_short(move || read_all(&work_disk.open(&path("a"))?)))?;
    assert_eq!(read, b"abc");
    Ok(())
}

pub(crate) fn a_panic_of_the_work_is_a_panic_of_the_caller(disk: &impl Disk) -> io::Result<()> {
    let runtime = runtime()?;
    let run = || runtime.block_on(disk.run(|| panic!("a planted panic")));
    let run_short = || runtime.block_on(disk.run_short(|| panic!("a planted panic")));
    for caught in [catch_unwind(AssertUnwindSafe(run)), catch_unwind(AssertUnwindSafe(run_short))] {
        let payload = caught.expect_err("the work panics");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"a planted panic"));
    }
    Ok(())
}

fn names(disk: &impl Disk, path: &DiskPath) -> io::Result<Vec<String>> {
    Ok(disk.list(path)?.into_iter().map(|entry| entry.name).collect())
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().build()
}
