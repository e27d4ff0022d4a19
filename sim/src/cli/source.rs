//! What a command runs: the plan that a seed or a file names, and the subject, with a bug planted if one is named.

use std::fs;
use std::path::Path;

use clap::Args;

use super::file::read_bounded;
use crate::plan::{Plan, PlanError};
use crate::subject::Subject;
use crate::sweep::plan_of;

/// The longest plan file, in bytes. Chosen: a hundred times the longest plan that a seed draws.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The most plans that a search begins with. Chosen: all of them stay in memory.
const CORPUS_MAX: usize = 100_000;

/// The arguments that name a plan, and a bug.
#[derive(Args, Debug)]
pub(super) struct Source {
    /// A seed, or the path of a plan.
    #[arg(value_name = "SEED|FILE")]
    source: String,
    #[command(flatten)]
    changes: Changes,
}

/// The arguments that change what a plan does.
#[derive(Args, Clone, Debug)]
pub(super) struct Changes {
    /// Add a line to the plan, such as 'at 2.5 n0 get 1' or 'at n0 sync 7 for 0.5 power-loss n0'.
    #[arg(long, value_name = "LINE")]
    with: Vec<String>,
    #[command(flatten)]
    planted: Planted,
}

/// The argument that names plans to begin with.
#[derive(Args, Clone, Debug)]
pub(super) struct Corpus {
    /// Run the plans of this directory first, and change them as well.
    #[arg(long, value_name = "DIR")]
    corpus: Option<String>,
}

impl Corpus {
    /// Returns the plans in the order of their names; none if no directory is named.
    ///
    /// # Errors
    /// Says which directory or plan cannot be read, and why.
    pub(super) fn plans<S: Subject>(&self, subject: &S) -> Result<Vec<Plan<S::Call>>, String> {
        let Some(folder) = &self.corpus else { return Ok(Vec::new()) };
        let failed = |error: std::io::Error| format!("cannot read {folder}: {error}");
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "plan") {
                if paths.len() == CORPUS_MAX {
                    return Err(format!("{folder} has more than {CORPUS_MAX} plans"));
                }
                paths.push(path);
            }
        }
        paths.sort_unstable();
        if paths.is_empty() {
            return Err(format!("{folder} has no file that ends in .plan"));
        }
        paths.iter().map(|path| plan_in(subject, &path.display().to_string())).collect()
    }
}

/// The argument that names a bug.
#[derive(Args, Clone, Debug)]
pub(super) struct Planted {
    /// Plant a bug.
    #[arg(long, value_name = "BUG")]
    bug: Option<String>,
}

impl Planted {
    /// Returns the subject, with the bug planted if one is named.
    pub(super) fn subject<S: Subject>(&self, subject: &S) -> S {
        self.bug.as_ref().map_or_else(|| subject.clone(), |bug| subject.clone().plant(bug))
    }

    /// Returns the name of the bug.
    pub(super) fn name(&self) -> Option<&str> {
        self.bug.as_deref()
    }

    /// Returns the argument once more, behind a space, if there is one.
    pub(super) fn again(&self) -> String {
        self.bug.as_ref().map_or(String::new(), |bug| format!(" --bug {bug}"))
    }
}

impl Source {
    /// Returns what a seed or the path of a plan names, with changes.
    pub(super) fn new(source: String, changes: &Changes) -> Self {
        Self { source, changes: changes.clone() }
    }

    /// Returns the plan: that of a seed, or one in a file, with the lines that are added.
    pub(super) fn plan<S: Subject>(&self, subject: &S) -> Result<Plan<S::Call>, String> {
        let plan = match self.source.parse() {
            Ok(seed) => plan_of(subject, seed),
            Err(_) => plan_in(subject, &self.source)?,
        };
        self.changes.with.iter().try_fold(plan, |plan, line| {
            let no_line = |error: String| format!("{line:?} is no line of this plan: {error}");
            let longer: Plan<S::Call> =
                format!("{plan}{line}").parse().map_err(|error: PlanError| no_line(error.cause))?;
            let known = longer.check_words(subject.options(), subject.lies());
            known.map_err(|unknown| no_line(unknown.to_string()))?;
            Ok(longer)
        })
    }

    /// Returns the subject, with the bug planted if one is named.
    pub(super) fn subject<S: Subject>(&self, subject: &S) -> S {
        self.changes.planted.subject(subject)
    }

    /// Returns the argument that names the bug.
    pub(super) fn planted(&self) -> &Planted {
        &self.changes.planted
    }

    /// Returns the arguments that name this plan and bug once more, with a further line if there is one.
    pub(super) fn again(&self, with: Option<&str>) -> String {
        let lines = self.changes.with.iter().map(String::as_str).chain(with);
        let lines: String = lines.map(|line| format!(" --with {}", quoted(line))).collect();
        let source = match self.source.parse::<u64>() {
            Ok(_) => self.source.clone(),
            Err(_) => pasted(Path::new(&self.source)),
        };
        format!("{source}{lines}{}", self.changes.planted.again())
    }

    /// Returns the path of the plan, if it is in a file.
    pub(super) fn file(&self) -> Option<&Path> {
        self.source.parse::<u64>().is_err().then(|| Path::new(&self.source))
    }
}

/// Returns a path as it is typed in a shell: it is taken for no seed and for no option.
pub(super) fn pasted(path: &Path) -> String {
    let text = path.display().to_string();
    match text.starts_with('-') || text.parse::<u64>().is_ok() {
        true => quoted(&format!("./{text}")),
        false => quoted(&text),
    }
}

/// Returns a word as it is typed in a shell.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "-_./=:,+@%".contains(char);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Returns the plan in a file.
fn plan_in<S: Subject>(subject: &S, source: &str) -> Result<Plan<S::Call>, String> {
    let no_plan = |error: String| format!("{source} is no plan: {error}");
    let text = read(source)?;
    let plan: Plan<S::Call> = text.parse().map_err(|error: PlanError| no_plan(error.to_string()))?;
    plan.check_words(subject.options(), subject.lies())
        .map_err(|unknown| no_plan(unknown.in_text(&text).to_string()))?;
    Ok(plan)
}

fn read(source: &str) -> Result<String, String> {
    read_bounded(Path::new(source), FILE_BYTES_MAX).map_err(|error| format!("cannot read {source}: {error}"))
}

/// Returns a parser of the names of planted bugs.
pub(super) fn bug_parser(
    program: &'static str,
    bugs: &'static [&'static str],
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text: &str| match bugs.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no planted bug: {program} planted --list names them")),
    }
}
