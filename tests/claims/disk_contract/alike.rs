//! Random operations have the same answers on the real directory and on the simulated disk, and leave the same tree: a
//! simulation meets the file system that a deployment has.

use std::io::{self, ErrorKind};

use dacapo::disk::dir::DirDisk;
use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind};
use dacapo_sim::disk::SimDisk;
use proptest::prelude::*;

use super::{path, read_all};

/// Few names, so that operations meet: names in the root, and names below one that may be a file or a directory.
const NAMES: [&str; 6] = ["a", "b", "a/a", "a/b", "b/a", "a/a/a"];

#[derive(Clone, Debug)]
enum Operation {
    Create(DiskPath),
    Open(DiskPath),
    Write { place: DiskPath, position: u64, len: usize, fill: u8 },
    SetLen { place: DiskPath, len: u64 },
    Rename { from: DiskPath, to: DiskPath },
    MoveAway { from: DiskPath, to: DiskPath },
    Remove(DiskPath),
    MakeDir(DiskPath),
    RemoveDir(DiskPath),
    List(DiskPath),
    SyncDir(DiskPath),
}

/// The answer to a call: the kind of its error, or everything that it returned.
type Answer = Result<String, ErrorKind>;

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let place = || prop::sample::select(NAMES.as_slice()).prop_map(path);
    let len = || prop_oneof![Just(0), 1..1_000u64, 4_090..4_100u64, 8_000..20_000u64];
    let write = (place(), len(), 1..9_000usize, 1..=255u8).prop_map(|(place, position, len, fill)| Operation::Write {
        place,
        position,
        len,
        fill,
    });
    let operation = prop_oneof![
        3 => place().prop_map(Operation::Create),
        1 => place().prop_map(Operation::Open),
        4 => write,
        2 => (place(), len()).prop_map(|(place, len)| Operation::SetLen { place, len }),
        3 => (place(), place()).prop_map(|(from, to)| Operation::Rename { from, to }),
        2 => (place(), place()).prop_map(|(from, to)| Operation::MoveAway { from, to }),
        2 => place().prop_map(Operation::Remove),
        3 => place().prop_map(Operation::MakeDir),
        1 => place().prop_map(Operation::RemoveDir),
        1 => place().prop_map(Operation::List),
        1 => place().prop_map(Operation::SyncDir),
    ];
    prop::collection::vec(operation, 1..40)
}

fn answer(disk: &impl Disk, operation: &Operation) -> Answer {
    let done = match operation {
        Operation::Create(place) => disk.create(place).and_then(|file| file.len()).map(|len| len.to_string()),
        Operation::Open(place) => disk.open(place).and_then(|file| read_all(&file)).map(|bytes| format!("{bytes:?}")),
        Operation::Write { place, position, len, fill } => {
            disk.open(place).and_then(|file| file.write_at(*position, &vec![*fill; *len])).map(said_nothing)
        }
        Operation::SetLen { place, len } => disk.open(place).and_then(|file| file.set_len(*len)).map(said_nothing),
        Operation::Rename { from, to } => disk.rename(from, to).map(said_nothing),
        Operation::MoveAway { from, to } => disk.move_away(from, to).map(said_nothing),
        Operation::Remove(place) => disk.remove(place).map(said_nothing),
        Operation::MakeDir(place) => disk.make_dir(place).map(said_nothing),
        Operation::RemoveDir(place) => disk.remove_dir(place).map(said_nothing),
        Operation::List(place) => disk.list(place).map(|entries| format!("{entries:?}")),
        Operation::SyncDir(place) => disk.sync_dir(place).map(said_nothing),
    };
    done.map_err(|error| error.kind())
}

fn said_nothing((): ()) -> String {
    String::new()
}

/// Reads every path below the root, with the content of each file, through the trait alone.
fn contents(disk: &impl Disk) -> io::Result<Vec<(DiskPath, Option<Vec<u8>>)>> {
    let mut found = Vec::new();
    let mut open = vec![DiskPath::root()];
    while let Some(dir) = open.pop() {
        for entry in disk.list(&dir)? {
            let place = dir.child(&entry.name);
            let bytes = match entry.kind {
                EntryKind::File => Some(read_all(&disk.open(&place)?)?),
                _ => None,
            };
            if entry.kind == EntryKind::Dir {
                open.push(place.clone());
            }
            found.push((place, bytes));
        }
    }
    Ok(found)
}

proptest! {
    // A failure prints its shrunk input, which can become a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_disks_answer_alike(operations in operations()) {
        let place = tempfile::tempdir()?;
        let real = DirDisk::open(place.path())?;
        let simulated = SimDisk::new();
        for operation in &operations {
            prop_assert_eq!(answer(&real, operation), answer(&simulated, operation), "{:?}", operation);
        }
        prop_assert_eq!(contents(&real)?, contents(&simulated)?);
        let mut paths: Vec<_> = contents(&simulated)?.into_iter().map(|(place, _)| place.as_str().to_owned()).collect();
        paths.sort();
        let inspected: Vec<_> = simulated.tree().into_iter().map(|(path, ..)| path).collect();
        prop_assert_eq!(paths, inspected);
    }
}
