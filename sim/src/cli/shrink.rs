//! `cargo sim shrink`

use std::fs;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use dacapo_sim::files::Files;
use dacapo_sim::shrink::shrink;
use indicatif::ProgressBar;

use super::{ShrinkArgs, source};

pub(super) fn execute(args: &ShrinkArgs) -> Result<ExitCode, String> {
    let plan = source::plan(&args.source)?;
    let bar = if io::stderr().is_terminal() { ProgressBar::new(args.runs as u64) } else { ProgressBar::hidden() };
    let shrunk = shrink(&Files { bug: args.bug }, &plan, args.runs, |runs| bar.set_position(runs as u64));
    bar.finish_and_clear();
    let Some(shrunk) = shrunk else {
        println!("{} breaks no promise", args.source);
        return Ok(ExitCode::SUCCESS);
    };
    let header = format!("# {}\n", shrunk.broken);
    match &args.output {
        Some(path) => {
            let text = format!("{header}{}", shrunk.plan);
            fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        None => print!("{header}{}", shrunk.plan),
    }
    eprintln!("{} of {} steps are left, after {} runs", shrunk.plan.steps.len(), plan.steps.len(), shrunk.runs);
    Ok(ExitCode::FAILURE)
}
