//! The command `replay`: one run, as people and other tools want to see it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use dacapo::disk::EntryKind;

use super::arguments::parse_seconds;
use super::file::{ResultFile, same_file};
use super::output::{note, out, outln};
use super::source::Source;
use crate::export::{json, mermaid, page, perfetto};
use crate::film::Film;
use crate::host::name;
use crate::report::report_for;
use crate::run::{film, run_until, run_with_messages};
use crate::subject::{Run, Subject};
use crate::twice::lines;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Print the plan and do not run it.
    #[arg(long)]
    plan: bool,
    /// Stop at this moment of virtual time, in seconds.
    #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
    until: Option<f64>,
    /// Write every line of the trace to this file (`-` for standard output, and nothing else there; so below).
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write every line of the trace as a JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the run as trace events, for ui.perfetto.dev.
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,
    /// Write the run as a sequence diagram of Mermaid, from --from to --until.
    #[arg(long, value_name = "FILE")]
    mermaid: Option<PathBuf>,
    /// Write the run as a page that shows it, as `show` does.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Begin the diagram at this moment of virtual time, in seconds.
    #[arg(long, value_name = "TIME", value_parser = parse_seconds, requires = "mermaid")]
    from: Option<f64>,
}

/// A form in which a run is written to a file.
#[derive(Clone, Copy)]
enum Form {
    Trace,
    Json,
    Perfetto,
    Mermaid(Duration),
    Html,
}

impl Form {
    /// Whether the form shows messages.
    fn has_messages(self) -> bool {
        !matches!(self, Self::Trace)
    }

    fn text<S: Subject>(self, subject: &S, (run, film): &(Run<S>, Film), again: [&str; 2]) -> Result<String, String> {
        match self {
            Self::Trace => Ok(lines(&run.trace).iter().map(|line| format!("{line}\n")).collect()),
            Self::Json => Ok(json(run)),
            Self::Perfetto => Ok(perfetto(run)),
            Self::Mermaid(from) => mermaid(subject, run, from),
            Self::Html => Ok(page(again[0], subject, run, film, again[1])),
        }
    }
}

impl Arguments {
    /// Returns the forms that are asked for, each with its file.
    ///
    /// # Errors
    /// If two have one file, or one has that of the plan.
    fn forms(&self) -> Result<Vec<(Form, &Path)>, String> {
        let from = Duration::from_secs_f64(self.from.unwrap_or_default());
        let forms = [
            (Form::Trace, &self.trace),
            (Form::Json, &self.json),
            (Form::Perfetto, &self.perfetto),
            (Form::Mermaid(from), &self.mermaid),
            (Form::Html, &self.html),
        ];
        let forms: Vec<_> = forms.into_iter().filter_map(|(form, path)| Some((form, path.as_deref()?))).collect();
        let mut files = BTreeSet::new();
        if let Some((_, path)) = forms.iter().find(|(_, path)| !files.insert(same_file(path))) {
            return Err(format!("{} cannot take two forms of one run", path.display()));
        }
        match self.source.file().filter(|plan| files.contains(&same_file(plan))) {
            Some(plan) => Err(format!("{} is the plan itself", plan.display())),
            None => Ok(forms),
        }
    }
}

pub(super) fn execute<S: Subject>(program: &str, subject: &S, arguments: &Arguments) -> Result<ExitCode, String> {
    let plan = arguments.source.plan(subject)?;
    if arguments.plan {
        out!("{plan}");
        return Ok(ExitCode::SUCCESS);
    }
    let forms = arguments.forms()?;
    let is_filmed = arguments.html.is_some();
    let has_messages = forms.iter().any(|(form, _)| form.has_messages());
    let (printed, written): (Vec<_>, Vec<_>) = forms.into_iter().partition(|(_, path)| *path == Path::new("-"));
    let opened = written.into_iter().map(|(form, path)| Ok((form, ResultFile::open(path)?)));
    let opened: Vec<_> = opened.collect::<Result<_, String>>()?;
    let subject = arguments.source.subject(subject);
    let until = arguments.until.map(Duration::from_secs_f64);
    let filmed = match (is_filmed, has_messages) {
        (true, _) => film(&subject, &plan, until),
        (false, true) => (run_with_messages(&subject, &plan, until), Film::default()),
        (false, false) => (run_until(&subject, &plan, until), Film::default()),
    };
    let (run, again) = (&filmed.0, arguments.source.again(None));
    let code = if run.broken.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    let text = |form: Form| form.text(&subject, &filmed, [program, &again]);
    let write = |(form, file): (Form, ResultFile)| text(form).and_then(|text| file.write(&text));
    let print = |(form, _): (Form, &Path)| text(form).map(|text| out!("{text}"));
    let is_printed = !printed.is_empty();
    let done = opened.into_iter().map(write).chain(printed.into_iter().map(print));
    let errors: Vec<String> = done.filter_map(Result::err).collect();
    if !is_printed && run.broken.is_some() {
        outln!("{}", report_for(program, run, Some(&again)));
    } else if !is_printed {
        show(&subject, run, until.is_some_and(|until| run.elapsed >= until));
    }
    errors.iter().for_each(|error| note!("{program}: {error}"));
    // What a run has broken counts, also if it is not in its file.
    Ok(if errors.is_empty() || run.broken.is_some() { code } else { ExitCode::from(2) })
}

fn show<S: Subject>(subject: &S, run: &Run<S>, is_stopped: bool) {
    for line in run.trace.story() {
        outln!("{line}");
    }
    for (host, disk) in run.disks.iter().enumerate() {
        let identity = subject.identity(&run.clients, host).map_or(String::new(), |id| format!(" is {id},"));
        let connections = run.connections[host];
        outln!("\n{}{identity} has dialled {connections} connections, has on its disk:", name(host));
        for line in subject.inspect(disk) {
            outln!("  {line}");
        }
        for (path, kind, len) in disk.tree() {
            if kind == EntryKind::File {
                outln!("  {len:>9}  {}", shorten(&path));
            }
        }
    }
    let seconds = run.elapsed.as_secs_f64();
    let verdict = if is_stopped { "stopped, and not judged" } else { "no promise broken" };
    outln!("\n{seconds:.3} virtual seconds, trace digest {}, {verdict}", run.trace.digest());
}

/// Cuts long parts of a path.
fn shorten(path: &str) -> String {
    let parts: Vec<_> = path.split('/').map(|part| if part.len() > 24 { &part[..12] } else { part }).collect();
    parts.join("/")
}
