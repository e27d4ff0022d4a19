//! The command line of a subject: `sweep`, `merge`, `search`, `replay`, `show`, `shrink`, `crash`, `branch` and
//! `twice`, and `planted` if bugs can be planted in it. The program of a subject is [`main`], or a [`Program`] with
//! commands of its own.
//!
//! Exit codes: 0 all well, 1 a run failed or did not replay, 2 the arguments are wrong or a file cannot be used, 130
//! a signal came before the end and nothing had failed until then.

#![deny(clippy::print_stdout)]

mod arguments;
mod branch;
mod crash;
mod file;
mod folder;
mod found;
mod median;
mod merge;
mod output;
mod planted;
mod progress;
mod replay;
mod search;
mod show;
mod shrink;
mod source;
mod summarised;
mod sweep;
mod twice;

use std::process::ExitCode;

use clap::{ArgMatches, Command, FromArgMatches, Parser, Subcommand};

use crate::subject::Subject;

const EXIT_CODES: &str = "Exit codes: 0 all well, 1 a run failed or did not replay, 2 wrong arguments, 130 interrupted";

/// The commands that every subject has. Their order is that of the help text.
#[derive(Subcommand, Debug)]
enum Generic {
    /// Run a plan, or those of seeds, three times, twice here and once in another process, and compare the traces.
    Twice(twice::Arguments),
    /// Run the plans of many seeds, with faults, and judge each run.
    Sweep(sweep::Arguments),
    /// Join what the parts of a sweep have seen.
    Merge(merge::Arguments),
    /// Change plans at random, keep those that show something new, and stop at the first that breaks a promise.
    Search(search::Arguments),
    /// Run one plan again and show what happens, up to a moment.
    Replay(replay::Arguments),
    /// Run one plan again and write a page that shows it: all hosts over time, and every disk at every moment.
    Show(show::Arguments),
    /// Find a small plan that breaks the same promise.
    Shrink(shrink::Arguments),
    /// Run one plan again and again, with a crash in the middle of each change of a disk in turn.
    Crash(crash::Arguments),
    /// Run one plan up to a moment, and go on from there as the plans of other seeds do.
    Branch(branch::Arguments),
    /// Plant each known bug and show which oracle catches it, and after how many seeds.
    Planted(planted::Arguments),
}

/// An example of each command, to follow the name of the program.
const EXAMPLES: [(&str, &str); 10] = [
    ("twice", "--seeds 0..100"),
    ("sweep", "--seeds 0..10000 --for 60s"),
    ("merge", "part-0 part-1 -o sweep"),
    ("search", "--for 60s -o found.plan"),
    ("replay", "7 --until 3.5"),
    ("show", "7 -o seed-7.html"),
    ("shrink", "7 -o seed-7.plan"),
    ("crash", "7 --kill"),
    ("branch", "7 --at 3.5 --seeds 0..1000"),
    ("planted", "--seeds 1000 --shrink"),
];

/// Runs the command line of a subject that has no commands of its own.
pub fn main<S: Subject + Sync>(subject: S) -> ExitCode {
    Program::new(subject).main()
}

/// The command line of a subject.
pub struct Program<S> {
    subject: S,
    name: &'static str,
    about: &'static str,
    own: Vec<OwnCommand>,
}

/// A command that only this subject has.
struct OwnCommand {
    command: Command,
    run: Box<dyn Fn(&ArgMatches) -> ExitCode>,
}

impl<S: Subject + Sync> Program<S> {
    /// Makes a command line with the generic commands. It is called what the process was started by.
    #[must_use]
    pub fn new(subject: S) -> Self {
        let name = std::env::args().next().map_or("simulation", |name| &*name.leak());
        let about = "Run a system under test from a seed, on a simulated network and disk";
        Self { subject, name, about, own: Vec::new() }
    }

    /// Sets what people type to start the program. Reports and examples show it.
    #[must_use]
    pub fn name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Sets the first line of the help text.
    #[must_use]
    pub fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// Adds a command. The help text lists it before the generic ones.
    #[must_use]
    pub fn command<A: Parser>(mut self, run: impl Fn(&A) -> ExitCode + 'static) -> Self {
        let run = move |matches: &ArgMatches| match A::from_arg_matches(matches) {
            Ok(arguments) => run(&arguments),
            Err(error) => error.exit(),
        };
        self.own.push(OwnCommand { command: A::command(), run: Box::new(run) });
        self
    }

    /// Runs the command that the process was started with.
    #[must_use]
    pub fn main(&self) -> ExitCode {
        let matches = self.clap().get_matches();
        let (name, arguments) = matches.subcommand().expect("a command is required");
        if let Some(own) = self.own.iter().find(|own| own.command.get_name() == name) {
            return (own.run)(arguments);
        }
        let (program, subject) = (self.name, &self.subject);
        let done = match Generic::from_arg_matches(&matches) {
            Ok(Generic::Twice(arguments)) => twice::execute(program, subject, &arguments),
            Ok(Generic::Sweep(arguments)) => sweep::execute(program, subject, &arguments),
            Ok(Generic::Merge(arguments)) => merge::execute(program, subject, &arguments),
            Ok(Generic::Search(arguments)) => search::execute(program, subject, &arguments),
            Ok(Generic::Replay(arguments)) => replay::execute(program, subject, &arguments),
            Ok(Generic::Show(arguments)) => show::execute(program, subject, &arguments),
            Ok(Generic::Shrink(arguments)) => shrink::execute(program, subject, &arguments),
            Ok(Generic::Crash(arguments)) => crash::execute(program, subject, &arguments),
            Ok(Generic::Branch(arguments)) => branch::execute(program, subject, &arguments),
            Ok(Generic::Planted(arguments)) => planted::execute(subject, &arguments),
            Err(error) => error.exit(),
        };
        done.unwrap_or_else(|problem| {
            output::note!("{program}: {problem}");
            ExitCode::from(2)
        })
    }

    fn clap(&self) -> Command {
        let mut command = Command::new(self.name)
            .bin_name(self.name)
            .version(env!("CARGO_PKG_VERSION"))
            .after_help(EXIT_CODES)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands(self.own.iter().map(|own| own.command.clone()));
        // The derived code sets what the program is about, too: to the comment on the enum.
        command = Generic::augment_subcommands(command).about(self.about);
        for (name, example) in EXAMPLES {
            let example = format!("Example: {} {name} {example}", self.name);
            command = command.mut_subcommand(name, |command| command.after_help(example));
        }
        let bugs = self.subject.bugs();
        for name in ["twice", "sweep", "search", "replay", "shrink", "crash", "branch"] {
            let parser = source::bug_parser(self.name, bugs);
            let with_bugs = |bug: clap::Arg| bug.value_parser(parser).hide(bugs.is_empty());
            command = command.mut_subcommand(name, |command| command.mut_arg("bug", with_bugs));
        }
        let parser = source::bug_parser(self.name, bugs);
        command.mut_subcommand("planted", |command| {
            command.hide(bugs.is_empty()).mut_arg("bugs", |bug| bug.value_parser(parser))
        })
    }
}
