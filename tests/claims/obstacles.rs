//! Something that is none of a node's lies in the place of a blob or of a folder: the node starts, says so, keeps it,
//! and has its own file there again. No symbolic link leads out of the data directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use dacapo::crypto::{FileName, Keys, MasterSecret, NodeId, ReplicaName, Version};
use dacapo::disk::dir::DirDisk;
use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind};
use dacapo::event::Event;
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Setup, Store};
use dacapo_sim::disk::SimDisk;

use crate::support::in_memory::{Network, files_below, get, key, put, run, scrub, stop};

/// What lies in the place of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    EmptyFolder,
    Folder,
    File,
}

fn path(text: &str) -> DiskPath {
    text.split('/').fold(DiskPath::root(), |path, name| path.child(name))
}

/// Removes what lies at a path, and puts an obstacle there.
fn obstruct(disk: &SimDisk, at: &str, obstacle: Obstacle) {
    let host = disk.boot();
    let below: Vec<_> = disk.tree().into_iter().filter(|(found, ..)| found.starts_with(&format!("{at}/"))).collect();
    for (found, kind, _) in below.iter().rev() {
        match kind {
            EntryKind::Dir => host.remove_dir(&path(found)).expect("empty"),
            _ => host.remove(&path(found)).expect("a file"),
        }
    }
    // It is a file, or an empty folder, or nothing.
    host.remove(&path(at)).or_else(|_| host.remove_dir(&path(at))).ok();
    match obstacle {
        Obstacle::File => {
            host.create(&path(at)).and_then(|file| file.write_at(0, b"mine")).expect("made");
        }
        Obstacle::EmptyFolder => host.make_dir(&path(at)).expect("made"),
        Obstacle::Folder => {
            host.make_dir(&path(at)).expect("made");
            host.create(&path(&format!("{at}/mine"))).and_then(|file| file.write_at(0, b"mine")).expect("made");
        }
    }
    host.sync_all().expect("synced");
}

/// Returns the path of the only large blob of a disk, and every folder above it.
fn places(disk: &SimDisk) -> Vec<(String, Obstacle)> {
    let is_blob = |(found, kind, len): &(String, EntryKind, u64)| {
        *kind == EntryKind::File && *len >= 100_000 && found.contains('/')
    };
    let blob = disk.tree().into_iter().find(is_blob).expect("there").0;
    let mut places = vec![(blob.clone(), Obstacle::EmptyFolder), (blob.clone(), Obstacle::Folder)];
    let mut folder = blob.as_str();
    while let Some((above, _)) = folder.rsplit_once('/') {
        places.push((above.to_owned(), Obstacle::File));
        folder = above;
    }
    places.extend(["tmp", "quarantine"].map(|folder| (folder.to_owned(), Obstacle::File)));
    places
}

#[test]
fn a_node_starts_and_heals_whatever_lies_in_the_place_of_its_files() {
    for (layout, name) in Layout::ALL {
        for whose in ["owner", "holder"] {
            let made = || {
                let (network, owner, holder) = (Network::of(layout), SimDisk::new(), SimDisk::new());
                run(async {
                    let pair = network.pair(&owner, &holder).await;
                    put(&pair.owner.handle(), "a", vec![7; 100_000]).await;
                    pair.stop().await;
                });
                (network, owner, holder)
            };
            let (_, owner, holder) = made();
            for (place, obstacle) in places(if whose == "owner" { &owner } else { &holder }) {
                let (network, owner, holder) = made();
                let what = format!("{name}, {obstacle:?} at {place} of the {whose}");
                let disk = if whose == "owner" { &owner } else { &holder };
                obstruct(disk, &place, obstacle);
                run(async {
                    let pair = network.pair(&owner, &holder).await;
                    let node = if whose == "owner" { &pair.owner } else { &pair.holder };
                    let is_of_blob = place.contains('/') || place.len() == 64;
                    let scrubbed = scrub(&node.handle()).await;
                    assert_eq!((scrubbed.damaged, scrubbed.failed), (u64::from(is_of_blob), 0), "{what}");
                    tokio::time::sleep(Duration::from_secs(40)).await;
                    assert_eq!(get(&pair.owner.handle(), "a").await, vec![7; 100_000], "{what}");
                    let again = scrub(&node.handle()).await;
                    assert_eq!((again.checked, again.damaged, again.failed), (1, 0, 0), "{what}");
                    let stored = put(&pair.owner.handle(), "a", vec![8; 100_000]).await;
                    assert_eq!(stored.replicas(), 1, "{what}");
                    pair.stop().await;
                });
                let mine = disk.tree().into_iter().filter(|(path, ..)| disk.read(path).as_deref() == Some(b"mine"));
                assert_eq!(mine.count(), usize::from(obstacle != Obstacle::EmptyFolder), "{what}: it is kept");
                let is_told = |event: &Event| matches!(event, Event::ObstacleSetAside { .. });
                let told = network.events.borrow().iter().filter(|event| is_told(event)).count();
                assert_eq!(told, usize::from(place != "quarantine"), "{what}: {:?}", network.events.borrow());
            }
        }
    }
}

#[test]
fn a_store_takes_the_place_of_what_lies_in_the_way() {
    for (layout, name) in Layout::ALL {
        for obstacle in [Obstacle::EmptyFolder, Obstacle::Folder] {
            let (network, owner, holder) = (Network::of(layout), SimDisk::new(), SimDisk::new());
            run(async {
                let pair = network.pair(&owner, &holder).await;
                put(&pair.owner.handle(), "a", vec![7; 100_000]).await;
                for disk in [&owner, &holder] {
                    obstruct(disk, &places(disk)[0].0, obstacle);
                }
                let stored = put(&pair.owner.handle(), "a", vec![8; 100_000]).await;
                assert_eq!(stored.replicas(), 1, "{name}, {obstacle:?}");
                pair.stop().await;
                let pair = network.pair(&owner, &holder).await;
                assert_eq!(get(&pair.owner.handle(), "a").await, vec![8; 100_000], "{name}, {obstacle:?}");
                pair.stop().await;
            });
        }
    }
}

/// Stores bytes as an own blob of a real directory.
fn keep(store: &Store<DirDisk>, blob: BlobId, bytes: &[u8]) {
    let mut writer = store.write_blob(blob, Version(1)).expect("begun");
    writer.write(bytes).expect("written");
    store.stage(&writer, true).expect("staged");
    store.publish(&writer).expect("published");
}

fn read(store: &Store<DirDisk>, blob: BlobId) -> Option<Vec<u8>> {
    let mut reader = store.read_blob(&blob).expect("no error")?;
    let mut bytes = vec![0; 100];
    let count = reader.read(&mut bytes).expect("read");
    bytes.truncate(count);
    Some(bytes)
}

#[test]
fn no_symbolic_link_leads_a_node_out_of_its_directory() {
    let keys = Keys::derive(&MasterSecret([7; 32]));
    let blob = BlobId::Own(FileName([0xab; 20]));
    let held = BlobId::Held(NodeId([9; 32]), ReplicaName([0xcd; 16]));
    for blob in [blob, held] {
        let place = Layout::Folders.place(keys.node(), &blob);
        let depth = place.segments().count();
        for level in 1..=depth {
            for is_dangling in [false, true] {
                let home = tempfile::tempdir().expect("made");
                let (data, elsewhere) = (home.path().join("data"), home.path().join("elsewhere"));
                fs::create_dir(&elsewhere).expect("made");
                let disk = DirDisk::open(&data).expect("opened");
                Setup::Settled(Layout::Folders).write(&disk).expect("written");
                let (store, _) = Store::open(disk.clone(), &keys).expect("opened");
                keep(&store, blob, b"content");
                // All from one level on lies elsewhere, behind a link.
                let at = place.segments().take(level).fold(data.clone(), |at, name| at.join(name));
                fs::rename(&at, elsewhere.join("moved")).expect("moved");
                let to = elsewhere.join(if is_dangling { "nothing" } else { "moved" });
                symlink(&to, &at).expect("linked");
                let what = format!("{blob:?}, level {level} of {depth}, dangling {is_dangling}");
                let before = tree(&elsewhere);
                assert_eq!(read(&store, blob), None, "{what}: it is not followed");
                if level < depth {
                    assert!(!store.remove_blob(&blob).expect("no error"), "{what}: it is not followed");
                }
                drop(store);
                let (store, _) = Store::open(disk, &keys).expect("it opens");
                keep(&store, blob, b"content again");
                assert_eq!(read(&store, blob), Some(b"content again".to_vec()), "{what}");
                assert_eq!(tree(&elsewhere), before, "{what}: nothing elsewhere has changed");
                // A link in the place of the file itself is replaced as a file is.
                assert_eq!(data.join("quarantine").exists(), level < depth, "{what}");
            }
        }
    }
}

/// Returns every path below a directory, links not followed.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let entry = entry.expect("an entry");
            found.push(format!("{} {:?}", entry.path().display(), entry.file_type().expect("a kind")));
            if entry.file_type().expect("a kind").is_dir() {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn folders_for_files_that_are_written_and_set_aside_are_never_followed_links() {
    let keys = Keys::derive(&MasterSecret([7; 32]));
    for folder in ["tmp", "quarantine"] {
        let home = tempfile::tempdir().expect("made");
        let (data, elsewhere) = (home.path().join("data"), home.path().join("elsewhere"));
        fs::create_dir(&elsewhere).expect("made");
        let disk = DirDisk::open(&data).expect("opened");
        Setup::Settled(Layout::Folders).write(&disk).expect("written");
        drop(Store::open(disk.clone(), &keys).expect("opened"));
        fs::remove_dir(data.join(folder)).ok();
        symlink(&elsewhere, data.join(folder)).expect("linked");
        let (store, _) = Store::open(disk, &keys).expect("it opens");
        let blob = BlobId::Own(FileName([0xab; 20]));
        keep(&store, blob, b"content");
        assert!(store.set_aside(&blob).expect("set aside"));
        assert_eq!(tree(&elsewhere), Vec::<String>::new(), "{folder}");
    }
}

#[test]
fn an_own_file_is_never_removed_to_make_room_in_the_quarantine() {
    let (network, owner, holder) = (Network::default(), SimDisk::new(), SimDisk::new());
    run(async {
        let pair = network.pair(&owner, &holder).await;
        put(&pair.owner.handle(), "a", vec![1; 5000]).await;
        pair.stop().await;
        let alone = network.start(5000, &owner, &[]).await;
        put(&alone.handle(), "a", vec![2; 5000]).await;
        stop(alone).await;
    });
    let host = owner.boot();
    host.remove(&path("catalog.redb")).expect("it is lost");
    host.make_dir(&path("quarantine")).expect("made");
    for number in 0..64 {
        host.create(&path(&format!("quarantine/own.{number}"))).expect("made");
    }
    let newer = |disk: &SimDisk| {
        disk.tree()
            .into_iter()
            .filter(|(path, ..)| disk.read(path) == Some(vec![2; 5000]))
            .map(|(path, ..)| path)
            .next()
    };
    run(async {
        for wait in [1, 40] {
            let pair = network.pair(&owner, &holder).await;
            tokio::time::sleep(Duration::from_secs(wait)).await;
            let error = pair.owner.handle().get(&key("a")).await.expect_err("nothing has its place").to_string();
            assert!(error.contains("quarantine/ is full"), "{error}");
            assert_eq!(scrub(&pair.owner.handle()).await.damaged, 0, "{wait}");
            assert!(newer(&owner).is_some_and(|path| !path.starts_with("quarantine")), "{wait}: it is where it was");
            let is_told = |event: &Event| matches!(event, Event::QuarantineFull { .. });
            assert!(network.events.borrow().iter().any(is_told), "{wait}");
            pair.stop().await;
        }
        owner.boot().remove(&path("quarantine/own.7")).expect("somebody has moved it");
        let pair = network.pair(&owner, &holder).await;
        assert_eq!(get(&pair.owner.handle(), "a").await, vec![1; 5000]);
        assert!(newer(&owner).is_some_and(|path| path.starts_with("quarantine/own.")), "it is kept");
        pair.stop().await;
    });
}

#[test]
fn what_was_set_aside_by_an_earlier_start_is_not_replaced() {
    let keys = Keys::derive(&MasterSecret([7; 32]));
    for (layout, name) in Layout::ALL {
        let disk = SimDisk::new();
        Setup::Settled(layout).write(&disk).expect("written");
        for number in 0..3 {
            let (store, _) = Store::open(disk.boot(), &keys).expect("opened");
            let blob = BlobId::Own(FileName([0xab; 20]));
            let mut writer = store.write_blob(blob, Version(1)).expect("begun");
            writer.write(&[number; 10]).expect("written");
            store.stage(&writer, true).expect("staged");
            match store.packed(&mut writer) {
                Some(change) => assert!(store.commit(&[change]).expect("committed")),
                None => store.publish(&writer).expect("published"),
            }
            assert!(store.set_aside(&blob).expect("set aside"));
            assert_eq!(files_below(&disk, "quarantine").len(), usize::from(number) + 1, "{name}");
        }
    }
}
