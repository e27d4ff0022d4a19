//! What a command about a folder has done so far: a line for each file if that is wanted, a progress bar, a summary.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

use dacapo::crypto::Key;
use dacapo::view::show;

use crate::cli::arguments::Verbosity;
use crate::cli::error::CliError;
use crate::cli::json::{Action, FolderJson, FolderSummary, StepJson};
use crate::cli::own_files::FAILURES_SHOWN_MAX;
use crate::cli::progress::Meter;
use crate::cli::{logging, output};

/// Counts what is done, and tells of it.
pub(super) struct Tally {
    action: Action,
    is_json: bool,
    is_dry_run: bool,
    verbosity: Verbosity,
    counts: RefCell<FolderSummary>,
    /// How many files failed because too few peers hold them.
    few: Cell<u64>,
    /// Why nobody reads what is told any more.
    untold: RefCell<Option<CliError>>,
    meter: RefCell<Option<Meter>>,
}

impl Tally {
    pub(super) fn new(action: Action, is_json: bool, is_dry_run: bool, verbosity: Verbosity) -> Self {
        Self {
            action,
            is_json,
            is_dry_run,
            verbosity,
            counts: RefCell::default(),
            few: Cell::default(),
            untold: RefCell::default(),
            meter: RefCell::default(),
        }
    }

    /// Says how many files are to be worked on.
    pub(super) fn begin(&self, files: usize) {
        let message = match self.action {
            Action::Stored => "storing",
            Action::Written => "writing",
            Action::Deleted => "deleting",
        };
        self.counts.borrow_mut().not_tried = files as u64;
        self.meter.replace(Some(Meter::of_files(self.verbosity, message, files as u64)));
    }

    /// A file is as it was.
    pub(super) fn unchanged(&self) {
        self.counts.borrow_mut().unchanged += 1;
    }

    /// A step came to its end, whatever it did.
    pub(super) fn step(&self) {
        self.counts.borrow_mut().not_tried -= 1;
        if let Some(meter) = &*self.meter.borrow() {
            meter.add(1);
        }
    }

    /// A file was stored, written or deleted, or would be.
    pub(super) fn done(&self, action: Action, key: &Key, size: u64) -> Result<(), CliError> {
        {
            let mut counts = self.counts.borrow_mut();
            let counts = &mut *counts;
            let (number, bytes) = match action {
                Action::Stored => (&mut counts.stored, size),
                Action::Written => (&mut counts.written, size),
                Action::Deleted => (&mut counts.deleted, 0),
            };
            *number += 1;
            counts.bytes += bytes;
        }
        if self.is_json {
            let step = StepJson { key: key.as_str(), action, size, would: self.is_dry_run };
            return self.tell(|| output::json(&FolderJson::Step(step)));
        }
        if self.is_dry_run && !self.verbosity.quiet {
            let what = match action {
                Action::Stored => "store",
                Action::Written => "write",
                Action::Deleted => "delete",
            };
            return self.tell(|| output::line(&format!("would {what} {key}, {}", show::size(size))));
        }
        Ok(())
    }

    /// Something in a folder, or a key, has no counterpart.
    pub(super) fn skipped(&self, name: &str, reason: &impl Display) -> Result<(), CliError> {
        self.counts.borrow_mut().skipped += 1;
        if self.is_json {
            return self.tell(|| output::json(&FolderJson::Skipped { name, reason: reason.to_string() }));
        }
        if self.counts.borrow().skipped <= FAILURES_SHOWN_MAX as u64 {
            self.say(format_args!("left out {name}: {reason}"));
        }
        Ok(())
    }

    /// A file was not stored, written or deleted.
    pub(super) fn failed(&self, name: &str, reason: &impl Display) -> Result<(), CliError> {
        self.counts.borrow_mut().failed += 1;
        if self.is_json {
            return self.tell(|| output::json(&FolderJson::Failed { name, error: reason.to_string() }));
        }
        if self.counts.borrow().failed <= FAILURES_SHOWN_MAX as u64 {
            self.say(reason);
        }
        Ok(())
    }

    /// Counts what failed for one file. What fails for all files is returned, and ends the command.
    pub(super) fn unless_fatal(&self, name: &str, done: Result<(), CliError>) -> Result<(), CliError> {
        match done {
            Err(CliError::Connect(_) | CliError::Node(_) | CliError::Stdout(_) | CliError::Output { .. }) | Ok(()) => {
                done
            }
            Err(error) => {
                self.few.set(self.few.get() + u64::from(error.is_too_few()));
                self.failed(name, &error.full_message())
            }
        }
    }

    /// Returns how many files failed.
    pub(super) fn failed_so_far(&self) -> u64 {
        self.counts.borrow().failed
    }

    /// A file is at fewer peers than are connected.
    pub(super) fn short(&self) {
        self.counts.borrow_mut().short += 1;
    }

    /// Tells something on standard output. What is to be done is done to its end also if nobody reads that; a dry run
    /// has nothing else to do.
    fn tell(&self, write: impl FnOnce() -> Result<(), CliError>) -> Result<(), CliError> {
        if self.untold.borrow().is_some() {
            return Ok(());
        }
        match write() {
            Err(error) if !self.is_dry_run => {
                self.untold.replace(Some(error));
                Ok(())
            }
            told => told,
        }
    }

    /// Writes a line beside the bar. Names in it may have anything in them, and are not to move the cursor.
    fn say(&self, line: impl Display) {
        let line = on_one_line(&line.to_string());
        match &*self.meter.borrow() {
            Some(meter) => meter.aside(|| logging::warn("", line)),
            None => logging::warn("", line),
        }
    }

    /// Shows the summary, and returns an error if a file failed. What went wrong counts more than whether somebody
    /// reads the rest.
    pub(super) fn end(&self, ended: Result<(), CliError>) -> Result<(), CliError> {
        self.meter.take();
        let counts = self.counts.take();
        let told = self.tell(|| match self.verbosity.quiet {
            _ if self.is_json => output::json(&FolderJson::Summary(&counts)),
            true => Ok(()),
            false => output::line(&in_words(&counts, self.action, self.is_dry_run)),
        });
        ended?;
        match counts.failed {
            0 => self.untold.take().map_or(told, Err),
            failed => Err(CliError::FilesFailed { failed, are_too_few: self.few.get() == failed }),
        }
    }
}

/// Returns a text as a terminal may show it, on one line.
fn on_one_line(text: &str) -> String {
    show::visible(text).replace('\n', "\\u000a")
}

/// Writes a summary for people. What did not happen is not mentioned.
fn in_words(counts: &FolderSummary, action: Action, is_dry_run: bool) -> String {
    let FolderSummary { stored, written, deleted, bytes, unchanged, skipped, failed, short, not_tried, .. } = *counts;
    let (number, verb) = match action {
        Action::Stored => (stored, "stored"),
        Action::Written => (written, "written"),
        Action::Deleted => (deleted, "deleted"),
    };
    let size = if action == Action::Deleted { String::new() } else { format!(", {}", show::size(bytes)) };
    let mut text = format!("{}{} {verb}{size}", if is_dry_run { "dry run: " } else { "" }, show::count(number, "file"));
    for (number, what) in [
        (unchanged, "unchanged"),
        (if action == Action::Deleted { 0 } else { deleted }, "deleted"),
        (skipped, "left out"),
        (short, "not at every connected peer yet"),
        (failed, "failed"),
        (not_tried, "not tried"),
    ] {
        if number > 0 {
            text.push_str(&format!("; {} {what}", show::grouped(number)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_move_the_cursor() {
        assert_eq!(on_one_line("a\u{1b}[31mred\n\u{9b}b: ä"), "a\\u001b[31mred\\u000a\\u009bb: ä");
    }

    #[test]
    fn a_summary_names_what_happened() {
        let mut counts = FolderSummary { stored: 1, bytes: 5, ..FolderSummary::default() };
        assert_eq!(in_words(&counts, Action::Stored, false), "1 file stored, 5 B");
        counts =
            FolderSummary { unchanged: 100_000, deleted: 2, skipped: 3, failed: 1, short: 4, not_tried: 7, ..counts };
        assert_eq!(
            in_words(&counts, Action::Stored, true),
            "dry run: 1 file stored, 5 B; 100,000 unchanged; 2 deleted; 3 left out; 4 not at every connected peer \
             yet; 1 failed; 7 not tried"
        );
        let counts = FolderSummary { deleted: 2, ..FolderSummary::default() };
        assert_eq!(in_words(&counts, Action::Deleted, false), "2 files deleted");
    }
}
