//! Copies that the disk has lost without a sign: a scrub has them fetched or sent again, and leaves alone those that
//! somebody has removed.

use dacapo::crypto::{Keys, Version};
use dacapo::event::Event;
use dacapo::node::DeleteError;
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Change, Identity, Setup, Store};
use dacapo_sim::disk::{CallKind, SimDisk};

use crate::support::in_memory::{HOLDER, Network, files_below, get, key, open_store, put, run, scrub, stop};

/// Opens what a disk has, while no node runs on it.
fn open(disk: &SimDisk) -> Store<SimDisk> {
    let disk = disk.boot();
    let master = Identity::load(&disk).expect("readable").expect("an identity");
    let layout = Setup::read(&disk).expect("readable");
    Store::open_as(disk, &Keys::derive(&master), layout, Version(0)).expect("a good disk").0
}

/// Has a disk lose the local copy of a file, while no node runs on it.
fn lose(disk: &SimDisk, name: &str) {
    open(disk).remove_blob(&BlobId::Own(key(name).file_name())).expect("a good disk");
}

#[test]
fn a_scrub_fetches_a_copy_that_was_lost_and_none_that_was_removed() {
    for (layout, _) in Layout::ALL {
        run(async move {
            let (network, owner, holder) = (Network::of(layout), SimDisk::new(), SimDisk::new());
            let pair = network.pair(&owner, &holder).await;
            for name in ["stays", "removed", "lost", "came back", "given up"] {
                put(&pair.owner.handle(), name, name.as_bytes().to_vec()).await;
            }
            for name in ["removed", "came back"] {
                pair.owner.handle().delete(&key(name)).await.expect("deleted");
            }
            // Whatever brought it, a scrub has seen that it is here.
            assert_eq!(get(&pair.owner.handle(), "came back").await, b"came back");
            assert_eq!(scrub(&pair.owner.handle()).await.absent, 1);
            pair.stop().await;
            ["lost", "came back", "given up"].iter().for_each(|name| lose(&owner, name));
            let pair = network.pair(&owner, &holder).await;
            let nothing = pair.owner.handle().delete(&key("given up")).await;
            assert!(matches!(nothing, Err(DeleteError::NotFound)), "{nothing:?}");
            let scrubbed = scrub(&pair.owner.handle()).await;
            assert_eq!((scrubbed.damaged, scrubbed.restored, scrubbed.absent), (2, 2, 2), "{layout}");
            assert_eq!(scrub(&pair.owner.handle()).await.damaged, 0);
            assert_eq!(get(&pair.owner.handle(), "lost").await, b"lost");
            pair.stop().await;
        });
    }
}

#[test]
fn a_copy_that_was_lost_and_no_peer_gives_is_told_by_each_scrub() {
    run(async {
        let (network, disk) = (Network::default(), SimDisk::new());
        let node = network.start(3000, &disk, &[]).await;
        put(&node.handle(), "a", vec![7; 100]).await;
        stop(node).await;
        lose(&disk, "a");
        let node = network.start(3000, &disk, &[]).await;
        for _ in 0..2 {
            let scrubbed = scrub(&node.handle()).await;
            assert_eq!((scrubbed.damaged, scrubbed.missing, scrubbed.absent), (1, 1, 0));
        }
        put(&node.handle(), "a", vec![8; 100]).await;
        assert_eq!(scrub(&node.handle()).await.missing, 0);
        stop(node).await;
    });
}

#[test]
fn a_scrub_notes_the_copies_of_an_older_directory_in_few_commits() {
    for (layout, _) in Layout::ALL {
        run(async move {
            let (network, disk) = (Network::of(layout), SimDisk::new());
            let node = network.start(3000, &disk, &[]).await;
            let names: Vec<_> = (0..40).map(|number| format!("file {number}")).collect();
            for name in &names {
                put(&node.handle(), name, name.as_bytes().to_vec()).await;
            }
            stop(node).await;
            let forget = |name: &String| Change::Copy(key(name).file_name(), None);
            open(&disk).commit(&names.iter().map(forget).collect::<Vec<_>>()).expect("a good disk");
            let node = network.start(3000, &disk, &[]).await;
            let syncs = || disk.calls(Some(CallKind::Sync));
            let before = syncs();
            scrub(&node.handle()).await;
            assert!(syncs() - before < 20, "{} syncs, {layout}", syncs() - before);
            stop(node).await;
            lose(&disk, "file 7");
            let node = network.start(3000, &disk, &[]).await;
            assert_eq!(scrub(&node.handle()).await.damaged, 1, "its copy was noted");
            stop(node).await;
        });
    }
}

#[test]
fn a_scrub_tells_a_replica_that_is_gone_from_one_that_was_set_aside() {
    run(async {
        let (network, owner, holder) = (Network::of(Layout::Folders), SimDisk::new(), SimDisk::new());
        let pair = network.pair(&owner, &holder).await;
        put(&pair.owner.handle(), "gone", vec![1; 5000]).await;
        put(&pair.owner.handle(), "damaged", vec![1; 5000]).await;
        pair.stop().await;
        let keys = open_store(&owner).1;
        let replica = |name: &str| BlobId::Held(keys.node(), keys.replica_name(&key(name)));
        open(&holder).remove_blob(&replica("gone")).expect("a good disk");
        let left = files_below(&holder, &keys.node().to_string());
        let [left] = &left[..] else { panic!("{left:?}") };
        holder.corrupt(left, 0).expect("flipped");
        // The owner is away, and sends nothing again.
        let node = network.start(HOLDER, &holder, &[]).await;
        let found = scrub(&node.handle()).await;
        assert_eq!((found.damaged, found.set_aside, found.gone, found.failed), (2, 1, 1, 0));
        let told: Vec<_> = network.events.borrow().iter().filter(|event| is_missed(event)).cloned().collect();
        assert_eq!((told.len(), files_below(&holder, "quarantine").len()), (1, 1), "{told:?}");
        assert_eq!(scrub(&node.handle()).await.damaged, 0, "they are held no more");
        stop(node).await;
    });
}

fn is_missed(event: &Event) -> bool {
    matches!(event, Event::ReplicaSetAside { is_gone: true, .. })
}
