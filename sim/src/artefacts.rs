//! What is kept of a run that broke a promise: a folder with its plan, its trace, a page and a report.

use std::fmt::Display;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::export::page;
use crate::oracle::replay;
use crate::plan::Plan;
use crate::report::report_for;
use crate::run::film;
use crate::shrink::other_cause;
use crate::subject::{Broken, Subject};
use crate::twice::lines;

/// A run that broke a promise, of which something is kept.
#[derive(Clone, Copy, Debug)]
pub struct Artefacts<'a, C> {
    /// The plan that is run again.
    pub plan: &'a Plan<C>,
    /// How it broke the promise.
    pub broken: &'a Broken,
    /// The plan that it was shrunk from, if it was, and how that one breaks the promise.
    pub shrunk_from: Option<(&'a Plan<C>, &'a Broken)>,
    /// What the program replays the plan by: the path of [`PLAN`] in the folder, as those who read the report name it.
    pub again: &'a str,
}

/// The name of the file that has the plan.
pub const PLAN: &str = "run.plan";

impl<C: Display + Clone> Artefacts<'_, C> {
    /// Writes `run.plan`, `run.trace`, `run.html`, `report.txt` and, if it was shrunk, `seed.plan` into a folder, which
    /// is made if it is not there. `program` is what replays the plan.
    ///
    /// # Errors
    /// If something cannot be written. What was written stays.
    pub fn write<S: Subject<Call = C>>(&self, folder: &Path, program: &str, subject: &S) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join(PLAN), commented(self.broken, self.plan))?;
        if let Some((from, first)) = self.shrunk_from {
            fs::write(folder.join("seed.plan"), commented(first, from))?;
        }
        // A panic that nothing judges leaves the plans.
        let filmed = catch_unwind(AssertUnwindSafe(|| film(subject, self.plan, None)));
        let Ok((mut run, film)) = filmed else { return Ok(()) };
        run.broken = Some(shown(run.broken, self.broken));
        let trace: String = lines(&run.trace).iter().map(|line| format!("{line}\n")).collect();
        fs::write(folder.join("run.trace"), trace)?;
        fs::write(folder.join("run.html"), page(program, subject, &run, &film, self.again))?;
        let before = self.shrunk_from.and_then(|(_, first)| other_cause(first, self.broken));
        let before = before.map(|what| format!("  before shrinking  {what}\n")).unwrap_or_default();
        fs::write(folder.join("report.txt"), report_for(program, &run, Some(self.again)) + &before)
    }
}

/// Returns what a report of a run says that it breaks, if this was `found`. What two runs together broke, one of them
/// may not, or it may break something else as well.
pub(crate) fn shown(broken: Option<Broken>, found: &Broken) -> Broken {
    broken.filter(|_| found.oracle != replay::NAME).unwrap_or_else(|| found.clone())
}

/// Returns a plan as a text that begins with the promise that it breaks, as a comment.
pub(crate) fn commented<C: Display>(broken: &Broken, plan: &Plan<C>) -> String {
    let comment: String = broken.to_string().lines().map(|line| format!("# {line}\n")).collect();
    format!("{comment}{plan}")
}
