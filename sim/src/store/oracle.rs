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
pub mod told;
pub mod trust;

use dacapo::event::Event;

use crate::host::Host;
use crate::store::call::Call;
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome, may_come_back};
use crate::subject::{Broken, Oracle, Scene};

/// Returns the oracles that judge a run that has ended. Reads are judged as they end; liveness, availability and
/// convergence by the calls themselves and by the check after the faults.
#[must_use]
pub fn all() -> Vec<Oracle<Files>> {
    vec![
        Oracle { name: "closed", judge: closed::judge },
        Oracle { name: "faithful", judge: faithful::judge_catalogs },
        Oracle { name: "linearizable", judge: linearizable::judge },
        Oracle { name: "secret", judge: secret::judge },
        Oracle { name: "bounded", judge: bounded::judge },
    ]
}

/// Judges the answer to a call, whatever other calls there are.
///
/// # Errors
/// Returns the promise that was broken.
pub fn judge_answer(scene: &Scene<Files>, asked: &HistoryEntry, outcome: &Outcome) -> Result<(), Broken> {
    let judged = [
        ("atomic", atomic::judge_store(asked.call, outcome)),
        ("faithful", faithful::judge_scrub(scene, asked, outcome)),
        ("faithful", faithful::judge_holders(scene, asked, outcome)),
        ("faithful", faithful::judge_removal(scene, asked, outcome)),
        ("durable", told::judge_files(scene, asked, outcome)),
        ("durable", told::judge_forgotten(scene, asked, outcome)),
        ("bounded", told::judge_held(scene, asked, outcome)),
        ("live", told::judge_disk(scene, asked, outcome)),
        ("available", available::calm::judge_receipts(scene, asked, outcome)),
    ];
    first_broken(judged, asked.number, asked.host, asked.call)
}

/// Judges what the node of a host has just told. `was_known` says whether it knew the file already that it has learnt
/// of.
///
/// # Errors
/// Returns the promise that was broken.
pub fn judge_event(scene: &Scene<Files>, host: Host, event: &Event, was_known: bool) -> Result<(), Broken> {
    durable::forgotten::judge(scene, host, event).map_err(|what| Broken::new("durable", what))?;
    durable::twins::judge(scene, host, event, was_known).map_err(|what| Broken::new("durable", what))?;
    available::judge_copies(scene, host, event, was_known).map_err(|what| Broken::new("available", what))?;
    available::judge_room(scene, host, event).map_err(|what| Broken::new("available", what))?;
    bounded::judge_offers(scene, host, event).map_err(|what| Broken::new("bounded", what))
}

/// Judges a call that has ended.
///
/// # Errors
/// Returns the promise that was broken.
pub fn judge_read(scene: &Scene<Files>, history: &[HistoryEntry], read: &HistoryEntry) -> Result<(), Broken> {
    let may_come_back = may_come_back(history, read.host, &scene.clients.options_ever(&scene.plan, read.host));
    let past = durable::Past {
        may_come_back,
        is_as_left: trust::is_as_left(scene, read.host),
        is_torn: available::is_history_torn(scene, read.host),
    };
    let is_kept = |change: &HistoryEntry| durable::is_kept(scene, change);
    let judged = [
        ("atomic", atomic::judge_read(history, read)),
        ("faithful", faithful::judge_read(history, read)),
        ("faithful", faithful::about::judge(scene, history, read)),
        ("durable", durable::judge_read(history, read, may_come_back, is_kept)),
        ("durable", durable::judge_known(history, read, past)),
        ("durable", durable::judge_acknowledged(scene, history, read)),
        ("secret", secret::judge_stored(scene, history, read)),
        ("available", available::judge_refusal(scene, read)),
    ];
    first_broken(judged, read.number, read.host, read.call)
}

fn first_broken(
    judged: impl IntoIterator<Item = (&'static str, Result<(), String>)>,
    number: usize,
    host: Host,
    call: Call,
) -> Result<(), Broken> {
    for (oracle, result) in judged {
        result.map_err(|what| Broken { oracle, what: format!("call {number}, n{host} {call}, {what}") })?;
    }
    Ok(())
}
