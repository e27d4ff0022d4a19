//! Identity files, cluster files and backups. Backups are read but not opened: opening takes a second by design.
#![no_main]

use dacapo::membership::{Backup, Cluster};
use dacapo::store::Identity;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Whatever the bytes are, the result is a value or an error, and no panic.
    drop(Identity::parse(bytes));
    drop(Cluster::parse(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(backup) = text.parse::<Backup>() {
        assert_eq!(backup.to_string().parse().as_ref(), Ok(&backup));
    }
});
