//! The processes of one benchmark. The program starts itself again in another role, sends that process commands line by
//! line over its standard input, and reads from `/proc` what the process costs.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// The hidden first argument of a process in another role.
const ROLE: &str = "--role";

/// The unit of processor time in `/proc/<pid>/stat`; Linux has told every program this number since 2.6.
#[allow(dead_code, reason = "not every benchmark counts processor time")]
const TICKS_PER_SECOND: f64 = 100.0;

/// A process in a role. It ends when this value is dropped.
pub(crate) struct Process {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Returns the role of this process: the arguments after the hidden one, or `None` for the benchmark itself.
pub(crate) fn role() -> Option<Vec<String>> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next()? == ROLE).then(|| arguments.collect())
}

/// Returns how many rounds the benchmark makes: three, unless an argument says otherwise.
pub(crate) fn rounds() -> usize {
    std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(3)
}

/// Prints an answer to the benchmark.
pub(crate) fn answer(line: &str) {
    println!("{line}");
}

impl Process {
    /// Starts a process and waits for its first line, in which a node says where it listens.
    pub(crate) fn start(role: &[&str]) -> (Self, String) {
        let program = std::env::current_exe().expect("the program knows where it is");
        let mut command = Command::new(program);
        command.arg(ROLE).args(role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started again");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("the output is piped"));
        let mut process = Self { child, commands, answers };
        let first = process.read();
        (process, first)
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        let commands = self.commands.as_mut().expect("the input is open until this value is dropped");
        writeln!(commands, "{command}").expect("the process lives");
        self.read()
    }

    /// Sends a command that is answered with numbers, and returns the numbers.
    pub(crate) fn ask_numbers(&mut self, command: &str) -> Vec<f64> {
        let answer = self.ask(command);
        answer.split(' ').map(|number| number.parse().unwrap_or_else(|_| panic!("{command}: {answer}"))).collect()
    }

    fn read(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the process lives");
        line.trim_end().to_owned()
    }

    /// Returns the processor seconds so far.
    #[allow(dead_code, reason = "not every benchmark counts it")]
    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.child.id())
    }

    /// Returns the largest resident memory so far, in MiB.
    #[allow(dead_code, reason = "not every benchmark looks at it")]
    pub(crate) fn peak_mib(&self) -> f64 {
        peak_mib(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process in a role ends at the end of its input.
        self.commands = None;
        drop(self.child.wait());
    }
}

/// Returns the processor seconds of a process so far, of all threads, in user mode and in the kernel.
#[allow(dead_code, reason = "not every benchmark counts it")]
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    let stat = proc(process, "stat");
    // The name in parentheses may hold anything, so the fields are counted from behind it.
    let fields = stat.rsplit(')').next().unwrap_or("").split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

/// Returns the largest resident memory of a process so far, in MiB.
pub(crate) fn peak_mib(process: u32) -> f64 {
    let status = proc(process, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.expect("Linux tells the peak of every process") / 1024.0
}

fn proc(process: u32, name: &str) -> String {
    fs::read_to_string(format!("/proc/{process}/{name}")).expect("the process lives")
}

/// Answers how many seconds something took.
#[allow(dead_code, reason = "not every benchmark answers only that")]
pub(crate) fn seconds(start: Instant) -> String {
    start.elapsed().as_secs_f64().to_string()
}

/// Returns where benchmarks make their files: in the directory that `BENCH_DIR` names, or on the disk that holds the
/// target directory.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("BENCH_DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from)
}

/// Makes an empty directory for the files of one benchmark. Returns its path.
pub(crate) fn empty_dir(name: &str) -> String {
    let path = root().join(name);
    drop(fs::remove_dir_all(&path));
    fs::create_dir_all(&path).expect("the directory can be written");
    path.to_str().expect("the directory has a plain name").to_owned()
}
