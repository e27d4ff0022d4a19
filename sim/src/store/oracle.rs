//! The oracles of the file store, one file per promise. Bugs are planted for each of them: see `bug`. Two oracles of
//! the harness, `live` and `replay`, hold as well.

pub mod atomic;
pub mod available;
pub mod bounded;
pub mod closed;
pub mod convergent;
pub mod durable;
pub mod faithful;
pub mod linearizable;
pub mod live;
pub mod secret;

use crate::store::files::Files;
use crate::store::history::HistoryEntry;
use crate::subject::{Broken, Oracle};

/// Returns the oracles that judge a run that has ended. Reads are judged as they end; liveness, availability and
/// convergence by the calls themselves and by the check after the faults.
#[must_use]
pub fn all() -> Vec<Oracle<Files>> {
    vec![
        Oracle { name: "closed", judge: closed::judge },
        Oracle { name: "linearizable", judge: linearizable::judge },
        Oracle { name: "secret", judge: secret::judge },
        Oracle { name: "bounded", judge: bounded::judge },
    ]
}

/// Judges a read that has ended.
///
/// # Errors
/// Returns the promise that was broken.
pub fn judge_read(history: &[HistoryEntry], read: &HistoryEntry) -> Result<(), Broken> {
    let judged = [
        ("atomic", atomic::judge_read(history, read)),
        ("faithful", faithful::judge_read(history, read)),
        ("durable", durable::judge_read(history, read)),
    ];
    for (oracle, result) in judged {
        if let Err(what) = result {
            return Err(Broken { oracle, what: format!("call {}, n{} {}, {what}", read.number, read.host, read.call) });
        }
    }
    Ok(())
}
