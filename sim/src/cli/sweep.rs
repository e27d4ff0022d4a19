//! `cargo sim sweep`

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use dacapo_sim::files::Files;
use dacapo_sim::report::report;
use dacapo_sim::run::run;
use dacapo_sim::sweep::{Summary, Sweep, plan_of, sweep};
use indicatif::{ProgressBar, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};

use super::SweepArgs;

/// A sweep of so many runs reaches every state that is counted. Chosen: the rarest is reached about once in 600 runs.
const ALL_REACHED_AFTER: u64 = 10_000;

pub(super) fn execute(args: &SweepArgs) -> ExitCode {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or_else(all, usize::from);
    let plan = Sweep { seeds: args.seeds.clone(), jobs, shard: args.shard };
    let bar = bar(args);
    let (begun, cpu) = (now(ClockId::Monotonic), now(ClockId::ProcessCPUTime));
    let summary = sweep(&Files::default(), &plan, |summary| {
        bar.set_position(summary.runs);
        args.limit.is_none_or(|limit| now(ClockId::Monotonic).saturating_sub(begun) < limit)
    });
    bar.finish_and_clear();
    let times = Times { wall: now(ClockId::Monotonic) - begun, cpu: now(ClockId::ProcessCPUTime) - cpu };
    if args.json {
        println!("{}", json(&summary, &times));
    } else {
        show(&summary, &times);
    }
    let Some(seed) = summary.broken.keys().next() else {
        return if is_blind(&summary) { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    };
    if !args.json {
        println!("\n{}", report(&run(&Files::default(), &plan_of(&Files::default(), *seed)), Some(&seed.to_string())));
    }
    ExitCode::FAILURE
}

/// Whether a long sweep never reached a state that it is there to reach.
fn is_blind(summary: &Summary) -> bool {
    let missed: Vec<_> = summary.reached.iter().filter(|(_, count)| **count == 0).map(|(state, _)| *state).collect();
    if summary.runs < ALL_REACHED_AFTER || missed.is_empty() {
        return false;
    }
    eprintln!("cargo sim: {} runs have never reached: {}", summary.runs, missed.join(", "));
    true
}

struct Times {
    wall: Duration,
    cpu: Duration,
}

fn now(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("less than a second"))
}

fn bar(args: &SweepArgs) -> ProgressBar {
    if args.json || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let count = (args.seeds.end - args.seeds.start) / args.shard.1;
    ProgressBar::new(count).with_style(
        ProgressStyle::with_template("{bar:40} {pos} of {len} seeds, {per_sec}, {eta} left")
            .expect("the template is well-formed"),
    )
}

fn show(summary: &Summary, times: &Times) {
    let Summary { runs, twice, virtual_time, faults, reached, broken } = summary;
    let cpu = times.cpu.as_secs_f64();
    println!("{runs} runs, {twice} of them twice, {} broke a promise", broken.len());
    println!(
        "{:.1} s, {:.1} CPU-s: {:.0} runs and {:.0} virtual seconds a CPU-second\n",
        times.wall.as_secs_f64(),
        cpu,
        f64::from(u32::try_from(*runs).unwrap_or(u32::MAX)) / cpu,
        virtual_time.as_secs_f64() / cpu,
    );
    println!("{:<24}  {:>10}", "FAULT", "TIMES");
    faults.iter().for_each(|(fault, count)| println!("{fault:<24}  {count:>10}"));
    println!("\n{:<24}  {:>10}", "REACHED", "TIMES");
    reached.iter().for_each(|(state, count)| println!("{state:<24}  {count:>10}"));
}

fn json(summary: &Summary, times: &Times) -> serde_json::Value {
    let broken = summary
        .broken
        .iter()
        .map(|(seed, broken)| serde_json::json!({"seed": seed, "oracle": broken.oracle, "what": broken.what}));
    serde_json::json!({
        "runs": summary.runs,
        "twice": summary.twice,
        "virtual_seconds": summary.virtual_time.as_secs_f64(),
        "wall_seconds": times.wall.as_secs_f64(),
        "cpu_seconds": times.cpu.as_secs_f64(),
        "faults": summary.faults,
        "reached": summary.reached,
        "broken": broken.collect::<Vec<_>>(),
    })
}
