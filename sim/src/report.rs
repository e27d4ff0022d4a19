//! A failure on one screen: what broke and when, the last lines that matter, and the commands to go on with.

use std::fmt::Write;

use crate::subject::{Run, Subject};
use crate::trace::Fact;
use crate::words::show_time;

/// Lines of the trace that are shown. Chosen: the rest of a screen of 50 lines.
const LINES_MAX: usize = 24;

/// Shows a run that broke a promise, with the commands of `cargo sim`. `source` is what `cargo sim` replays the run by,
/// such as a seed or the path of a plan; without it the report shows no commands.
///
/// # Panics
/// If the run broke no promise.
#[must_use]
pub fn report<S: Subject>(run: &Run<S>, source: Option<&str>) -> String {
    report_for("cargo sim", run, source)
}

/// Shows a run that broke a promise, with the commands of the program of its subject.
///
/// # Panics
/// If the run broke no promise.
#[must_use]
pub fn report_for<S: Subject>(program: &str, run: &Run<S>, source: Option<&str>) -> String {
    let broken = run.broken.as_ref().expect("a report is about a broken promise");
    let mut text = String::new();
    let ms = u64::try_from(run.elapsed.as_millis()).unwrap_or(u64::MAX);
    line(&mut text, format_args!("BROKEN  {}", broken.oracle));
    line(&mut text, format_args!("        {}", broken.what));
    line(
        &mut text,
        format_args!("        at {} s of virtual time, on {}", show_time(ms), count(run.plan.nodes, "node")),
    );
    let (calls, faults) = (run.plan.calls().len(), run.plan.faults().count());
    line(&mut text, format_args!("        the plan has {} and {}\n", count(calls, "call"), count(faults, "fault")));
    let story: Vec<_> = run.trace.story().filter(|line| !matches!(line.what, Fact::FaultEnds(_))).collect();
    let skipped = story.len().saturating_sub(LINES_MAX);
    if skipped > 0 {
        line(&mut text, format_args!("  … {skipped} lines before"));
    }
    for shown in &story[skipped..] {
        let shown: String = shown.to_string().chars().take(118).collect();
        line(&mut text, format_args!("{shown}"));
    }
    text.push('\n');
    if let Some(source) = source {
        line(&mut text, format_args!("  the same run      {program} replay {source}"));
        line(&mut text, format_args!("  a smaller one     {program} shrink {source} -o smaller.plan"));
        line(&mut text, format_args!("  a page of it      {program} show {source} -o run.html"));
        line(&mut text, format_args!("  its whole trace   {program} replay {source} --trace run.trace"));
    }
    line(&mut text, format_args!("  built from        {}", built_from()));
    text
}

/// Returns what was built: version, profile, and the revision if it was built in a repository.
#[must_use]
pub fn built_from() -> String {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("dacapo-sim {}, revision {}, {profile} build", env!("CARGO_PKG_VERSION"), env!("DACAPO_REVISION"))
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a String cannot fail");
}
