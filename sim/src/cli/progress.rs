//! What the long commands have in common: how many threads they have, when they end, and how they show how far they
//! are. The first Ctrl-C or SIGTERM ends a command as the end of its time does, and it says what it has seen. The
//! second ends the process at once.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::arguments::parse_time;
use super::output::note;

/// How a command ends that was told to before its end, as a shell says it of SIGINT.
const INTERRUPTED: u8 = 130;

/// How often a line says how far a command is if no bar does, because standard error is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The arguments that bound what a long command takes.
#[derive(Args, Debug)]
pub(super) struct Effort {
    /// Stop after this time, such as 60s or 10m.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    limit: Option<Duration>,
    /// How many threads; all cores if it is not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

/// How far a long command is.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    of: &'static str,
    count: Option<u64>,
    limit: Option<Duration>,
    begun: Duration,
    /// When the last line was due, in seconds since the begin.
    lines: AtomicU64,
}

/// What the first signal sets. The second finds it set, and ends the process.
static INTERRUPT: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| {
    let is_set = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let heard = flag::register_conditional_shutdown(signal, INTERRUPTED.into(), is_set.clone())
            .and_then(|_| flag::register(signal, is_set.clone()));
        if let Err(error) = heard {
            note!("a signal will end this at once, and nothing that was seen will be shown: {error}");
        }
    }
    is_set
});

/// Whether somebody has told the command to end. The first call begins to listen.
pub(super) fn is_interrupted() -> bool {
    INTERRUPT.load(Ordering::Relaxed)
}

/// Returns how a command ends if nothing broke.
pub(super) fn well() -> ExitCode {
    if is_interrupted() {
        note!("interrupted before the end");
        return ExitCode::from(INTERRUPTED);
    }
    ExitCode::SUCCESS
}

impl Effort {
    /// Returns how many threads the command has.
    pub(super) fn jobs(&self) -> usize {
        jobs(self.jobs)
    }

    /// Whether the command was told a time.
    pub(super) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Begins to show how many things of this kind are done.
    pub(super) fn begin(&self, count: impl Into<Option<u64>>, of: &'static str) -> Progress {
        Progress { limit: self.limit, ..Progress::begin(count, of) }
    }
}

impl Progress {
    /// Begins to show how many things of this kind are done, without a limit of time. Without a count nobody knows how
    /// many there will be.
    pub(super) fn begin(count: impl Into<Option<u64>>, of: &'static str) -> Self {
        let count = count.into();
        let bar = io::stderr().is_terminal().then(|| {
            let template = match count {
                Some(_) => format!("{{bar:40}} {{pos}} of {{len}} {of}, {{per_sec}}, {{eta}} left"),
                None => format!("{{spinner}} {{pos}} {of}, {{per_sec}}, {{elapsed}}"),
            };
            let style = ProgressStyle::with_template(&template).expect("the template is well-formed");
            count.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_style(style)
        });
        is_interrupted();
        Self { bar, of, count, limit: None, begun: monotonic(), lines: AtomicU64::new(0) }
    }

    /// Shows how many are done. Returns whether the command goes on.
    pub(super) fn goes_on(&self, done: u64) -> bool {
        let taken = self.taken();
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None => self.line(done, taken),
        }
        self.limit.is_none_or(|limit| taken < limit) && !is_interrupted()
    }

    fn line(&self, done: u64, taken: Duration) {
        let due = self.lines.load(Ordering::Relaxed) + LINE_EVERY.as_secs();
        if taken.as_secs() >= due {
            self.lines.store(taken.as_secs(), Ordering::Relaxed);
            let rate = done / taken.as_secs().max(1);
            let of_all = self.count.map_or(String::new(), |count| format!(" of {count}"));
            note!("{} s: {done}{of_all} {}, {rate} a second", taken.as_secs(), self.of);
        }
    }

    /// Returns the time since the begin.
    pub(super) fn taken(&self) -> Duration {
        monotonic().saturating_sub(self.begun)
    }

    /// Takes the bar away, so that the result can be shown.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Returns how many threads a command has: as many as it was told, or one for each core.
pub(super) fn jobs(told: Option<u16>) -> usize {
    told.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

/// Returns the time of a clock of this machine.
pub(super) fn now(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("less than a second"))
}

pub(super) fn monotonic() -> Duration {
    now(ClockId::Monotonic)
}
