//! `cargo sim`: the command line of the file store under the harness. Its own command is `walkthrough`; the others
//! are those of every subject.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use dacapo::event::Event;
use dacapo_sim::cli::Program;
use dacapo_sim::store::Files;
use dacapo_sim::store::walkthrough::scripted::ScriptedRun;
use dacapo_sim::store::walkthrough::show::disk_tree;
use dacapo_sim::store::walkthrough::{self, star};
use dacapo_sim::trace::Trace;
use mimalloc::MiMalloc;

/// Simulations are short and allocate much: measured at 1.12 times as many runs a CPU-second. Version 2 of it, which
/// the workspace chooses, gives another 1.05 over version 3.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Run the star of three nodes and its 20 files, and show what happens.
#[derive(Parser, Debug)]
#[command(name = "walkthrough", after_help = "Example: cargo sim walkthrough --seed 7 --trace seed-7.trace")]
struct Walkthrough {
    /// The seed that decides every random choice of the run.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many files to store, delete, get and compare.
    #[arg(long, default_value_t = star::FILES)]
    files: usize,
    /// Write every line of the trace to this file (`-` for standard output, and nothing else there).
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

fn main() -> ExitCode {
    Program::new(Files::default())
        .name("cargo sim")
        .about("Replay whole Dacapo clusters from a seed: the unchanged node on a simulated network and disk")
        .command(walk)
        .main()
}

fn walk(arguments: &Walkthrough) -> ExitCode {
    let run = walkthrough::run(arguments.seed, arguments.files);
    let is_trace_only = arguments.trace.as_deref() == Some(Path::new("-"));
    let written = match &arguments.trace {
        Some(_) if is_trace_only => write_trace(&mut io::stdout().lock(), &run.trace),
        Some(path) => fs::File::create(path).and_then(|mut file| write_trace(&mut file, &run.trace)),
        None => Ok(()),
    };
    if let Err(error) = written {
        note(format_args!("cargo sim: cannot write the trace: {error}"));
        return ExitCode::FAILURE;
    }
    if !is_trace_only && show(&mut io::stdout().lock(), arguments, &run).is_err() {
        // The reader of the output has gone away.
        return ExitCode::FAILURE;
    }
    match &run.failure {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            let seconds = run.elapsed.as_secs_f64();
            note(format_args!("cargo sim: seed {} failed after {seconds:.3} s: {failure}", arguments.seed));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard error. If nobody reads it, the work goes on.
fn note(line: std::fmt::Arguments<'_>) {
    writeln!(io::stderr(), "{line}").ok();
}

fn write_trace(out: &mut impl Write, trace: &Trace<Event>) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    for line in trace.lines() {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn show(out: &mut impl Write, arguments: &Walkthrough, run: &ScriptedRun) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    writeln!(out, "seed {}: {} files, three nodes, virtual time in seconds\n", arguments.seed, arguments.files)?;
    for line in run.trace.story() {
        writeln!(out, "{line}")?;
    }
    for (host, disk) in &run.disks {
        writeln!(out, "\n{host}: the files on its disk")?;
        write!(out, "{}", disk_tree(disk))?;
    }
    let seconds = run.elapsed.as_secs_f64();
    writeln!(
        out,
        "\n{seconds:.3} virtual seconds, {} lines, trace digest {}",
        run.trace.lines().len(),
        run.trace.digest()
    )?;
    out.flush()
}
