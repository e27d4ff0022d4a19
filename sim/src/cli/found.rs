//! A plan that was found to break a promise: it is written to a file, and its run is shown.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use clap::Args;

use super::file::ResultFile;
use super::output::{note, outln};
use super::source::{Planted, pasted};
use crate::artefacts::{commented, shown};
use crate::plan::Plan;
use crate::report::report_for;
use crate::run::run;
use crate::subject::{Broken, Subject};

/// The argument that says where the plan goes.
#[derive(Args, Debug)]
pub(super) struct Found {
    /// Write the plan that breaks a promise to this file.
    #[arg(short, long, value_name = "FILE", default_value = "found.plan")]
    output: PathBuf,
}

impl Found {
    /// Opens the file.
    pub(super) fn open(&self) -> Result<ResultFile, String> {
        ResultFile::open(&self.output)
    }

    /// Writes a plan and shows its run. The subject has the bug planted, if one is named.
    pub(super) fn show<S: Subject>(
        &self,
        program: &str,
        file: ResultFile,
        subject: &S,
        planted: &Planted,
        (plan, broken): (&Plan<S::Call>, &Broken),
    ) {
        // First, because nobody may read what is shown.
        let written = file.write(&commented(broken, plan));
        let again = format!("{}{}", pasted(&self.output), planted.again());
        outln!("\n{}", report_again(program, subject, (plan, broken), &again));
        // What was found counts, also if the plan is here and not in its file.
        if let Err(error) = written {
            note!("{program}: {error}");
            outln!("{plan}");
        }
    }
}

/// Runs a plan once more to report how it breaks a promise. `again` is what the program replays it by.
pub(super) fn report_again<S: Subject>(
    program: &str,
    subject: &S,
    (plan, broken): (&Plan<S::Call>, &Broken),
    again: &str,
) -> String {
    match catch_unwind(AssertUnwindSafe(|| run(subject, plan))) {
        Ok(mut run) => {
            run.broken = Some(shown(run.broken, broken));
            report_for(program, &run, Some(again))
        }
        // There is no run to be shown.
        Err(_) => format!(
            "BROKEN  {}\n        {}\n\n  the same run      {program} replay {again}\n",
            broken.oracle, broken.what
        ),
    }
}
