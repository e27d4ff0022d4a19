//! Shows the events of nodes on standard error, one line each, through `tracing`.

use std::io::{self, IsTerminal};
use std::rc::Rc;

use dacapo::event::{Event, EventSink};
use tracing::Level;

use super::arguments::{Events, Verbosity};

/// Sets up standard error for the whole process.
pub(crate) fn start(verbosity: Verbosity, events: Events) {
    let level = match (verbosity.quiet, events.verbose) {
        (true, _) => Level::WARN,
        (false, true) => Level::DEBUG,
        (false, false) => Level::INFO,
    };
    // See https://no-color.org.
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !is_plain)
        .with_target(false)
        .with_level(false)
        .without_time()
        .init();
}

/// Sets up standard error for a command with a bar of its own: without `--verbose` it shows warnings only.
pub(crate) fn start_quietly(verbosity: Verbosity, events: Events) {
    start(Verbosity { quiet: verbosity.quiet || !events.verbose }, events);
}

/// Shows what an operator may have to act on. Only these lines are marked.
pub(crate) fn warn(prefix: &str, what: impl std::fmt::Display) {
    tracing::warn!("{prefix}warning: {what}");
}

/// Returns a sink that shows events. The prefix tells nodes of one process apart; it may be empty.
pub(crate) fn sink(prefix: String) -> EventSink {
    Rc::new(move |event| match level(event) {
        Level::WARN => warn(&prefix, event),
        Level::DEBUG => tracing::debug!("{prefix}{event}"),
        _ => tracing::info!("{prefix}{event}"),
    })
}

/// Returns the level of an event. Warnings are what an operator may have to act on; the single steps of an act are for
/// `--verbose`.
fn level(event: &Event) -> Level {
    match event {
        Event::Recovered { .. }
        | Event::DialFailed { .. }
        | Event::PeerLost { .. }
        | Event::InboundDropped { .. }
        | Event::InboundFlooded { .. }
        | Event::RequestRefused { .. }
        | Event::ExchangeFailed { .. }
        | Event::ReplicaFailed { .. }
        | Event::FileDamaged { .. } => Level::WARN,
        Event::Dialled { .. } | Event::ReplicaAcknowledged { .. } | Event::FetchAnswered { .. } => Level::DEBUG,
        _ => Level::INFO,
    }
}
