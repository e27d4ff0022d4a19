//! A progress bar on standard error, for large files and for people: never in a pipe, never with `--quiet`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::arguments::Verbosity;
use super::limits::{PROGRESS_BYTES_MIN, PROGRESS_FILES_MIN};

const BAR: &str = "{msg} {bytes:>11} of {total_bytes} [{bar:30}] {binary_bytes_per_sec}, {eta} left";
const FILES: &str = "{msg} {human_pos:>9} of {human_len} files [{bar:30}] {per_sec}, {eta} left";
const COUNTER: &str = "{msg} {bytes:>11} at {binary_bytes_per_sec}";

/// Shows how far a transfer is. It vanishes when it is dropped.
pub(crate) struct Meter {
    bar: ProgressBar,
}

impl Meter {
    /// Makes a bar for content of this size, or a counter if the size is not known.
    pub(crate) fn new(verbosity: Verbosity, message: &'static str, size: Option<u64>) -> Self {
        let is_small = size.is_some_and(|size| size < PROGRESS_BYTES_MIN);
        let bar = if verbosity.quiet || is_small {
            ProgressBar::hidden()
        } else {
            // Draws nothing if standard error is not a terminal.
            ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr())
        };
        let template = if size.is_some() { BAR } else { COUNTER };
        bar.set_style(style(template));
        bar.set_message(message);
        Self { bar }
    }

    /// Makes a bar for so many files.
    pub(crate) fn of_files(verbosity: Verbosity, message: &'static str, files: u64) -> Self {
        let bar = match verbosity.quiet || files < PROGRESS_FILES_MIN {
            true => ProgressBar::hidden(),
            false => ProgressBar::with_draw_target(Some(files), ProgressDrawTarget::stderr()),
        };
        bar.set_style(style(FILES));
        bar.set_message(message);
        Self { bar }
    }

    /// Writes something to standard error, and the bar below it again.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Sets how many bytes are known of by now, and how many of them are done.
    pub(crate) fn set_size(&self, size: u64, done: u64) {
        self.bar.set_style(style(BAR));
        self.bar.set_length(size);
        self.bar.set_position(done);
    }

    /// Counts bytes that have gone through, or files.
    pub(crate) fn add(&self, count: usize) {
        self.bar.inc(count as u64);
    }

    /// Says what is being waited for.
    pub(crate) fn say(&self, message: &'static str) {
        self.bar.set_message(message);
        self.bar.tick();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are well-formed").progress_chars("=> ")
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
