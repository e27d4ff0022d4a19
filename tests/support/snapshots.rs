//! What several test files share: where snapshots lie, and how a run is shown in one.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fmt::Write;

use dacapo_sim::store::walkthrough::scripted::ScriptedRun;
use dacapo_sim::store::walkthrough::show::disk_tree;

/// Compares with `snapshots/NAME.snap`.
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The story of a run and what it left on the disks.
pub(crate) fn show(outcome: &ScriptedRun) -> String {
    assert_eq!(outcome.failure, None);
    let mut text = String::new();
    for line in outcome.trace.story() {
        writeln!(text, "{line}").expect("writing to a String cannot fail");
    }
    for (host, disk) in &outcome.disks {
        write!(text, "\n{host}:\n{}", disk_tree(disk)).expect("writing to a String cannot fail");
    }
    text
}
