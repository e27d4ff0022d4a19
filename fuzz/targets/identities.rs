//! Identity files, cluster files and backups. Backups are read and not opened, which takes a second by design.
#![no_main]

use dacapo::crypto::Backup;
use dacapo::membership::Cluster;
use dacapo::store::Identity;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // What is wrong with it is an error.
    drop(Identity::parse(bytes));
    drop(Cluster::parse(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(backup) = text.parse::<Backup>() {
        assert_eq!(backup.to_string().parse().as_ref(), Ok(&backup));
    }
});
