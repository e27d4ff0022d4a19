//! The command `replay`: one run, as people want to see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use dacapo::disk::EntryKind;

use super::arguments::parse_seconds;
use super::output::{out, outln};
use super::source::Source;
use crate::host::name;
use crate::report::report_for;
use crate::run::run_until;
use crate::subject::{Run, Subject};
use crate::twice::lines;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Print the plan and do not run it.
    #[arg(long)]
    plan: bool,
    /// Stop at this moment of virtual time, in seconds.
    #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
    until: Option<f64>,
    /// Write every line of the trace to this file (`-` for standard output, and nothing else there).
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

pub(super) fn execute<S: Subject>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String> {
    let plan = arguments.source.plan(subject)?;
    if arguments.plan {
        out!("{plan}");
        return Ok(ExitCode::SUCCESS);
    }
    let subject = arguments.source.subject(subject);
    let run = run_until(&subject, &plan, arguments.until.map(Duration::from_secs_f64));
    let code = if run.broken.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if let Some(path) = &arguments.trace {
        let text: String = lines(&run.trace).iter().map(|line| format!("{line}\n")).collect();
        if path == Path::new("-") {
            out!("{text}");
            return Ok(code);
        }
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    if run.broken.is_some() {
        outln!("{}", report_for(program, &run, Some(&arguments.source.again(None))));
        return Ok(code);
    }
    show(&subject, &run);
    Ok(code)
}

fn show<S: Subject>(subject: &S, run: &Run<S>) {
    for line in run.trace.story() {
        outln!("{line}");
    }
    for (host, disk) in run.disks.iter().enumerate() {
        let identity = subject.identity(&run.clients, host).map_or(String::new(), |id| format!(" is {id},"));
        let connections = run.connections[host];
        outln!("\n{}{identity} has dialled {connections} connections, has on its disk:", name(host));
        for line in subject.inspect(disk) {
            outln!("  {line}");
        }
        for (path, kind, len) in disk.tree() {
            if kind == EntryKind::File {
                outln!("  {len:>9}  {}", shorten(&path));
            }
        }
    }
    let seconds = run.elapsed.as_secs_f64();
    outln!("\n{seconds:.3} virtual seconds, trace digest {}, no promise broken", run.trace.digest());
}

/// Cuts long parts of a path.
fn shorten(path: &str) -> String {
    let parts: Vec<_> = path.split('/').map(|part| if part.len() > 24 { &part[..12] } else { part }).collect();
    parts.join("/")
}
