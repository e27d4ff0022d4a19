//! A plan as text. What is written is read back as an equal plan; what is read is bounded.

use std::fmt;
use std::str::FromStr;

use super::{Action, Plan, Step, Trigger};
use crate::fault::Fault;
use crate::host::{self, HOSTS_MAX, Host, name};
use crate::words::{Words, show_time, time_of};

/// The longest plan file, in steps.
const STEPS_MAX: usize = 10_000;

/// Why a text is not a plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct PlanError {
    /// The line, counted from 1; one beyond the last if something is missing.
    pub line: usize,
    /// What is wrong with the line.
    pub cause: String,
}

/// A word of a plan that its subject does not know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no {is_no}: known are {known}")]
pub struct UnknownWord {
    pub(super) word: String,
    pub(super) is_no: &'static str,
    pub(super) known: String,
}

impl UnknownWord {
    /// Says in which line of the text of a plan the word is.
    #[must_use]
    pub fn in_text(&self, text: &str) -> PlanError {
        PlanError { line: line_of(text, &self.word), cause: self.to_string() }
    }
}

/// Returns the number of the first line that has a word, outside of a comment.
fn line_of(text: &str, word: &str) -> usize {
    let has_word = |line: &str| without_comment(line).split_whitespace().any(|found| found == word);
    text.lines().position(has_word).unwrap_or_default() + 1
}

/// Returns a line without its comment. The words of an event are none.
fn without_comment(line: &str) -> &str {
    let mut is_quoted = false;
    let comment = line.char_indices().find(|(_, char)| {
        is_quoted ^= *char == '"';
        *char == '#' && !is_quoted
    });
    comment.map_or(line, |(at, _)| &line[..at]).trim()
}

impl<O: fmt::Display> fmt::Display for Plan<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "nodes {}", self.nodes)?;
        for (from, to) in &self.dials {
            writeln!(f, "dial {} {}", name(*from), name(*to))?;
        }
        for (host, option) in &self.options {
            writeln!(f, "option {} {option}", name(*host))?;
        }
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        writeln!(f, "lift {}", show_time(self.lift_ms))
    }
}

impl<O: fmt::Display> fmt::Display for Step<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = show_time(self.at_ms);
        match &self.what {
            Action::Call(host, call) => write!(f, "at {at} {} {call}", name(*host)),
            Action::Fault(fault, until) if fault.lasts() => write!(f, "at {at} to {} {fault}", show_time(*until)),
            Action::Fault(fault, _) => write!(f, "at {at} {fault}"),
            Action::Triggered(trigger, fault, lasting_ms) if fault.lasts() => {
                write!(f, "at {trigger} for {} {fault}", show_time(*lasting_ms))
            }
            Action::Triggered(trigger, fault, _) => write!(f, "at {trigger} {fault}"),
        }
    }
}

impl<O: FromStr<Err: fmt::Display>> FromStr for Plan<O> {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let mut reading = Reading::default();
        let mut lines = 0;
        for (index, line) in text.lines().enumerate() {
            lines = index + 1;
            let line = without_comment(line);
            if !line.is_empty() {
                reading.line(line).map_err(|cause| PlanError { line: lines, cause })?;
            }
        }
        if let (Some(nodes), Some(host)) = (reading.nodes, reading.last_host())
            && host >= nodes
        {
            let are = if nodes == 1 { "is 1 node".to_owned() } else { format!("are {nodes} nodes") };
            let cause = format!("{} is used, and there {are} of at most {HOSTS_MAX}", name(host));
            return Err(PlanError { line: line_of(text, &name(host)), cause });
        }
        reading.plan().map_err(|cause| PlanError { line: lines + 1, cause })
    }
}

struct Reading<O> {
    seed: Option<u64>,
    nodes: Option<usize>,
    dials: Vec<(Host, Host)>,
    options: Vec<(Host, String)>,
    steps: Vec<Step<O>>,
    lift_ms: Option<u64>,
}

impl<O> Default for Reading<O> {
    fn default() -> Self {
        Self { seed: None, nodes: None, dials: Vec::new(), options: Vec::new(), steps: Vec::new(), lift_ms: None }
    }
}

impl<O: FromStr<Err: fmt::Display>> Reading<O> {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut words = Words::new(line);
        match words.word("a word")? {
            "seed" => once(&mut self.seed, words.parse("a seed, a number from 0 on")?, "seed")?,
            "nodes" => {
                let nodes = words.at_most(7)?;
                let nodes = usize::try_from(nodes).expect("at most 7");
                if nodes == 0 {
                    return Err("a plan has 1 to 7 nodes".to_owned());
                }
                once(&mut self.nodes, nodes, "nodes")?;
            }
            "dial" => {
                let (from, to) = (words.host()?, words.host()?);
                if from == to || self.dials.contains(&(from, to)) {
                    return Err("a node dials each other node at most once, and not itself".to_owned());
                }
                self.dials.push((from, to));
            }
            "option" => {
                let option = (words.host()?, words.word("an option")?.to_owned());
                if self.options.contains(&option) {
                    return Err("a host has each option at most once".to_owned());
                }
                self.options.push(option);
            }
            "lift" => once(&mut self.lift_ms, words.time()?, "lift")?,
            "at" => return self.step(words),
            other => {
                return Err(format!("a line begins with seed, nodes, dial, option, at or lift, not with {other:?}"));
            }
        }
        words.end()
    }

    fn step(&mut self, mut words: Words<'_>) -> Result<(), String> {
        if self.steps.len() == STEPS_MAX {
            return Err(format!("a plan has at most {STEPS_MAX} steps"));
        }
        let when = words.word("a time, or a host")?;
        if let Some(host) = host::named(when) {
            let what = triggered(host, &words.rest())?;
            self.steps.push(Step { at_ms: 0, what });
            return Ok(());
        }
        let at_ms = time_of(when)?;
        let first = words.word("a host, a fault, or to")?;
        let what = if let Some(host) = host::named(first) {
            Action::Call(host, words.rest().parse().map_err(|error: O::Err| error.to_string())?)
        } else if first == "to" {
            let until = words.time()?;
            if until < at_ms {
                return Err("it ends before it begins".to_owned());
            }
            let fault: Fault = words.rest().parse()?;
            if !fault.lasts() {
                return Err(format!("{fault} happens at one moment"));
            }
            Action::Fault(fault, until)
        } else {
            let fault: Fault = format!("{first} {}", words.rest()).parse()?;
            if fault.lasts() {
                return Err(format!("{fault} lasts: at TIME to TIME {fault}"));
            }
            Action::Fault(fault, at_ms)
        };
        self.steps.push(Step { at_ms, what });
        Ok(())
    }

    fn plan(self) -> Result<Plan<O>, String> {
        let missing = |what: &str| format!("the line {what:?} is missing");
        Ok(Plan {
            seed: self.seed.ok_or_else(|| missing("seed NUMBER"))?,
            nodes: self.nodes.ok_or_else(|| missing("nodes NUMBER"))?,
            dials: self.dials,
            options: self.options,
            steps: self.steps,
            lift_ms: self.lift_ms.ok_or_else(|| missing("lift TIME"))?,
        })
    }

    /// Returns the host with the greatest number that a line names.
    fn last_host(&self) -> Option<Host> {
        let of_steps = self.steps.iter().flat_map(|step| step.what.hosts());
        let of_dials = self.dials.iter().flat_map(|(from, to)| [*from, *to]);
        of_steps.chain(of_dials).chain(self.options.iter().map(|(host, _)| *host)).max()
    }
}

/// Reads what follows the host of a trigger.
fn triggered<O>(host: Host, text: &str) -> Result<Action<O>, String> {
    let (trigger, rest) = Trigger::read(host, text)?;
    let mut words = Words::new(&rest);
    let first = words.word("for, or a fault")?;
    if first == "for" {
        let lasting_ms = words.time()?;
        let fault: Fault = words.rest().parse()?;
        if !fault.lasts() {
            return Err(format!("{fault} happens at one moment"));
        }
        return Ok(Action::Triggered(trigger, fault, lasting_ms));
    }
    let fault: Fault = rest.parse()?;
    if fault.lasts() {
        return Err(format!("{fault} lasts: at {trigger} for TIME {fault}"));
    }
    Ok(Action::Triggered(trigger, fault, 0))
}

fn once<T>(place: &mut Option<T>, value: T, what: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("there is a second {what} line")),
    }
}
