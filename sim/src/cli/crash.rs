//! The command `crash`: a plan, with a power loss in the middle of each change of a disk in turn.

use std::process::ExitCode;

use clap::Args;

use super::found::report_again;
use super::output::outln;
use super::progress::{self, Effort};
use super::source::Source;
use crate::crash::{Crash, Crashes};
use crate::host::name;
use crate::report::report_for;
use crate::run::run;
use crate::subject::Subject;
use crate::sweep::Totals;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Kill the program, and let the host keep its power.
    #[arg(long)]
    kill: bool,
    /// How long the host stays down, in milliseconds of virtual time.
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(..60_000))]
    down: u64,
    #[command(flatten)]
    effort: Effort,
}

pub(super) fn execute<S>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String>
where
    S: Subject + Sync,
{
    let plan = arguments.source.plan(subject)?;
    let subject = arguments.source.subject(subject);
    let crash = Crash { loses_power: !arguments.kill, lasting_ms: arguments.down };
    let Ok(crashes) = Crashes::of(&subject, &plan, crash) else {
        outln!("{}", report_for(program, &run(&subject, &plan), Some(&arguments.source.again(None))));
        return Ok(ExitCode::FAILURE);
    };
    let count: u64 = crashes.calls().iter().sum();
    if count == 0 {
        return Err("this plan changes no disk, so there is no moment for a crash".to_owned());
    }
    let progress = arguments.effort.begin(count, "crashes");
    let totals = crashes.run(&subject, arguments.effort.jobs(), |totals| progress.goes_on(totals.runs));
    progress.clear();
    show(&crashes, &totals);
    let Some((index, broken)) = totals.broken.iter().next() else { return Ok(progress::well()) };
    let step = crashes.step(*index).to_string();
    let again = arguments.source.again(Some(&step));
    let report = report_again(program, &subject, (&crashes.plan(*index), broken), &again);
    outln!("\nThe first of them:\n\n{report}");
    Ok(ExitCode::FAILURE)
}

fn show<C: Clone + Send + Sync>(crashes: &Crashes<C>, totals: &Totals) {
    outln!("{:<6}  {:>7}  {:>7}  {:>7}", "HOST", "CRASHES", "BROKEN", "FIRST");
    let broken: Vec<_> = totals.broken.keys().map(|index| crashes.place(*index)).collect();
    for (host, calls) in crashes.calls().iter().enumerate() {
        let of_host: Vec<_> = broken.iter().filter(|(on, _)| *on == host).map(|(_, number)| number).collect();
        let first = of_host.first().map_or("-".to_owned(), ToString::to_string);
        outln!("{:<6}  {calls:>7}  {:>7}  {first:>7}", name(host), of_host.len());
    }
    let all: u64 = crashes.calls().iter().sum();
    outln!("\n{} of {all} crashes were run, {} broke a promise", totals.runs, broken.len());
}
