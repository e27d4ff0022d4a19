//! How many chaos runs one CPU-second simulates, of the size that the target names: 3 to 5 nodes, about 20 calls, 8
//! virtual seconds of swarm faults, and then the time until everything has come right and is judged. The plans are
//! those that the seeds name, in order, without the smaller and larger ones. CPU time of this process, not wall time,
//! so that other work on the machine does not count.

use std::time::Duration;

use dacapo_sim::run::run;
use dacapo_sim::store::Files;
use dacapo_sim::sweep::plan_of;
use mimalloc::MiMalloc;
use rustix::time::{ClockId, clock_gettime};

/// As in `cargo sim`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Long enough that the mix of plans hardly matters.
const RUNS: u32 = 300;

fn main() {
    // Warms the machine up.
    measure(RUNS / 20, |_| true);
    println!(
        "chaos runs, drawn, run and judged, release build, one thread, seeds from 0 on, CPU time of the process\n"
    );
    println!(
        "{:<34}  {:>6}  {:>6}  {:>14}  {:>22}  {:>12}",
        "plans", "runs", "calls", "runs per CPU-s", "virtual s per CPU-s", "ms per run"
    );
    show("as a sweep draws them", |_| true);
    show("3 to 5 nodes, 18 to 22 calls", |plan| {
        (3..=5).contains(&plan.nodes) && (18..=22).contains(&plan.calls().len())
    });
}

type Plan = dacapo_sim::plan::Plan<dacapo_sim::store::call::Call>;

fn show(plans: &str, is_counted: impl Fn(&Plan) -> bool) {
    let (calls, virtual_time, cpu) = measure(RUNS, is_counted);
    let cpu = cpu.as_secs_f64();
    println!(
        "{plans:<34}  {RUNS:>6}  {:>6.1}  {:>14.0}  {:>22.0}  {:>12.2}",
        calls / f64::from(RUNS),
        f64::from(RUNS) / cpu,
        virtual_time.as_secs_f64() / cpu,
        cpu * 1000.0 / f64::from(RUNS),
    );
}

/// Draws, runs and judges a number of plans. Returns how many calls they have, their virtual time, and the CPU time.
fn measure(runs: u32, is_counted: impl Fn(&Plan) -> bool) -> (f64, Duration, Duration) {
    let files = Files::default();
    // The seeds are found before the time is taken.
    let seeds: Vec<u64> = (0..).filter(|seed| is_counted(&plan_of(&files, *seed))).take(size(runs)).collect();
    let (mut calls, mut virtual_time, begun) = (0, Duration::ZERO, cpu_time());
    for seed in seeds {
        let plan = plan_of(&files, seed);
        let run = run(&files, &plan);
        assert_eq!(run.broken, None, "seed {seed}");
        virtual_time += run.elapsed;
        calls += plan.calls().len();
    }
    (f64::from(u32::try_from(calls).expect("few calls")), virtual_time, cpu_time() - begun)
}

fn size(count: u32) -> usize {
    usize::try_from(count).expect("a small number")
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("less than a second"))
}
