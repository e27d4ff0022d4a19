//! Makes catalogs with many files, without the files.

use std::path::Path;

use dacapo::crypto::{Digest, Iv, Key, Keys, Metadata, Seal, SealedMetadata, Version};
use dacapo::disk::dir::DirDisk;
use dacapo::node::Lane;
use dacapo::seed::Seed;
use dacapo::store::{Change, HeldRecord, Identity, Known, OwnRecord, Store};
use dacapo::time::UnixMillis;

/// Changes in one commit. Chosen: few commits, and little memory for each.
const BATCH: usize = 1000;

/// Makes the catalog of an owner and the catalog of a peer that holds everything. Returns their sizes in MiB.
pub(crate) fn make(owner_dir: &str, peer_dir: &str, files: u32) -> (f64, f64) {
    let (keys, owner) = open(owner_dir, 1);
    let (_, peer) = open(peer_dir, 2);
    let numbers: Vec<u32> = (0..files).collect();
    for batch in numbers.chunks(BATCH) {
        let records: Vec<_> = batch.iter().map(|number| record(&keys, *number)).collect();
        let own = records
            .iter()
            .map(|(key, record)| Change::Own(key.clone(), keys.replica_name(key), Box::new(record.clone())));
        owner.commit(&own.collect::<Vec<_>>()).expect("the disk works");
        let held = records.into_iter().map(|(key, OwnRecord { seal, modified, .. })| {
            let known = Known::File(HeldRecord { seal, stored: modified, verified: modified });
            Change::Held(keys.node(), keys.replica_name(&key), Box::new(known))
        });
        peer.commit(&held.collect::<Vec<_>>()).expect("the disk works");
    }
    owner.skip_versions(Version(files.into())).expect("the disk works");
    drop((owner, peer));
    (size_mib(owner_dir), size_mib(peer_dir))
}

fn open(dir: &str, seed: u64) -> (Keys, Store<DirDisk>) {
    let disk = DirDisk::open(Path::new(dir)).expect("the directory is free");
    let identity = Identity::load_or_create(&disk, &mut Seed::from_u64(seed).rng(Lane::Identity));
    let keys = Keys::derive(&identity.expect("the directory is empty").master);
    let (store, _) = Store::open(disk, &keys).expect("the directory can be opened");
    (keys, store)
}

fn record(keys: &Keys, number: u32) -> (Key, OwnRecord) {
    let key: Key = format!("pictures/2026/picture_{number:06}.png").parse().expect("a key");
    let (modified, size) = (UnixMillis(1_767_225_600_000), 22);
    let iv = Iv(u128::from(number).to_be_bytes());
    let metadata = SealedMetadata::seal(keys, iv, &Metadata { key: key.clone(), size, modified, attributes: None });
    let digest = Digest(*blake3::hash(&number.to_be_bytes()).as_bytes());
    let seal = Seal::new(keys, keys.replica_name(&key), Version(u64::from(number) + 1), size, digest, metadata);
    (key, OwnRecord { seal, iv, modified })
}

fn size_mib(dir: &str) -> f64 {
    let catalog = Path::new(dir).join("catalog.redb");
    let bytes = std::fs::metadata(catalog).expect("the catalog is there").len();
    f64::from(u32::try_from(bytes / 1024).expect("below 4 TiB")) / 1024.0
}
