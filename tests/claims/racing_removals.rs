//! Removals of neighbours in the tree of folders, at the same time: each removal prunes the folders that it leaves
//! empty, the other removal finds them gone, and both are acknowledged and durable.

use std::sync::Arc;

use dacapo::crypto::{Keys, MasterSecret, NodeId, ReplicaName, Version};
use dacapo::disk::Disk;
use dacapo::node::Lane;
use dacapo::seed::Seed;
use dacapo::store::Store;
use dacapo::store::layout::{BlobId, Layout};
use dacapo_sim::disk::SimDisk;

use crate::support::hooked_disk::{HookedDisk, When};

fn keys() -> Keys {
    Keys::derive(&MasterSecret([1; 32]))
}

/// Returns two replicas whose names have their first digits in common, this many of them.
fn neighbours(digits_in_common: usize) -> [BlobId; 2] {
    let mut other = [0; 16];
    other[digits_in_common / 2] = 0x11;
    [ReplicaName([0; 16]), ReplicaName(other)].map(|replica_name| BlobId::Held(NodeId([9; 32]), replica_name))
}

fn put(store: &Store<HookedDisk>, blob: BlobId) {
    let mut writer = store.write_blob(blob, Version(1)).expect("begun");
    writer.write(&[5; 38]).expect("written");
    store.stage(&writer, true).expect("synced");
    store.publish(&writer).expect("published");
}

/// How far the removal of the neighbour has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Neighbour {
    Done,
    /// Its file and its folders are gone, and none of that is synced.
    Unsynced,
}

impl Neighbour {
    fn remove(self, store: &Store<HookedDisk>, disk: &HookedDisk, blob: &BlobId) {
        if self == Self::Done {
            assert!(store.remove_blob(blob).expect("the neighbour is removed"));
            return;
        }
        let path = Layout::Folders.place(keys().node(), blob);
        disk.remove(&path).expect("the neighbour is removed");
        let mut folder = path.parent().expect("below the root");
        while folder.segments().count() > 1 {
            disk.remove_dir(&folder).expect("it is empty");
            folder = folder.parent().expect("below the root");
        }
    }
}

/// Removes a blob, and its neighbour before or after one disk call of that removal. Then loses the power, and asserts
/// that both are gone for good.
fn remove_both(digits_in_common: usize, how: Neighbour, when: When, call: impl FnOnce(&BlobId) -> String) {
    let sim = SimDisk::new();
    let disk = HookedDisk::new(&sim);
    let (store, _) = Store::open(disk.clone(), &keys()).expect("opened");
    let store = Arc::new(store);
    let [blob, neighbour] = neighbours(digits_in_common);
    put(&store, blob);
    put(&store, neighbour);
    let (other, its_disk) = (store.clone(), disk.clone());
    let call = call(&blob);
    disk.hook(when, call.clone(), move || how.remove(&other, &its_disk, &neighbour));
    let what = format!("{digits_in_common} digits in common, the neighbour {how:?} {when:?} {call}");
    match store.remove_blob(&blob) {
        Ok(was_there) => assert!(was_there, "{what}"),
        Err(error) => panic!("{what}: {error}"),
    }
    assert!(!disk.is_hooked(), "{what}: no such call");
    let folder = NodeId([9; 32]).to_string();
    let left = |tree: Vec<(String, _, u64)>| {
        let below = tree.into_iter().map(|(path, ..)| path).filter(|path| path.starts_with(&format!("{folder}/")));
        below.collect::<Vec<_>>()
    };
    assert_eq!(left(sim.tree()), Vec::<String>::new(), "{what}: no empty folder stays");
    assert_eq!(left(sim.durable_tree()), Vec::<String>::new(), "{what}: the removals are durable");
    sim.power_loss(&mut Seed::from_u64(1).rng(Lane::Iv));
    let (store, _) = Store::open(HookedDisk::new(&sim), &keys()).expect("opened again");
    for blob in [blob, neighbour] {
        assert!(!store.has_blob(&blob).expect("readable"), "{what}: it came back");
    }
}

/// Returns the path of the folder that lies this many levels above a blob. Level 0 is the blob itself.
fn place(blob: &BlobId, above: usize) -> String {
    let mut path = Layout::Folders.place(keys().node(), blob);
    for _ in 0..above {
        path = path.parent().expect("below the root");
    }
    path.to_string()
}

#[test]
fn a_removal_finishes_where_a_neighbour_has_pruned_their_folders() {
    for digits_in_common in [30, 24, 10, 4, 0] {
        for when in [When::Before, When::After] {
            remove_both(digits_in_common, Neighbour::Done, when, |blob| format!("remove {}", place(blob, 0)));
        }
    }
}

#[test]
fn a_removal_is_durable_where_a_neighbour_has_pruned_the_folder_to_sync() {
    // Six folders of five digits each lie between the owner's folder and the file.
    for digits_in_common in [30, 24, 20, 10, 6] {
        let folders_in_common = digits_in_common / 5;
        for how in [Neighbour::Done, Neighbour::Unsynced] {
            remove_both(digits_in_common, how, When::Before, |blob| {
                format!("sync_dir {}", place(blob, 7 - folders_in_common))
            });
        }
    }
}
