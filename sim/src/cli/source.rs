//! A plan from a seed or from a file.

use std::fs;
use std::path::Path;

use dacapo_sim::files::Files;
use dacapo_sim::files::call::Call;
use dacapo_sim::plan::{Plan, PlanError};
use dacapo_sim::subject::Subject;
use dacapo_sim::sweep::plan_of;

/// The longest plan file, in bytes. Chosen: a hundred times the longest that a seed draws.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The plan that an argument names.
pub(super) fn plan(source: &str) -> Result<Plan<Call>, String> {
    if let Ok(seed) = source.parse() {
        return Ok(plan_of(&Files::default(), seed));
    }
    let path = Path::new(source);
    let failed = |error: std::io::Error| format!("cannot read {source}: {error}");
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(format!("{source} is longer than {FILE_BYTES_MAX} bytes"));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let no_plan = |error: String| format!("{source} is no plan: {error}");
    let plan: Plan<Call> = text.parse().map_err(|error: PlanError| no_plan(error.to_string()))?;
    plan.check_words(Files::default().options(), Files::default().lies()).map_err(no_plan)?;
    Ok(plan)
}
