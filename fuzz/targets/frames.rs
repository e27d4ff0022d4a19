//! Frames: any bytes are messages or an error, and a length that is only claimed takes no memory.
#![no_main]

use dacapo::protocol::{read_message, read_stream_header};
use dacapo_fuzz::{Script, now};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut stream = Script::new(bytes);
    // The loop ends: each message takes at least the bytes of its tag and its length.
    while now(read_message(&mut stream)).is_ok() {}
    let len = bytes.first_chunk().map_or(38, |len| u64::from_le_bytes(*len));
    // Whatever the bytes are, they are an error or the header of a stream of exactly this length.
    drop(now(read_stream_header(&mut Script::new(bytes), len)));
});
