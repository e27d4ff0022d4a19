//! What a command runs: the plan that a seed or a file names, and the subject, with a bug planted if one is named.

use std::fs;
use std::path::Path;

use clap::Args;

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
            longer.check_words(subject.options(), subject.lies()).map_err(no_line)?;
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

    /// Returns the arguments that name this plan and bug once more, each by itself.
    pub(super) fn arguments(&self) -> Vec<String> {
        let lines = self.changes.with.iter().flat_map(|line| ["--with".to_owned(), line.clone()]);
        let bug = self.changes.planted.bug.iter().flat_map(|bug| ["--bug".to_owned(), bug.clone()]);
        [self.source.clone()].into_iter().chain(lines).chain(bug).collect()
    }

    /// Returns the arguments that name this plan and bug once more, with a further line if there is one.
    pub(super) fn again(&self, with: Option<&str>) -> String {
        let lines = self.changes.with.iter().map(String::as_str).chain(with);
        let lines: String = lines.map(|line| format!(" --with '{line}'")).collect();
        format!("{}{lines}{}", self.source, self.changes.planted.again())
    }
}

/// Returns the plan in a file.
fn plan_in<S: Subject>(subject: &S, source: &str) -> Result<Plan<S::Call>, String> {
    let no_plan = |error: String| format!("{source} is no plan: {error}");
    let plan: Plan<S::Call> = read(source)?.parse().map_err(|error: PlanError| no_plan(error.to_string()))?;
    plan.check_words(subject.options(), subject.lies()).map_err(no_plan)?;
    Ok(plan)
}

fn read(source: &str) -> Result<String, String> {
    let path = Path::new(source);
    let failed = |error: std::io::Error| format!("cannot read {source}: {error}");
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(format!("{source} is longer than {FILE_BYTES_MAX} bytes"));
    }
    fs::read_to_string(path).map_err(failed)
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
