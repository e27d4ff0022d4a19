//! The handshake, from both sides, against anything that the other side may say. The corpus has whole handshakes
//! between two fixed parties, so that inputs changed from them come as far as the hello and the records behind it.
#![no_main]

use dacapo::limits::PROTOCOL_VERSION;
use dacapo::node::link;
use dacapo::protocol::{BootId, Hello, Purpose, read_message};
use dacapo_fuzz::{Party, Script, now};
use libfuzzer_sys::fuzz_target;

const HELLO: Hello =
    Hello { protocol: PROTOCOL_VERSION, listen_port: 3000, purpose: Purpose::DialerAsks, boot: BootId([7; 8]) };

fuzz_target!(|bytes: &[u8]| {
    let Some((side, says)) = bytes.split_first() else { return };
    let stream = Script::new(says);
    let party = Party::new(side & 1);
    if side & 1 == 0 {
        if let Ok((mut records, ..)) = now(link::accept(stream, &party.credentials())) {
            while now(read_message(&mut records)).is_ok() {}
        }
    } else if let Ok((mut records, ..)) = now(link::dial(stream, &party.credentials(), HELLO)) {
        while now(read_message(&mut records)).is_ok() {}
    }
});
