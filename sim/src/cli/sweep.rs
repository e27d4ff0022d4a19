//! The command `sweep`: the plans of many seeds, and what the runs have seen.

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use clap::Args;
use rustix::time::ClockId;

use super::arguments::{parse_range, parse_shard};
use super::folder::Folder;
use super::found::report_again;
use super::output::{note, out, outln};
use super::progress::{Effort, Progress, now};
use super::source::Planted;
use super::summarised::{code_of, faults_of, show, show_groups};
use crate::pairs;
use crate::report::built_from;
use crate::subject::Subject;
use crate::summary::{BROKEN_MAX, Part, SweepSummary, by_cause};
use crate::sweep::{Totals, plan_of, sweep_plans};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The seeds, from A up to but not including B.
    #[arg(long, value_name = "A..B", value_parser = parse_range, default_value = "0..1000")]
    seeds: Range<u64>,
    /// Run only part I of N of the seeds, counted from 0.
    #[arg(long, value_name = "I/N", value_parser = parse_shard, default_value = "0/1")]
    shard: (u64, u64),
    #[command(flatten)]
    effort: Effort,
    /// Go on past a broken promise, and show the broken promises by cause. The first plan of each is shrunk at the end,
    /// which --for does not bound.
    #[arg(long)]
    keep_going: bool,
    /// Write a summary and a page of it to this folder, and a folder for each cause of a broken promise.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the sweep in --out, if there is one.
    #[arg(long, requires = "out")]
    resume: bool,
    #[command(flatten)]
    planted: Planted,
    /// Also show how often each kind of calls has met each fault.
    #[arg(long)]
    pairs: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// How often a summary is written while a sweep goes on. Chosen: what a killed process has seen since is little.
const WRITTEN_EVERY: Duration = Duration::from_secs(10);

/// How often a point is added to the curve of runs over time.
const POINT_EVERY: Duration = Duration::from_secs(1);

/// A sweep that goes on.
struct Sweeping {
    folder: Option<Folder>,
    /// What was seen before.
    earlier: Option<SweepSummary>,
    part: Part,
    bug: Option<String>,
    cpu: Duration,
}

pub(super) fn execute<S: Subject + Sync>(
    program: &str,
    subject: &S,
    arguments: &Arguments,
) -> Result<ExitCode, String> {
    let mut sweeping = Sweeping::begin(arguments)?;
    let subject = &arguments.planted.subject(subject);
    let totals = sweeping.run(subject, arguments);
    let mut summary = sweeping.summary(&totals)?;
    // First, because nobody may wait for the rest.
    let mut written = vec![sweeping.write(&totals)];
    if arguments.keep_going || arguments.out.is_some() {
        let progress = Progress::begin(None, "runs to shrink");
        let found = by_cause(subject, &summary.broken, arguments.effort.jobs(), |runs| progress.goes_on(runs));
        progress.clear();
        summary.groups = found.iter().map(|found| found.group.clone()).collect();
        if let Some(folder) = &sweeping.folder {
            written.extend(found.iter().map(|found| folder.keep(program, subject, found, &arguments.planted)));
            written.push(folder.finish(program, subject, &summary));
        }
    }
    if arguments.json {
        out!("{}", summary.json());
    } else {
        show(&summary);
        if arguments.pairs {
            outln!("\n{}", pairs::table(&summary.pairs, &subject.verbs(), &faults_of(subject)));
        }
        show_broken(program, subject, arguments, &summary);
    }
    let errors: Vec<_> = written.into_iter().filter_map(Result::err).collect();
    errors.iter().for_each(|error| note!("{program}: {error}"));
    // What was seen counts, also if it is not in its folder.
    Ok(if summary.broken.is_empty() && !errors.is_empty() {
        ExitCode::from(2)
    } else {
        code_of(program, subject, &summary)
    })
}

impl Sweeping {
    fn begin(arguments: &Arguments) -> Result<Self, String> {
        let part = Part::new(arguments.seeds.clone(), arguments.shard);
        if part.rest(1).is_empty() {
            let ((index, of), Range { start, end }) = (arguments.shard, &arguments.seeds);
            return Err(format!("no seed of {start}..{end} is in part {index} of {of}"));
        }
        let bug = arguments.planted.name().map(str::to_owned);
        let begun = Self { folder: None, earlier: None, part, bug, cpu: now(ClockId::ProcessCPUTime) };
        let Some(path) = &arguments.out else { return Ok(begun) };
        let there = if arguments.resume { Folder::open(path)? } else { None };
        let Some((folder, mut earlier)) = there else {
            let folder = Folder::create(path, "--resume goes on with it")?;
            return Ok(Self { folder: Some(folder), ..begun });
        };
        let folder = folder.locked()?;
        let no_rest = |error: String| format!("{} cannot be gone on with: {error}", path.display());
        earlier.check_same(&built_from(), begun.bug.as_deref()).map_err(no_rest)?;
        let known: Vec<_> = earlier.parts.drain(..).collect();
        earlier.groups.clear();
        match <[Part; 1]>::try_from(known) {
            Ok([known]) if known.is_same(&begun.part) => {
                Ok(Self { folder: Some(folder), earlier: Some(earlier), part: known, ..begun })
            }
            Ok([known]) => Err(no_rest(format!("it has {known}, not {}", begun.part))),
            Err(_) => Err(no_rest("it was merged".to_owned())),
        }
    }

    /// Sweeps what is left, and writes the summary from time to time.
    fn run<S: Subject + Sync>(&mut self, subject: &S, arguments: &Arguments) -> Totals {
        let rest = self.part.rest(arguments.effort.jobs());
        let progress = arguments.effort.begin(rest.len(), "seeds");
        let before = Duration::from_secs_f64(self.part.wall_seconds());
        let watched = Mutex::new((&mut *self, Duration::ZERO, Duration::ZERO));
        let goes_on = |totals: &Totals| {
            let taken = progress.taken();
            let mut watched = watched.lock().expect("no thread panics while it looks");
            let (sweeping, pointed, wrote) = &mut *watched;
            if taken >= *pointed + POINT_EVERY {
                sweeping.add_point(totals, before + taken);
                *pointed = taken;
            }
            if taken >= *wrote + WRITTEN_EVERY {
                // If it cannot be written now, perhaps it can at the end.
                drop(sweeping.write(totals));
                *wrote = taken;
            }
            let broken_max = if arguments.keep_going { BROKEN_MAX } else { 1 };
            progress.goes_on(totals.runs) && totals.broken.len() < broken_max
        };
        let totals = sweep_plans(subject, &rest, |seed| plan_of(subject, seed), goes_on);
        self.add_point(&totals, before + progress.taken());
        progress.clear();
        totals
    }

    /// Notes when how many runs were done.
    fn add_point(&mut self, totals: &Totals, after: Duration) {
        let earlier = self.earlier.as_ref().map_or(0, |earlier| earlier.runs);
        self.part.add_point(earlier.saturating_add(totals.runs), after);
    }

    /// Writes what was seen so far.
    fn write(&self, totals: &Totals) -> Result<(), String> {
        let Some(folder) = &self.folder else { return Ok(()) };
        folder.write(&self.summary(totals)?)
    }

    /// Returns what was seen, also before an interrupt.
    fn summary(&self, totals: &Totals) -> Result<SweepSummary, String> {
        let cpu = now(ClockId::ProcessCPUTime) - self.cpu;
        let mut part = self.part.clone();
        part.note(totals);
        let now = SweepSummary::new(totals, self.bug.as_deref(), part, cpu);
        match self.earlier.clone() {
            Some(earlier) => earlier.join(now),
            None => Ok(now),
        }
    }
}

/// Shows which promises were broken, and the first of them.
fn show_broken<S: Subject>(program: &str, subject: &S, arguments: &Arguments, summary: &SweepSummary) {
    let Some(first) = summary.broken.first() else { return };
    if arguments.keep_going {
        show_groups(&summary.groups);
    }
    if let Some(path) = &arguments.out {
        outln!("\nAll about each cause: {}", path.join("index.html").display());
    }
    let (plan, again) = (plan_of(subject, first.seed), format!("{}{}", first.seed, arguments.planted.again()));
    outln!("\n{}", report_again(program, subject, (&plan, &first.broken()), &again));
}
