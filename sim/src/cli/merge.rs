//! The command `merge`: what the parts of a sweep have seen, as one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::folder::Folder;
use super::output::{note, out, outln};
use super::summarised::{code_of, show, show_groups};
use crate::subject::Subject;
use crate::summary::SweepSummary;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The folders that the parts have written by --out.
    #[arg(value_name = "DIR", required = true)]
    parts: Vec<PathBuf>,
    /// Write the folder of the whole sweep here.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute<S: Subject>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String> {
    let mut parts = Vec::new();
    for path in &arguments.parts {
        let part = Folder::open(path)?.ok_or_else(|| format!("{} has no summary.json", path.display()))?;
        parts.push((path, part));
    }
    let (mut whole, mut causes) = (None::<SweepSummary>, BTreeMap::new());
    for (path, (of_part, summary)) in &parts {
        for group in &summary.groups {
            // The folder of a cause has the plan of its first seed.
            let first = causes.entry(&group.folder).or_insert((group.first, of_part));
            if group.first < first.0 {
                *first = (group.first, of_part);
            }
        }
        let joined = match whole {
            None => Ok(summary.clone()),
            Some(before) => before.join(summary.clone()),
        };
        whole = Some(joined.map_err(|error| format!("{} cannot be joined: {error}", path.display()))?);
    }
    let summary = whole.expect("there is a part");
    let folder = Folder::create(&arguments.output, "name a new folder")?;
    let mut copied: Vec<_> = causes.iter().map(|(name, (_, of_part))| folder.take_over(of_part, name)).collect();
    copied.push(folder.finish(program, subject, &summary));
    if arguments.json {
        out!("{}", summary.json());
    } else {
        show(&summary);
        if !summary.groups.is_empty() {
            show_groups(&summary.groups);
            outln!("\nAll about each cause: {}", arguments.output.join("index.html").display());
        }
    }
    let missing = summary.missing();
    summary.ended_early().iter().chain(&missing).for_each(|what| note!("{program}: {what}"));
    let errors: Vec<_> = copied.into_iter().filter_map(Result::err).collect();
    errors.iter().for_each(|error| note!("{program}: {error}"));
    // What was seen counts, also if it is not in its folder.
    Ok(match () {
        () if !summary.broken.is_empty() || !missing.is_empty() => ExitCode::FAILURE,
        () if !errors.is_empty() => ExitCode::from(2),
        () => code_of(program, subject, &summary),
    })
}
