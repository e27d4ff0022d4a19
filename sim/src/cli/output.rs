//! Writing to standard output and standard error. A reader of the output that has gone away, as `head` does, ends the
//! process quietly.

use std::fmt;
use std::io::{self, Write};
use std::process;

/// Writes text to standard output, as `print!` does.
macro_rules! out {
    ($($text:tt)*) => { $crate::cli::output::write(format_args!($($text)*)) };
}

/// Writes a line to standard output, as `println!` does.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::output::write(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes a line to standard error, as `eprintln!` does.
macro_rules! note {
    ($($text:tt)*) => { $crate::cli::output::write_note(format_args!($($text)*)) };
}

pub(super) use {note, out, outln};

/// Writes a line to standard error. If nobody reads it, the work goes on.
pub(super) fn write_note(line: fmt::Arguments<'_>) {
    writeln!(io::stderr(), "{line}").ok();
}

/// Writes text. If it cannot be written, nobody learns what came of the command, so the process ends with 1.
pub(super) fn write(text: fmt::Arguments<'_>) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_fmt(text).and_then(|()| stdout.flush()) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            note!("cannot write to standard output: {error}");
        }
        process::exit(1);
    }
}
