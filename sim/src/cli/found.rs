//! A plan that was found to break a promise: it is written to a file, and its run is shown.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::output::outln;
use super::source::{Planted, commented};
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
    /// Writes the plan and shows its run. The subject has the bug planted, if one is named.
    pub(super) fn show<S: Subject>(
        &self,
        program: &str,
        subject: &S,
        planted: &Planted,
        (plan, broken): (&Plan<S::Call>, &Broken),
    ) -> Result<(), String> {
        let path = self.output.display();
        fs::write(&self.output, commented(broken, plan)).map_err(|error| format!("cannot write {path}: {error}"))?;
        let again = format!("{path}{}", planted.again());
        outln!("\n{}", report_for(program, &run(subject, plan), Some(&again)));
        Ok(())
    }
}
