//! Arguments, exit codes and output of `cargo sim`. Exit codes: 0 all well, 1 a run failed or did not replay, 2 the
//! arguments are wrong.

mod twice;
mod walkthrough;

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

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
    }
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("a range of seeds is A..B, such as 0..100")?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} is not a seed, a number from 0 on"));
    let range = number(from)?..number(to)?;
    if range.is_empty() { Err(format!("there is no seed in {text}: A has to be less than B")) } else { Ok(range) }
}
