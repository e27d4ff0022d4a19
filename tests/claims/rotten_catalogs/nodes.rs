//! Nodes whose catalog rots: at rest, and while they run.

use std::io;
use std::time::Duration;

use dacapo::event::Event;
use dacapo::node::{Content, Handle, Node};
use dacapo::store::layout::Layout;
use dacapo_sim::disk::SimDisk;

use super::{CATALOG, bytes_to_flip, fork};
use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{Network, Pair, files_below, key, put, run};

async fn put_all(node: &Handle) {
    for number in 0..12 {
        put(node, &format!("file {number}"), vec![number; 300 + usize::from(number)]).await;
    }
}

async fn assert_all(node: &Handle, what: &str) {
    for number in 0..12 {
        let fetched = node.get(&key(&format!("file {number}"))).await;
        let fetched = fetched.unwrap_or_else(|error| panic!("{what}: file {number}: {error}"));
        let content = fetched.read_all().await.unwrap_or_else(|error| panic!("{what}: file {number}: {error}"));
        assert_eq!(content, vec![number; 300 + usize::from(number)], "{what}: file {number}");
    }
}

async fn start_again(network: &Network, owner: &SimDisk, holder: &SimDisk) -> Pair {
    let pair = network.pair(owner, holder).await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    pair
}

/// Flips a bit of one of two catalogs, starts both nodes, and looks at every file.
async fn flip(network: &Network, owner: &SimDisk, holder: &SimDisk, what: &str) {
    let pair = start_again(network, owner, holder).await;
    let node = pair.owner.handle();
    // What fails once is mended by the next call.
    drop(node.list(None).await);
    drop(node.get(&key("file 1")).await.map(drop));
    for number in 0..12 {
        drop(node.holders(&key(&format!("file {number}"))).await);
    }
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_all(&node, what).await;
    for number in 0..12 {
        let holders = node.holders(&key(&format!("file {number}"))).await.expect("asked");
        assert!(format!("{holders:?}").contains("Current"), "{what}: file {number}: {holders:?}");
    }
    let stored = node.store(&key("more"), Content::bytes("more")).await;
    assert_eq!(stored.expect("stored").replicas(), 1, "{what}");
    pair.stop().await;
}

#[test]
fn every_file_is_there_again_after_a_bit_of_a_catalog_has_flipped() {
    for (layout, name) in Layout::ALL {
        let (network, owner, holder) = (Network::of(layout), SimDisk::new(), SimDisk::new());
        run(async {
            let pair = network.pair(&owner, &holder).await;
            put_all(&pair.owner.handle()).await;
            pair.stop().await;
        });
        for whose in ["owner", "holder"] {
            let catalog = if whose == "owner" { &owner } else { &holder }.read(CATALOG).expect("there");
            let length = bytes_to_flip(&catalog, 1).len();
            for byte in bytes_to_flip(&catalog, length / 24) {
                let (owner, holder) = (fork(&owner), fork(&holder));
                if whose == "owner" { &owner } else { &holder }.corrupt(CATALOG, byte).expect("flipped");
                run(flip(&network, &owner, &holder, &format!("{name}, byte {byte} of the {whose}")));
            }
        }
    }
}

/// Lets the database read its file again, as after any error of the disk.
async fn fail_a_sync(disk: &FaultDisk, node: &Node) {
    disk.arm("sync catalog", Fault::Error(io::ErrorKind::Other));
    drop(node.handle().store(&key("a store that fails"), Content::bytes("x")).await);
}

#[test]
fn a_catalog_that_rots_under_a_running_node_is_mended_in_place() {
    for (layout, name) in Layout::ALL {
        run(async {
            let mut told = 0;
            for part in 1..32 {
                let (network, owner, holder) = (Network::of(layout), SimDisk::new(), SimDisk::new());
                let failing = FaultDisk::new(&owner, None);
                let pair = network.pair_on(failing.clone(), holder.boot()).await;
                put_all(&pair.owner.handle()).await;
                let bytes = bytes_to_flip(&owner.read(CATALOG).expect("there"), 1);
                let byte = bytes[bytes.len() * part / 32];
                owner.corrupt(CATALOG, byte).expect("flipped");
                let what = format!("{name}, byte {byte}");
                fail_a_sync(&failing, &pair.owner).await;
                for _ in 0..3 {
                    drop(pair.owner.handle().list(None).await);
                }
                tokio::time::sleep(Duration::from_secs(40)).await;
                assert_all(&pair.owner.handle(), &what).await;
                let stored = pair.owner.handle().store(&key("more"), Content::bytes("more")).await;
                assert_eq!(stored.expect("stored").replicas(), 1, "{what}");
                let is_damage = |event: &Event| matches!(event, Event::CatalogDamaged { .. });
                let events = network.events.borrow().iter().filter(|event| is_damage(event)).count();
                assert_eq!(events, files_below(&owner, "quarantine").len(), "{what}");
                told += events;
                pair.stop().await;
            }
            assert!(told > 0, "{name}: {told} of the bits were seen");
        });
    }
}
