//! Changes of names that took effect and failed all the same: what is said again is durable, also if nothing is left to
//! change.

use dacapo::crypto::{Keys, MasterSecret, NodeId, ReplicaName, Version};
use dacapo::node::{DeleteError, Lane};
use dacapo::seed::{Seed, SeedRng};
use dacapo::store::Store;
use dacapo::store::layout::{BlobId, Layout};
use dacapo_sim::disk::{CallKind, SimDisk};

use crate::support::in_memory::{Network, key, put as put_file, run};

/// Enough seeds for each call to be the one that fails.
const SEEDS: u64 = 48;

fn rng(seed: u64) -> SeedRng {
    Seed::from_u64(seed).rng(Lane::Iv)
}

fn keys() -> Keys {
    Keys::derive(&MasterSecret([1; 32]))
}

fn blob() -> BlobId {
    BlobId::Held(NodeId([9; 32]), ReplicaName([7; 16]))
}

/// All calls that change or sync names.
const KINDS: [CallKind; 3] = [CallKind::Names, CallKind::Rename, CallKind::Sync];

/// Does something again and again while a third of the calls of some kinds take effect and fail, until it succeeds.
/// Returns whether it ever failed.
fn until_it_succeeds<T, E>(
    disk: &SimDisk,
    kinds: &[CallKind],
    seed: u64,
    mut step: impl FnMut() -> Result<T, E>,
) -> bool {
    for kind in kinds {
        disk.set_late_errors(*kind, 333, rng(seed));
    }
    let mut failed = 0;
    while step().is_err() {
        failed += 1;
        assert!(failed < 1000, "seed {seed}: it never succeeds");
    }
    for kind in kinds {
        disk.set_late_errors(*kind, 0, rng(seed));
    }
    failed > 0
}

fn put(store: &Store<SimDisk>) {
    let mut writer = store.write_blob(blob(), Version(1)).expect("begun");
    writer.write(&[5; 38]).expect("written");
    store.stage(&writer, true).expect("synced");
    store.publish(&writer).expect("published");
}

#[test]
fn a_removal_is_durable_once_it_succeeds() {
    let mut failed = 0;
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        let (store, _) = Store::open(disk.clone(), &keys()).expect("opened");
        put(&store);
        failed += u64::from(until_it_succeeds(&disk, &KINDS, seed, || store.remove_blob(&blob())));
        assert!(!store.has_blob(&blob()).expect("readable"));
        let left: Vec<_> = disk.durable_tree().into_iter().filter(|(path, ..)| path.contains('/')).collect();
        assert!(left.iter().all(|(path, ..)| path.starts_with("tmp/")), "seed {seed}: {left:?}");
    }
    assert!(failed > SEEDS / 2, "{failed}");
}

#[test]
fn copies_that_were_set_aside_are_gone_once_the_deletion_succeeds() {
    let mut failed = 0;
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        let (store, _) = Store::open(disk.clone(), &keys()).expect("opened");
        for _ in 0..2 {
            put(&store);
            store.set_aside(&blob()).expect("set aside");
        }
        let aside = |disk: &SimDisk| {
            let paths = disk.durable_tree().into_iter().map(|(path, ..)| path);
            paths.filter(|path| path.starts_with("quarantine/")).count()
        };
        assert_eq!(aside(&disk), 2);
        failed += u64::from(until_it_succeeds(&disk, &KINDS, seed, || store.forget_blob(&blob())));
        assert_eq!(aside(&disk), 0, "seed {seed}");
    }
    assert!(failed > SEEDS / 2, "{failed}");
}

#[test]
fn a_file_in_new_folders_is_durable_once_it_is_published() {
    let mut failed = 0;
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        let (store, _) = Store::open(disk.clone(), &keys()).expect("opened");
        let mut writer = store.write_blob(blob(), Version(1)).expect("begun");
        writer.write(&[5; 38]).expect("written");
        store.stage(&writer, true).expect("synced");
        // A rename that took effect and failed is left to the next start.
        let kinds = [CallKind::Names];
        failed += u64::from(until_it_succeeds(&disk, &kinds, seed, || store.publish(&writer)));
        disk.power_loss(&mut rng(seed));
        let (store, _) = Store::open(disk.boot(), &keys()).expect("opened again");
        assert!(store.has_blob(&blob()).expect("readable"), "seed {seed}");
    }
    assert!(failed > SEEDS / 2, "{failed}");
}

#[test]
fn a_local_copy_that_is_said_to_be_gone_does_not_come_back() {
    run(async {
        let mut gone = [0; 4];
        for seed in 0..2 * SEEDS {
            let way = usize::try_from(seed % 4).expect("a small number");
            let disk = SimDisk::new();
            let pair = Network::default().pair(&disk, &SimDisk::new()).await;
            let (owner, key) = (pair.owner.handle(), key("a"));
            put_file(&owner, "a", vec![7; 10]).await;
            for kind in KINDS {
                disk.set_late_errors(kind, 333, rng(seed));
            }
            let has_failed = match way {
                0 | 1 => owner.delete(&key).await.is_err(),
                _ => owner.delete_everywhere(&key).await.is_err(),
            };
            for kind in KINDS {
                disk.set_late_errors(kind, 0, rng(seed));
            }
            let again = match way {
                0 | 2 => owner.delete(&key).await,
                _ => owner.delete_if_held(&key, 1).await,
            };
            assert!(has_failed || matches!(again, Err(DeleteError::NotFound)), "seed {seed}: {again:?}");
            gone[way] += usize::from(has_failed && matches!(again, Err(DeleteError::NotFound)));
            let place = Layout::Folders.place(owner.node(), &BlobId::Own(key.file_name()));
            let left = disk.after_power_loss().tree();
            assert!(left.iter().all(|(path, ..)| path != place.as_str()), "seed {seed}: it came back");
            pair.stop().await;
        }
        assert!(gone.iter().all(|gone| *gone > 3), "{gone:?}");
    });
}
