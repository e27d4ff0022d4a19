//! Hellos and welcomes of this version and of others.
#![no_main]

use dacapo::limits::PROTOCOL_VERSION;
use dacapo::protocol::{Hello, Welcome};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(hello) = Hello::decode(bytes, PROTOCOL_VERSION) {
        let again = Hello::decode(&hello.encode(), PROTOCOL_VERSION);
        assert!(hello.protocol != PROTOCOL_VERSION || again == Ok(hello));
    }
    if let Ok(welcome) = Welcome::decode(bytes, PROTOCOL_VERSION) {
        let again = Welcome::decode(&welcome.encode(), PROTOCOL_VERSION);
        assert!(welcome.protocol != PROTOCOL_VERSION || again == Ok(welcome));
    }
});
