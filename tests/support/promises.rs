//! What a claim about a run of the file store says if a promise was broken.

use std::path::Path;

use dacapo_sim::artefacts::{Artefacts, PLAN};
use dacapo_sim::report::report;
use dacapo_sim::store::Files;
use dacapo_sim::subject::Run;

/// Panics with a report if a run broke a promise, and leaves all about it below `target/dacapo`. `again` is what
/// `cargo sim` replays the run by; the plan that is left there is, if it is not given.
pub(crate) fn assert_kept(run: &Run<Files>, again: Option<&str>) {
    let Some(broken) = &run.broken else { return };
    let plan = run.plan.to_string();
    let name = format!("{}-{}", broken.oracle, &blake3::hash(plan.as_bytes()).to_hex()[..8]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("dacapo").join(name);
    let path = folder.join(PLAN).display().to_string();
    let artefacts = Artefacts { plan: &run.plan, broken, shrunk_from: None, again: &path };
    let left = match artefacts.write(&folder, "cargo sim", &Files::default()) {
        Ok(()) => format!("  all about it      {}", folder.join("run.html").display()),
        Err(error) => format!("  nothing is left below {}: {error}", folder.display()),
    };
    panic!("\n{}{left}\n", report(run, Some(again.unwrap_or(&path))));
}
