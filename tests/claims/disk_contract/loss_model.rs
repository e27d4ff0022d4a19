//! The simulated power loss against a model: the model keeps every state that the disk had, and what comes back has to
//! be made of states that no synced state had replaced yet.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind};
use dacapo_sim::disk::SimDisk;
use proptest::prelude::*;

use super::power_loss::rng;
use super::{path, put};

const SECTOR_BYTES: usize = 512;

fn lose_power(disk: &SimDisk, seed: u64) -> SimDisk {
    disk.power_loss(&mut rng(seed));
    disk.boot()
}

#[derive(Clone, Debug)]
enum Edit {
    Write { position: usize, len: usize },
    SetLen(usize),
    Sync,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let len = || prop_oneof![Just(0), 1..700usize, 3_900..4_200usize, 0..14_000usize];
    let edit = prop_oneof![
        5 => (len(), len()).prop_map(|(position, len)| Edit::Write { position, len }),
        2 => len().prop_map(Edit::SetLen),
        1 => Just(Edit::Sync),
    ];
    prop::collection::vec(edit, 1..16)
}

/// Makes an edit on a file and on the image of it. Each edit fills with a byte of its own.
fn make_edit(file: &impl DiskFile, image: &mut Vec<u8>, edit: &Edit, fill: u8) -> io::Result<()> {
    match *edit {
        Edit::Write { position, len } => {
            if len > 0 && image.len() < position + len {
                image.resize(position + len, 0);
            }
            image[..].iter_mut().skip(position).take(len).for_each(|byte| *byte = fill);
            file.write_at(position as u64, &vec![fill; len])
        }
        Edit::SetLen(len) => {
            image.resize(len, 0);
            file.set_len(len as u64)
        }
        Edit::Sync => file.sync(),
    }
}

/// Returns whether each sector, as far as the file reaches, is that of one of the images.
fn made_of(bytes: &[u8], images: &[Vec<u8>]) -> bool {
    bytes.chunks(SECTOR_BYTES).enumerate().all(|(sector, found)| {
        images.iter().any(|image| {
            let old = image.iter().skip(sector * SECTOR_BYTES).chain(std::iter::repeat(&0));
            found.iter().eq(old.take(found.len()))
        })
    })
}

#[derive(Clone, Debug)]
enum Naming {
    Create(DiskPath),
    Rename(DiskPath, DiskPath),
    Remove(DiskPath),
    SyncDir(&'static str),
}

const DIRS: [&str; 2] = ["d", "e"];

fn namings() -> impl Strategy<Value = Vec<Naming>> {
    let place = || prop::sample::select(["d/x", "d/y", "e/x", "e/y"].as_slice()).prop_map(path);
    let naming = prop_oneof![
        3 => place().prop_map(Naming::Create),
        3 => (place(), place()).prop_map(|(from, to)| Naming::Rename(from, to)),
        1 => place().prop_map(Naming::Remove),
        1 => prop::sample::select(DIRS.as_slice()).prop_map(Naming::SyncDir),
    ];
    prop::collection::vec(naming, 1..16)
}

/// The names in a directory, and the number of the file under each. The length of a file is its number.
type Names = BTreeMap<String, u64>;

fn names(disk: &SimDisk, dir: &str) -> Names {
    let prefix = format!("{dir}/");
    let files = disk.tree().into_iter().filter(|(_, kind, _)| *kind == EntryKind::File);
    files.filter_map(|(path, _, len)| Some((path.strip_prefix(&prefix)?.to_owned(), len))).collect()
}

/// Makes an operation on names. It fails if it moves or removes what is not there.
fn make_naming(disk: &SimDisk, naming: &Naming, number: u64) -> io::Result<()> {
    match naming {
        Naming::Create(place) => {
            let file = disk.create(place)?;
            file.set_len(number)?;
            file.sync()
        }
        Naming::Rename(from, to) => disk.rename(from, to),
        Naming::Remove(place) => disk.remove(place),
        Naming::SyncDir(dir) => disk.sync_dir(&path(dir)),
    }
}

proptest! {
    // A failure prints its shrunk input, which can become a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn content_comes_back_from_since_the_last_sync(edits in edits(), seed: u64) {
        let disk = SimDisk::new();
        let file = put(&disk, "a", b"")?;
        disk.sync_all()?;
        let mut images = vec![Vec::new()];
        for (edit, fill) in edits.iter().zip(1..) {
            let mut image = images.last().expect("one image stays").clone();
            make_edit(&file, &mut image, edit, fill)?;
            if matches!(edit, Edit::Sync) {
                images.clear();
            }
            images.push(image);
        }
        prop_assert_eq!(&disk.read("a"), &images.last().cloned());
        let disk = lose_power(&disk, seed);
        let bytes = disk.read("a").expect("the name was synced");
        prop_assert!(images.iter().any(|image| image.len() == bytes.len()), "a length of {}", bytes.len());
        prop_assert!(made_of(&bytes, &images));
        let disk = lose_power(&disk, seed.wrapping_add(1));
        prop_assert_eq!(disk.read("a"), Some(bytes.clone()), "what came back is durable");
        let mut grown = bytes;
        grown.resize(20_000, 0);
        disk.open(&path("a"))?.set_len(20_000)?;
        prop_assert_eq!(disk.read("a"), Some(grown), "nothing waits behind the end");
    }

    #[test]
    fn names_come_back_from_since_the_last_sync(namings in namings(), seed: u64) {
        let disk = SimDisk::new();
        for dir in DIRS {
            disk.make_dir(&path(dir))?;
        }
        disk.sync_all()?;
        let mut since_sync = DIRS.map(|_| vec![Names::new()]);
        // Files that a synced directory held at some time, and that nothing has removed since.
        let mut certain = BTreeSet::new();
        for (naming, number) in namings.iter().zip(1..) {
            // An operation that is refused changes nothing.
            let _refused = make_naming(&disk, naming, number).is_err();
            for (dir, states) in DIRS.iter().zip(&mut since_sync) {
                if matches!(naming, Naming::SyncDir(synced) if synced == dir) {
                    states.clear();
                }
                states.push(names(&disk, dir));
            }
            let seen: BTreeSet<_> = DIRS.iter().flat_map(|dir| names(&disk, dir).into_values()).collect();
            if let Naming::SyncDir(dir) = naming {
                certain.extend(names(&disk, dir).into_values());
            }
            certain.retain(|number| seen.contains(number));
        }
        let disk = lose_power(&disk, seed);
        let left = disk.tree();
        disk.sync_all()?;
        let disk = lose_power(&disk, seed.wrapping_add(1));
        prop_assert_eq!(disk.tree(), left, "what was lost stays lost");
        let mut found = Vec::new();
        for (dir, states) in DIRS.iter().zip(&since_sync) {
            let names = names(&disk, dir);
            prop_assert!(states.contains(&names), "{}: {:?} is none of {:?}", dir, names, states);
            found.extend(names.into_values());
        }
        let once: BTreeSet<_> = found.iter().copied().collect();
        prop_assert_eq!(once.len(), found.len(), "no file is there twice: {:?}", found);
        prop_assert!(certain.is_subset(&once), "{:?} holds all of {:?}", once, certain);
    }
}
