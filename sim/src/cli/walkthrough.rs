//! `cargo sim walkthrough`

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use dacapo_sim::trace::Trace;
use dacapo_sim::walkthrough;
use dacapo_sim::world::Outcome;

use super::WalkthroughArgs;

pub(super) fn run(args: &WalkthroughArgs) -> ExitCode {
    let outcome = walkthrough::run(args.seed, args.files);
    let is_trace_only = args.trace.as_deref() == Some(Path::new("-"));
    let written = match &args.trace {
        Some(_) if is_trace_only => write_trace(&mut io::stdout().lock(), &outcome.trace),
        Some(path) => fs::File::create(path).and_then(|mut file| write_trace(&mut file, &outcome.trace)),
        None => Ok(()),
    };
    if let Err(error) = written {
        eprintln!("cargo sim: cannot write the trace: {error}");
        return ExitCode::FAILURE;
    }
    if !is_trace_only && show(&mut io::stdout().lock(), args, &outcome).is_err() {
        // Whoever reads the output has gone away.
        return ExitCode::FAILURE;
    }
    match &outcome.failure {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            eprintln!("cargo sim: seed {} failed after {:.3} s: {failure}", args.seed, outcome.elapsed.as_secs_f64());
            ExitCode::FAILURE
        }
    }
}

fn write_trace(out: &mut impl Write, trace: &Trace) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    for line in trace.lines() {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn show(out: &mut impl Write, args: &WalkthroughArgs, outcome: &Outcome) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    writeln!(out, "seed {}: {} files, three nodes, virtual time in seconds\n", args.seed, args.files)?;
    for line in outcome.trace.story() {
        writeln!(out, "{line}")?;
    }
    for (host, disk) in &outcome.disks {
        writeln!(out, "\n{host}: the files on its disk")?;
        write!(out, "{}", walkthrough::disk_tree(disk))?;
    }
    let seconds = outcome.elapsed.as_secs_f64();
    writeln!(
        out,
        "\n{seconds:.3} virtual seconds, {} lines, trace digest {}",
        outcome.trace.lines().len(),
        outcome.trace.digest()
    )?;
    out.flush()
}
