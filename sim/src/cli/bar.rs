//! What the long commands have in common: how many threads they have, how they show how far they are, and how
//! much time has passed.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};

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

/// Whether a command that began at a moment has time left, if it was told a limit.
pub(super) fn has_time(begun: Duration, limit: Option<Duration>) -> bool {
    limit.is_none_or(|limit| monotonic().saturating_sub(begun) < limit)
}

/// Returns the time since some moment, as the real world has it.
pub(super) fn monotonic() -> Duration {
    now(ClockId::Monotonic)
}
