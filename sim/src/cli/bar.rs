//! What the long commands have in common: how many threads they have, how they show how far they are, and how
//! much time has passed.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};

use super::arguments::parse_time;

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

impl Effort {
    /// Returns how many threads the command has.
    pub(super) fn jobs(&self) -> usize {
        jobs(self.jobs)
    }

    /// Whether the command was told a time.
    pub(super) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether the command has time left, if it began at this moment.
    pub(super) fn has_time(&self, begun: Duration) -> bool {
        self.limit.is_none_or(|limit| monotonic().saturating_sub(begun) < limit)
    }
}

/// Returns how many threads a command has: as many as it was told, or one for each core.
pub(super) fn jobs(told: Option<u16>) -> usize {
    told.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

/// Returns a bar over a number of runs, if somebody watches.
pub(super) fn bar(count: u64, of: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = format!("{{bar:40}} {{pos}} of {{len}} {of}, {{per_sec}}, {{eta}} left");
    ProgressBar::new(count).with_style(ProgressStyle::with_template(&template).expect("the template is well-formed"))
}

/// Returns the time of a clock of this machine.
pub(super) fn now(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("less than a second"))
}

/// Returns the time since some moment, as the real world has it.
pub(super) fn monotonic() -> Duration {
    now(ClockId::Monotonic)
}
