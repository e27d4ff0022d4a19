//! Receipts of peers in words: how many peers have done what was asked, and why the others have not.

use dacapo::node::Receipt;
use dacapo::view::json::count_done;
use dacapo::view::show;

use super::logging;

/// Says on standard error which peers have not done it, and why.
pub(crate) fn warn_of(receipts: &[Receipt]) {
    for Receipt { peer, outcome } in receipts {
        if let Err(error) = outcome {
            logging::warn("", format_args!("peer {}: {error}", peer.short()));
        }
    }
}

/// Says how many peers have done it, and how many are away.
pub(crate) fn in_words(receipts: &[Receipt], away: usize) -> String {
    let done = match receipts.len() {
        0 => "no peer is connected".to_owned(),
        all => format!("{} of {}", count_done(receipts), show::count(all as u64, "peer")),
    };
    if away == 0 { done } else { format!("{done}, {away} away") }
}
