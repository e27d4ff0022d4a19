//! A plan that was found to break a promise: it is written to a file, and its run is shown.

use std::path::PathBuf;

use clap::Args;

use super::file::ResultFile;
use super::output::outln;
use super::source::{Planted, commented};
use crate::plan::Plan;
use crate::report::report_for;
use crate::run::run;
use crate::subject::{Broken, Run, Subject};

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
        let again = format!("{}{}", self.output.display(), planted.again());
        outln!("\n{}", report_for(program, &rerun(subject, plan, broken), Some(&again)));
        // What was found counts, also if the plan is here and not in its file.
        if let Err(error) = written {
            eprintln!("{program}: {error}");
            outln!("{plan}");
        }
    }
}

/// Runs a plan once more to show how it breaks a promise. What two runs together broke, one of them may not.
pub(super) fn rerun<S: Subject>(subject: &S, plan: &Plan<S::Call>, broken: &Broken) -> Run<S> {
    let mut run = run(subject, plan);
    run.broken.get_or_insert_with(|| broken.clone());
    run
}
