//! What a command runs: the plan that a seed or a file names, and the subject, with a bug planted if one is named.

use std::fs;
use std::path::Path;

use crate::plan::{Plan, PlanError};
use crate::subject::Subject;
use crate::sweep::plan_of;

/// The longest plan file, in bytes. Chosen: a hundred times the longest plan that a seed draws.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Returns the plan that an argument names: the plan of a seed, or one in a file.
pub(super) fn plan<S: Subject>(subject: &S, source: &str) -> Result<Plan<S::Call>, String> {
    if let Ok(seed) = source.parse() {
        return Ok(plan_of(subject, seed));
    }
    let path = Path::new(source);
    let failed = |error: std::io::Error| format!("cannot read {source}: {error}");
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(format!("{source} is longer than {FILE_BYTES_MAX} bytes"));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let no_plan = |error: String| format!("{source} is no plan: {error}");
    let plan: Plan<S::Call> = text.parse().map_err(|error: PlanError| no_plan(error.to_string()))?;
    plan.check_words(subject.options(), subject.lies()).map_err(no_plan)?;
    Ok(plan)
}

/// Returns a parser of the names of planted bugs.
pub(super) fn bug_parser(
    program: &'static str,
    bugs: &'static [&'static str],
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text: &str| match bugs.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no planted bug: {program} planted lists them")),
    }
}

/// Returns the subject, with the bug planted if one is named.
pub(super) fn with_bug<S: Subject>(subject: &S, bug: Option<&str>) -> S {
    bug.map_or_else(|| subject.clone(), |bug| subject.clone().plant(bug))
}
