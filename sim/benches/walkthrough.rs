//! How many whole walkthroughs one CPU-second simulates: three nodes from nothing, 20 files stored, deleted,
//! fetched and compared, with the real ciphers, handshakes and catalogs. CPU time of this process, not wall time,
//! so that other work on the machine does not count.

use std::time::Duration;

use dacapo_sim::store::walkthrough::{self, star};
use mimalloc::MiMalloc;
use rustix::time::{ClockId, clock_gettime};

/// As in `cargo sim`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Long enough that the clock's resolution and the first run do not matter.
const MEASURED: Duration = Duration::from_secs(5);

fn main() {
    let runs_of = |files| measure(files, MEASURED);
    // Warms the machine up.
    measure(star::FILES, Duration::from_millis(500));
    println!(
        "whole walkthroughs of three nodes, release build, one thread, seeds from 0 on, CPU time of the process\n"
    );
    println!(
        "{:>6}  {:>6}  {:>14}  {:>22}  {:>12}",
        "files", "runs", "runs per CPU-s", "virtual s per CPU-s", "ms per run"
    );
    for files in [0, 1, star::FILES] {
        let (runs, virtual_time, cpu) = runs_of(files);
        let cpu = cpu.as_secs_f64();
        println!(
            "{files:>6}  {runs:>6}  {:>14.0}  {:>22.0}  {:>12.2}",
            f64::from(runs) / cpu,
            virtual_time.as_secs_f64() / cpu,
            cpu * 1000.0 / f64::from(runs),
        );
    }
}

fn measure(files: usize, at_least: Duration) -> (u32, Duration, Duration) {
    let start = cpu_time();
    let mut virtual_time = Duration::ZERO;
    for seed in 0.. {
        let outcome = walkthrough::run(seed.into(), files);
        assert_eq!(outcome.failure, None, "seed {seed}");
        virtual_time += outcome.elapsed;
        let spent = cpu_time() - start;
        if spent >= at_least {
            return (seed + 1, virtual_time, spent);
        }
    }
    unreachable!("the loop ends by itself")
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("less than a second"))
}
