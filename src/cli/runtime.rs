//! The tokio runtime of a command: one thread with local tasks, as in simulation. Signals are turned into errors here.
//! What blocks on another thread when a command ends, such as a write into a pipe that nobody reads, is not waited for.

use std::fs;
use std::future::pending;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use super::error::CliError;

/// Runs a command to its end.
pub(crate) fn run(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Process)?;
    let result = LocalSet::new().block_on(&runtime, async {
        // A write behind the limit of `ulimit -f` fails like one on a full disk, and ends no process without a word.
        let _caught = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map_err(CliError::Process)?;
        command.await
    });
    runtime.shutdown_background();
    result
}

/// Drops a command at its next wait if the user interrupts it, so that it cleans up behind itself.
pub(crate) async fn unless_interrupted(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let mut signals = Signals::new()?;
    tokio::select! {
        biased;
        () = signals.next() => Err(CliError::Interrupted),
        result = command => result,
    }
}

/// The signals that ask a process to end: Ctrl-C, SIGTERM, and SIGHUP, which a terminal sends when it is closed. While
/// this exists they no longer kill it.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Nothing if the process was started to outlive its terminal, as by nohup(1).
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Begins to catch the signals.
    pub(crate) fn new() -> Result<Self, CliError> {
        let on = |kind| signal(kind).map_err(CliError::Process);
        let hangup = (!is_ignored(Signal::HUP)).then(|| on(SignalKind::hangup())).transpose()?;
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())?, hangup })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hung_up(self.hangup.as_mut()) => {}
        }
    }
}

async fn hung_up(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}

/// Tells whether whoever started this process had it ignore a signal: see proc_pid_status(5).
fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| (mask >> (signal.as_raw() - 1)) & 1 == 1)
}
