//! The rare states of a run of the file store. A long sweep that never reaches one of them is blind.

use std::collections::BTreeMap;

use dacapo::event::{Event, FetchAnswer};

use super::call::Call;
use super::conversion::{CONVERTED, TAKEN_UP, TURNED_BACK};
use super::files::Files;
use super::history::Outcome;
use super::recovery::{RECOVERED, REPLACED};
use crate::subject::Run;
use crate::trace::Fact;

/// Counts how often a run has reached each state.
pub(super) fn reached(run: &Run<Files>) -> BTreeMap<&'static str, u64> {
    let mut reached = BTreeMap::new();
    let mut count = |state: &'static str, is: bool| *reached.entry(state).or_default() += u64::from(is);
    for line in run.trace.lines() {
        if let Fact::Note(note) = &line.what {
            count("layout converted", note.starts_with(CONVERTED));
            count("disk replaced", note.ends_with(REPLACED));
            count("learnt all on an empty disk", note.starts_with(RECOVERED));
            count("conversion interrupted", note.starts_with(TAKEN_UP) || note.starts_with(TURNED_BACK));
        }
        let Fact::Event(event) = &line.what else { continue };
        count("crash finished", matches!(event, Event::Recovered { finished: 1.., .. }));
        count("crash dropped", matches!(event, Event::Recovered { dropped: 1.., .. }));
        count("peer lost", matches!(event, Event::PeerLost { .. }));
        count("moved peer found", matches!(event, Event::PeerFound { through: Some(_), .. }));
        count("peer remembered", matches!(event, Event::PeerFound { through: None, .. }));
        count("replica failed", matches!(event, Event::ReplicaFailed { .. }));
        count("exchange failed", matches!(event, Event::ExchangeFailed { .. }));
        count("local damage found", matches!(event, Event::FileDamaged { .. }));
        count("catalog damaged", matches!(event, Event::CatalogDamaged { .. }));
        count("repaired", matches!(event, Event::PeerRepaired { sent: 1.., .. }));
        count("learnt from a peer", matches!(event, Event::FileLearnt { .. }));
        count("replica set aside", matches!(event, Event::ReplicaSetAside { .. }));
        count("deleted for its owner", matches!(event, Event::ReplicaDeleted { .. }));
        count("placed on others", matches!(event, Event::ReplicaReleased { .. }));
        count("twin noticed", matches!(event, Event::PeerRunsTwice { .. } | Event::RunsTwice { .. }));
        count("deletions forgotten", matches!(event, Event::DeletionsForgotten { .. }));
        count("catalog compacted", matches!(event, Event::CatalogCompacted { .. }));
        count("fetched", matches!(event, Event::FileFetched { .. }));
        let answer = match event {
            Event::FetchAnswered { answer, .. } => Some(answer),
            _ => None,
        };
        count("stale replica refused", matches!(answer, Some(FetchAnswer::Stale(_))));
        count("damaged replica refused", matches!(answer, Some(FetchAnswer::Damaged)));
    }
    for entry in run.clients.history() {
        count("store unconfirmed", matches!(entry.outcome(), Some(Outcome::Unconfirmed)));
        let is_store = matches!(entry.call, Call::Store { .. });
        count("store rejected", is_store && matches!(entry.outcome(), Some(Outcome::Rejected)));
    }
    reached
}
