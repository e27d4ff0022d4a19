//! `cargo sim replay`

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use dacapo::disk::EntryKind;
use dacapo_sim::files::{self, Files};
use dacapo_sim::plan::words::name;
use dacapo_sim::report::report;
use dacapo_sim::run::run_until;
use dacapo_sim::subject::Run;

use super::{ReplayArgs, source};

pub(super) fn execute(args: &ReplayArgs) -> Result<ExitCode, String> {
    let plan = source::plan(&args.source)?;
    if args.plan {
        print!("{plan}");
        return Ok(ExitCode::SUCCESS);
    }
    let until = args.until.map(Duration::from_secs_f64);
    let run = run_until(&Files { bug: args.bug }, &plan, until);
    if let Some(path) = &args.trace {
        let mut text = String::new();
        run.trace.lines().iter().for_each(|line| text += &format!("{line}\n"));
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    if run.broken.is_some() {
        let bug = args.bug.map_or(String::new(), |bug| format!(" --bug {}", bug.name()));
        println!("{}", report(&run, Some(&format!("{}{bug}", args.source))));
        return Ok(ExitCode::FAILURE);
    }
    // Whoever reads the output may have gone away.
    show(&mut io::stdout().lock(), &run).ok();
    Ok(ExitCode::SUCCESS)
}

fn show(out: &mut impl Write, run: &Run<Files>) -> io::Result<()> {
    for line in run.trace.story() {
        writeln!(out, "{line}")?;
    }
    for (host, disk) in run.disks.iter().enumerate() {
        let id = run.clients.id(host).map_or("-".to_owned(), |id| id.to_string()[..8].to_owned());
        let connections = run.connections[host];
        writeln!(out, "\n{} is {id}, has dialled {connections} connections, has on its disk:", name(host))?;
        writeln!(out, "  {}", files::catalog(disk))?;
        for (path, kind, len) in disk.tree() {
            if kind == EntryKind::File {
                writeln!(out, "  {len:>9}  {}", shorten(&path))?;
            }
        }
    }
    let seconds = run.elapsed.as_secs_f64();
    writeln!(out, "\n{seconds:.3} virtual seconds, trace digest {}, no promise broken", run.trace.digest())
}

fn shorten(path: &str) -> String {
    let parts: Vec<_> = path.split('/').map(|part| if part.len() > 24 { &part[..12] } else { part }).collect();
    parts.join("/")
}
