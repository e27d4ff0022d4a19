//! Messages: a message that decodes has a bounded encoding, which decodes to the same message.
#![no_main]

use dacapo::limits::MESSAGE_BYTES_MAX;
use dacapo::protocol::Message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::decode(bytes) {
        let encoded = message.encode();
        assert!(encoded.len() <= MESSAGE_BYTES_MAX);
        assert_eq!(Message::decode(&encoded).as_ref(), Ok(&message));
        assert!(!message.name().is_empty());
    }
});
