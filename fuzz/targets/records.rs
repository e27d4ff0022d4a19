//! Records of the catalog: whatever a rotten page may hold is a record or an error.
#![no_main]

use dacapo::crypto::{Keys, MasterSecret, ReplicaName, Tombstone};
use dacapo::store::{Known, OwnRecord, Usage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => {
            let Ok(known) = postcard::from_bytes::<Known>(bytes) else { return };
            assert_eq!(postcard::from_bytes(&postcard::to_stdvec(&known).expect("it encodes")).as_ref(), Ok(&known));
            assert_eq!(known.entry(ReplicaName([0; 16])).version, known.version());
            let used = Usage::of(Some(&known));
            assert_eq!(used + used - used, used + Usage::default());
        }
        1 => {
            let Ok(record) = postcard::from_bytes::<OwnRecord>(bytes) else { return };
            let keys = Keys::derive(&MasterSecret([1; 32]));
            // The record verifies for no owner, and its metadata are text or an error.
            assert!(!record.seal.is_authentic(&keys, ReplicaName([0; 16])));
            drop(record.seal.metadata.open(&keys));
        }
        _ => {
            let Ok(tombstone) = postcard::from_bytes::<Tombstone>(bytes) else { return };
            assert!(!tombstone.is_authentic(&Keys::derive(&MasterSecret([1; 32])), ReplicaName([0; 16])));
        }
    }
});
