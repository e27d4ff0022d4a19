//! Processes that a test has started, and how they ended.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real processes take real time")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{DEADLINE, POLL_INTERVAL, wait_until};

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// A process whose output goes to files.
pub(crate) struct Running {
    pub(super) child: Child,
    pub(super) stdout: PathBuf,
    pub(super) stderr: PathBuf,
}

impl Running {
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(signal, &self.child);
    }

    /// Waits until it has printed so many lines, and returns them.
    pub(crate) fn first_lines(&mut self, count: usize) -> String {
        let mut text = String::new();
        wait_until("it prints", || {
            text = fs::read_to_string(&self.stdout).unwrap_or_default();
            text.matches('\n').count() >= count
        });
        text
    }

    /// Returns where its standard error goes.
    pub(crate) fn stderr(&self) -> &Path {
        &self.stderr
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Ended {
        self.end_within(DEADLINE)
    }

    /// Waits for the end of a command that itself waits for something that does not come.
    pub(crate) fn end_late(self) -> Ended {
        self.end_within(3 * DEADLINE)
    }

    fn end_within(mut self, deadline: Duration) -> Ended {
        let status = wait_for(&mut self.child, deadline);
        let stdout = fs::read(&self.stdout).expect("its output");
        let stderr = fs::read_to_string(&self.stderr).expect("its errors");
        for output in [&self.stdout, &self.stderr] {
            fs::remove_file(output).expect("its output is there");
        }
        Ended { code: status.code(), stdout, stderr }
    }
}

pub(super) fn send(signal: Signal, child: &Child) {
    kill_process(Pid::from_child(child), signal).expect("the process runs");
}

pub(super) fn wait_for(child: &mut Child, deadline: Duration) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if started.elapsed() > deadline {
            drop(child.kill());
            drop(child.wait());
            panic!("a process did not end within {deadline:?}");
        }
        sleep(POLL_INTERVAL);
    }
}
