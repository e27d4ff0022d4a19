//! Standard error: the notes and errors of a command, and the events of nodes, one line each, through `tracing`.
//!
//! In a process that runs a node, one thread writes all of it. Nothing else waits for whoever reads the log: if it is
//! read slowly, lines are dropped and counted, and if it cannot be written, the node goes on without it.

mod queue;
mod writer;

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::panic;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dacapo::event::{Event, EventSink};
use dacapo::platform::machine::time_of_day;
use dacapo::view::show;
use tracing::Level;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::arguments::{Events, Verbosity};
use super::limits::LOG_FAREWELL_TIMEOUT;
use queue::Queue;

static QUEUE: Queue = Queue::new();

/// Whether the thread that writes the log runs.
static IS_QUEUED: AtomicBool = AtomicBool::new(false);

/// Sets up standard error for a process that runs nodes, for as long as it runs. Its lines begin with their time,
/// unless the journal of systemd notes that itself.
pub(crate) fn start(verbosity: Verbosity, events: Events) -> io::Result<()> {
    let level = match (verbosity.quiet, events.verbose) {
        (true, _) => Level::WARN,
        (false, true) => Level::DEBUG,
        (false, false) => Level::INFO,
    };
    // A descriptor of its own: the thread never holds the lock of the standard library while it waits for a reader.
    let out = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    // The only thread that no seed governs: nothing that a node does depends on it.
    thread::Builder::new().name("log".to_owned()).spawn(|| writer::run(&QUEUE, out))?;
    IS_QUEUED.store(true, Ordering::Relaxed);
    panic::set_hook(Box::new(|panicked| {
        note(format_args!("{panicked}\n{}", std::backtrace::Backtrace::capture()));
        finish();
    }));
    // See https://no-color.org.
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Line)
        .with_ansi(io::stderr().is_terminal() && !is_plain)
        .with_target(false)
        .with_level(false);
    if is_journal() {
        lines.without_time().init();
    } else {
        lines.with_timer(Now).init();
    }
    Ok(())
}

/// Sets up standard error for a command with a bar of its own: without `--verbose` it shows warnings only.
pub(crate) fn start_quietly(verbosity: Verbosity, events: Events) -> io::Result<()> {
    start(Verbosity { quiet: verbosity.quiet || !events.verbose }, events)
}

/// Gives the last lines a moment to be written. A reader that stands still keeps no process from its end.
pub(crate) fn finish() {
    if IS_QUEUED.load(Ordering::Relaxed) {
        QUEUE.wait_until_written(LOG_FAREWELL_TIMEOUT);
    }
}

/// Writes a line for people. If standard error cannot be written, the line is lost, and nothing else happens.
pub(crate) fn note(line: impl Display) {
    let line = line.to_string();
    let line = if io::stderr().is_terminal() { show::visible(&line) } else { line.into() };
    let line = format!("{line}\n");
    if IS_QUEUED.load(Ordering::Relaxed) {
        QUEUE.push(line.as_bytes());
    } else {
        drop(io::stderr().lock().write_all(line.as_bytes()));
    }
}

/// Shows what an operator may have to act on. Only these lines are marked.
pub(crate) fn warn(prefix: &str, what: impl Display) {
    if IS_QUEUED.load(Ordering::Relaxed) {
        tracing::warn!("{prefix}warning: {what}");
    } else {
        note(format_args!("{prefix}warning: {what}"));
    }
}

/// Returns a sink that shows events. The prefix tells nodes of one process apart; it may be empty.
pub(crate) fn sink(prefix: String) -> EventSink {
    Rc::new(move |event| match level(event) {
        Level::WARN => warn(&prefix, event),
        Level::DEBUG => tracing::debug!("{prefix}{event}"),
        Level::TRACE => tracing::trace!("{prefix}{event}"),
        _ => tracing::info!("{prefix}{event}"),
    })
}

/// Returns the level of an event. Warnings are what an operator may have to act on; the single steps of an act are for
/// `--verbose`.
fn level(event: &Event) -> Level {
    match event {
        Event::Recovered { .. }
        | Event::CatalogLost
        | Event::ObstacleSetAside { .. }
        | Event::LeftUnsettled { .. }
        | Event::QuarantineFull { .. }
        | Event::CatalogDamaged { .. }
        | Event::DialFailed { .. }
        | Event::PeerLost { .. }
        | Event::PeerRunsTwice { .. }
        | Event::RunsTwice { .. }
        | Event::InboundDropped { .. }
        | Event::InboundFlooded { .. }
        | Event::RequestRefused { .. }
        | Event::DiskFilled { .. }
        | Event::DiskFailed { .. }
        | Event::ExchangeFailed { .. }
        | Event::ReplicaFailed { .. }
        | Event::FileDamaged { .. }
        | Event::FileUnreadable { .. } => Level::WARN,
        Event::Dialled { .. } | Event::ReplicaAcknowledged { .. } | Event::FetchAnswered { .. } => Level::DEBUG,
        Event::MessageSent { .. } | Event::MessageReceived { .. } => Level::TRACE,
        _ => Level::INFO,
    }
}

/// Tells whether standard error is the journal of systemd: `JOURNAL_STREAM` names its device and inode, see
/// systemd.exec(5).
fn is_journal() -> bool {
    let Some(stream) = std::env::var_os("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|found| stream.to_str() == Some(&format!("{}:{}", found.st_dev, found.st_ino)))
}

/// The time of day, as it begins each line.
struct Now;

impl FormatTime for Now {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str(&show::moment(time_of_day()))
    }
}

/// Puts each line that `tracing` writes into the queue: it writes a line at once.
struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        QUEUE.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
