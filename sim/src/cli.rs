//! Arguments, exit codes and output of `cargo sim`. Exit codes: 0 all well, 1 a run failed or did not replay, 2 the
//! arguments are wrong.

mod planted;
mod replay;
mod shrink;
mod source;
mod sweep;
mod twice;
mod walkthrough;

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use dacapo_sim::planted::Bug;

/// Replay whole Dacapo clusters from a seed: the unchanged node on a simulated network and disk.
#[derive(Parser, Debug)]
#[command(name = "cargo sim", bin_name = "cargo sim", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all well, 1 a run failed or did not replay, 2 wrong arguments";

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the star of three nodes and its 20 files, and show what happens.
    #[command(after_help = "Example: cargo sim walkthrough --seed 7 --trace seed-7.trace")]
    Walkthrough(WalkthroughArgs),
    /// Run each seed three times, twice here and once in another process, and compare the traces line by line.
    #[command(after_help = "Example: cargo sim twice --seeds 0..100")]
    Twice(TwiceArgs),
    /// Run the plans of many seeds, with faults, and judge each run.
    #[command(after_help = "Example: cargo sim sweep --seeds 0..10000 --for 60s")]
    Sweep(SweepArgs),
    /// Run one plan again and show what happens, up to a moment.
    #[command(after_help = "Example: cargo sim replay 7 --until 3.5")]
    Replay(ReplayArgs),
    /// Find a small plan that breaks the same promise.
    #[command(after_help = "Example: cargo sim shrink 7 -o seed-7.plan")]
    Shrink(ShrinkArgs),
    /// Plant each known bug and show which oracle catches it, and after how many seeds.
    #[command(after_help = "Example: cargo sim planted --seeds 1000 --shrink")]
    Planted(PlantedArgs),
}

#[derive(Args, Debug)]
struct SweepArgs {
    /// The seeds, from A up to but not including B.
    #[arg(long, value_name = "A..B", value_parser = parse_range, default_value = "0..1000")]
    seeds: Range<u64>,
    /// How many threads; all cores where it is not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Run only part I of N of the seeds, counted from 0.
    #[arg(long, value_name = "I/N", value_parser = parse_shard, default_value = "0/1")]
    shard: (u64, u64),
    /// Stop after this time, such as 60s or 10m.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    limit: Option<Duration>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct ReplayArgs {
    /// A seed, or the path of a plan.
    #[arg(value_name = "SEED|FILE")]
    source: String,
    /// Print the plan and do not run it.
    #[arg(long)]
    plan: bool,
    /// Stop at this moment of virtual time, in seconds.
    #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
    until: Option<f64>,
    /// Write every line of the trace to this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Plant a bug.
    #[arg(long, value_name = "BUG", value_parser = parse_bug)]
    bug: Option<Bug>,
}

#[derive(Args, Debug)]
struct ShrinkArgs {
    /// A seed, or the path of a plan.
    #[arg(value_name = "SEED|FILE")]
    source: String,
    /// Write the plan to this file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many runs it may take.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    runs: usize,
    /// Plant a bug.
    #[arg(long, value_name = "BUG", value_parser = parse_bug)]
    bug: Option<Bug>,
}

#[derive(Args, Debug)]
struct PlantedArgs {
    /// How many seeds each bug has.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    seeds: u64,
    /// Shrink each, and show how many steps are left after how many runs.
    #[arg(long)]
    shrink: bool,
}

#[derive(Args, Debug)]
struct WalkthroughArgs {
    /// The seed that decides every random choice of the run.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many files to store, delete, get and compare.
    #[arg(long, default_value_t = dacapo_sim::star::FILES)]
    files: usize,
    /// Write every line of the trace to this file (`-` for standard output, and nothing else there).
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct TwiceArgs {
    /// The seeds, from A up to but not including B.
    #[arg(long, value_name = "A..B", value_parser = parse_range, default_value = "0..20")]
    seeds: Range<u64>,
}

pub(crate) fn run(cli: &Cli) -> ExitCode {
    match &cli.command {
        Command::Walkthrough(args) => walkthrough::run(args),
        Command::Twice(args) => twice::run(args),
        Command::Sweep(args) => sweep::execute(args),
        Command::Replay(args) => or_explain(replay::execute(args)),
        Command::Shrink(args) => or_explain(shrink::execute(args)),
        Command::Planted(args) => planted::execute(args),
    }
}

/// What is wrong with the arguments goes to standard error.
fn or_explain(result: Result<ExitCode, String>) -> ExitCode {
    result.unwrap_or_else(|problem| {
        eprintln!("cargo sim: {problem}");
        ExitCode::from(2)
    })
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("a range of seeds is A..B, such as 0..100")?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} is not a seed, a number from 0 on"));
    let range = number(from)?..number(to)?;
    if range.is_empty() { Err(format!("there is no seed in {text}: A has to be less than B")) } else { Ok(range) }
}

fn parse_shard(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let shard = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
    let shard = shard.filter(|(index, count)| index < count);
    shard.ok_or_else(|| "a shard is I/N, such as 0/4, with I below N".to_owned())
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let (number, seconds) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let number: u32 = number.parse().map_err(|_| "a time is seconds or minutes, such as 60s or 10m".to_owned())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..1e6).contains(seconds));
    seconds.ok_or_else(|| "a moment is seconds of virtual time, such as 3.5".to_owned())
}

fn parse_bug(text: &str) -> Result<Bug, String> {
    Bug::named(text).ok_or_else(|| format!("{text:?} is no planted bug: cargo sim planted lists them"))
}
