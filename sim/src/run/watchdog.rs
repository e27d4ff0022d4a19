//! Ends the process if the program of a host never yields: nothing else can take the thread back from it. Time is real
//! here, and decides nothing about a run that goes on.

#![expect(clippy::disallowed_methods, reason = "only another thread sees that this one stands still")]

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_secs(1);

/// How many looks in a row find a run where it was before it counts as stuck. Chosen: a step takes milliseconds, and a
/// busy machine makes it a hundred times slower. A process that was stopped for a while does not look meanwhile.
const LOOKS_MAX: u32 = 60;

static WATCHED: Mutex<Vec<Weak<Watched>>> = Mutex::new(Vec::new());

/// A run that is watched until this is dropped.
pub(super) struct Watched {
    seed: u64,
    steps: AtomicU64,
    virtual_ms: AtomicU64,
}

/// What the watchdog has seen of a run.
struct Seen {
    watched: Weak<Watched>,
    steps: u64,
    looks: u32,
}

/// A run that is stuck.
#[derive(Debug, PartialEq, Eq)]
struct Stuck {
    seed: u64,
    virtual_ms: u64,
}

/// Watches a run.
pub(super) fn watch(seed: u64) -> Arc<Watched> {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        thread::spawn(|| {
            let mut seen = Vec::new();
            loop {
                thread::sleep(LOOK);
                if let Some(stuck) = look(&mut seen) {
                    // A test would keep to itself what is printed. Nobody is left to hear of an error.
                    drop(writeln!(std::io::stderr(), "{stuck}"));
                    std::process::exit(1);
                }
            }
        });
    });
    let watched = Arc::new(Watched { seed, steps: AtomicU64::new(0), virtual_ms: AtomicU64::new(0) });
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&watched));
    watched
}

impl Watched {
    /// Notes that all programs have yielded.
    pub(super) fn yielded(&self, elapsed: Duration) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.virtual_ms.store(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Looks at all runs, and returns one that has been where it is for too many looks.
fn look(seen: &mut Vec<Seen>) -> Option<Stuck> {
    let new = std::mem::take(&mut *WATCHED.lock().unwrap_or_else(PoisonError::into_inner));
    seen.extend(new.into_iter().map(|watched| Seen { watched, steps: 0, looks: 0 }));
    seen.retain(|seen| seen.watched.strong_count() > 0);
    for Seen { watched, steps, looks } in seen {
        let Some(watched) = watched.upgrade() else { continue };
        let now = watched.steps.load(Ordering::Relaxed);
        *looks = if now == *steps { *looks + 1 } else { 0 };
        *steps = now;
        if *looks >= LOOKS_MAX {
            return Some(Stuck { seed: watched.seed, virtual_ms: watched.virtual_ms.load(Ordering::Relaxed) });
        }
    }
    None
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, virtual_ms } = self;
        let (seconds, rest) = (virtual_ms / 1000, virtual_ms % 1000);
        writeln!(f, "BROKEN  live")?;
        writeln!(f, "        a program has not yielded for {LOOKS_MAX} seconds of real time")?;
        writeln!(f, "        at {seconds}.{rest:03} s of virtual time, in a plan of seed {seed}")?;
        write!(f, "\n  to look at it     cargo sim replay {seed} --until {seconds}.{rest:03}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_stands_still_is_named_and_one_that_goes_on_is_not() {
        let (mut seen, still, going) = (Vec::new(), watch(7), watch(8));
        still.yielded(Duration::from_millis(3_200));
        let watching = |of: &Arc<Watched>| Seen { watched: Arc::downgrade(of), steps: 0, looks: 0 };
        seen.extend([watching(&going), watching(&still)]);
        for _ in 0..LOOKS_MAX {
            assert_eq!(look(&mut seen), None);
            going.yielded(Duration::ZERO);
        }
        assert_eq!(look(&mut seen), Some(Stuck { seed: 7, virtual_ms: 3_200 }));
        drop(still);
        assert_eq!(look(&mut seen), None);
    }
}
