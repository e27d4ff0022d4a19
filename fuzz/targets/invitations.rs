//! Invitations: a text is refused, or is an invitation that reads back from its own line.
#![no_main]

use dacapo::membership::Invitation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(invitation) = text.parse::<Invitation>() {
        assert_eq!(invitation.line().parse().as_ref(), Ok(&invitation));
    }
});
