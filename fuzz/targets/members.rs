//! Lists of members: the bytes are an error, or a list that stays within its bounds.
#![no_main]

use dacapo::limits::{DIALS_MAX, MEMBERS_MAX};
use dacapo::membership::{Admission, Members};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(members) = Members::parse(bytes) else { return };
    assert!(members.dials().len() <= DIALS_MAX && members.forgotten().count() <= MEMBERS_MAX);
    for node in members.forgotten() {
        assert_eq!(members.admission(node), Admission::Forgotten);
    }
});
