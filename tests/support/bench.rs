//! The real bed, as processes: a bench is a temporary directory on which the program runs. Every wait has a deadline,
//! and a node that a test has started is killed on drop.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real processes take real time")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

#[path = "running.rs"]
mod running;

pub(crate) use running::{Ended, Running};

use running::{send, wait_for};

/// The longest wait for one thing. Chosen: a hundred times what the slowest process takes on an idle machine.
const DEADLINE: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The ports of nodes that stop and start again: below those that Linux gives to outgoing connections, so that none of
/// these takes the port while its node is away.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// Returns every file under a directory.
pub(crate) fn files_under(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("listed").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|entry| if entry.is_dir() { files_under(&entry) } else { vec![entry] }).collect()
}

/// A temporary directory with the data directories of nodes, and everything that processes print.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    runs: AtomicUsize,
}

/// A running `dacapo node`, killed on drop.
pub(crate) struct Node {
    pub(crate) child: Child,
    pub(crate) data: PathBuf,
    pub(crate) address: String,
    pub(crate) stdout: PathBuf,
    stderr: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory"), runs: AtomicUsize::new(0) }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a temporary file");
        path
    }

    /// Starts two nodes that dial nobody and a third that dials both, and waits until they are connected.
    pub(crate) fn star(&self) -> [Node; 3] {
        let (first, second) = (self.node("n1", &[]), self.node("n2", &[]));
        let third = self.node("n3", &[&first, &second]);
        third.connected(self, 2);
        [first, second, third]
    }

    /// Starts a node on a directory of this bench and waits until it listens.
    pub(crate) fn node(&self, name: &str, peers: &[&Node]) -> Node {
        let peers: Vec<_> = peers.iter().map(|peer| peer.address.clone()).collect();
        self.node_at(name, ":0", &peers)
    }

    /// Starts a node that listens on this address and dials these, and waits until it listens.
    pub(crate) fn node_at(&self, name: &str, listen: &str, peers: &[String]) -> Node {
        let running = self.spawn_node(name, listen, peers);
        self.listening(name, running)
    }

    /// Starts a node with further arguments and waits until it listens.
    pub(crate) fn node_with(&self, name: &str, peers: &[&Node], more: &[&str]) -> Node {
        let mut arguments = vec!["node", "--open-cluster", "--listen", ":0"];
        for peer in peers {
            arguments.extend(["--peer", &peer.address]);
        }
        arguments.extend(more);
        let running = self.spawn(&self.path(name), &arguments, Stdio::null());
        self.listening(name, running)
    }

    /// Starts a node on a directory that has its cluster in it, and waits until it listens.
    pub(crate) fn member(&self, name: &str) -> Node {
        self.member_with(name, &["--listen", ":0"])
    }

    /// Starts a node that listens on this address, on a directory that has its cluster in it.
    pub(crate) fn member_at(&self, name: &str, listen: &str) -> Node {
        self.member_with(name, &["--listen", listen])
    }

    /// Starts a node with further arguments, on a directory that has its cluster in it.
    pub(crate) fn member_with(&self, name: &str, more: &[&str]) -> Node {
        let arguments: Vec<_> = ["node"].iter().chain(more).collect();
        let running = self.spawn(&self.path(name), &arguments, Stdio::null());
        self.listening(name, running)
    }

    /// Waits until a node has printed its address.
    fn listening(&self, name: &str, running: Running) -> Node {
        let Running { child, stdout, stderr } = running;
        let data = self.path(name);
        let mut node = Node { child, data, address: String::new(), stdout, stderr };
        wait_until("the node listens", || {
            let text = fs::read_to_string(&node.stdout).unwrap_or_default();
            node.address = text.lines().next().unwrap_or_default().to_owned();
            assert!(node.child.try_wait().expect("a child").is_none(), "{}", node.events());
            text.ends_with('\n')
        });
        node
    }

    /// Starts a node that says all that it does, and does not wait for it.
    pub(crate) fn spawn_node(&self, name: &str, listen: &str, peers: &[String]) -> Running {
        let mut arguments = vec!["node", "--open-cluster", "--verbose", "--listen", listen];
        for peer in peers {
            arguments.extend(["--peer", peer]);
        }
        self.spawn(&self.path(name), &arguments, Stdio::null())
    }

    /// Runs a command to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, data: &Path, arguments: &[A]) -> Ended {
        self.spawn(data, arguments, Stdio::null()).end()
    }

    /// Runs a command to its end, with this standard input.
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(&self, data: &Path, arguments: &[A], input: &[u8]) -> Ended {
        let path = self.path(format!("input-{}", self.next()));
        fs::write(&path, input).expect("a temporary file");
        self.spawn(data, arguments, File::open(path).expect("just written").into()).end()
    }

    /// Runs a command that has to succeed, and returns what it printed.
    pub(crate) fn succeed<A: AsRef<OsStr>>(&self, data: &Path, arguments: &[A]) -> String {
        let ended = self.run(data, arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        String::from_utf8(ended.stdout).expect("text")
    }

    /// Starts a command, and does not wait for it.
    pub(crate) fn spawn<A: AsRef<OsStr>>(&self, data: &Path, arguments: &[A], input: Stdio) -> Running {
        self.spawn_with(data, arguments, |command| command.stdin(input))
    }

    /// Starts a command whose descriptors are as `change` says, or those of [`spawn`](Self::spawn).
    pub(crate) fn spawn_with<A: AsRef<OsStr>>(
        &self,
        data: &Path,
        arguments: &[A],
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Running {
        let program = Path::new(env!("CARGO_BIN_EXE_dacapo"));
        self.spawn_as(program, arguments, |command| {
            change(command.env("DACAPO_DATA", data).env_remove("JOURNAL_STREAM"))
        })
    }

    /// Starts another program, and does not wait for it.
    pub(crate) fn spawn_program<A: AsRef<OsStr>>(&self, program: &Path, arguments: &[A]) -> Running {
        self.spawn_as(program, arguments, |command| command)
    }

    fn spawn_as<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: &[A],
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Running {
        let run = self.next();
        let (stdout, stderr) = (self.path(format!("stdout-{run}")), self.path(format!("stderr-{run}")));
        let open = |path: &Path| File::create(path).expect("a temporary file");
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(open(&stdout)).stderr(open(&stderr));
        let child = change(&mut command).spawn().expect("the program starts");
        Running { child, stdout, stderr }
    }

    /// Starts a node whose log goes there, and waits until it listens.
    pub(crate) fn node_logging_to(&self, name: &str, log: impl Into<Stdio>) -> Node {
        let arguments = ["node", "--open-cluster", "--listen", ":0", "--verbose"];
        let running = self.spawn_with(&self.path(name), &arguments, |command| command.stderr(log));
        self.listening(name, running)
    }

    fn next(&self) -> usize {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }
}

impl Node {
    pub(crate) fn signal(&self, signal: Signal) {
        send(signal, &self.child);
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for(&mut self.child, DEADLINE)
    }

    /// Returns the beginning of its id, as messages show it. Waits for it: the log has a thread of its own.
    pub(crate) fn short_id(&self) -> String {
        let mut id = None;
        wait_until("an event tells of its start", || {
            let events = self.events();
            let line = events.split_inclusive('\n').find(|line| line.contains("identity") && line.ends_with('\n'));
            id = line.and_then(|line| line.split_whitespace().last()).map(str::to_owned);
            id.is_some()
        });
        id.expect("it was found")
    }

    /// Returns what it has written to standard error.
    pub(crate) fn events(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.data.join("control.sock")
    }

    /// Waits until exactly this number of its peers is connected.
    pub(crate) fn connected(&self, bench: &Bench, peers: usize) {
        wait_until("the peers are connected", || {
            bench.succeed(&self.data, &["peers", "--json"]).matches("\"connected\":true").count() == peers
        });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The process may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns an address on which nobody listens. No other test of this program gets the same one.
pub(crate) fn free_address() -> String {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let next = || {
        // Processes begin far apart, so that tests of several seldom try the same port.
        let offset = std::process::id().wrapping_mul(101).wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        format!("127.0.0.1:{}", PORTS.start + offset % (PORTS.end - PORTS.start))
    };
    // Bounded: if a hundred ports in a row are taken, something else is wrong.
    let free = (0..100).map(|_| next()).find(|address| TcpListener::bind(address).is_ok());
    free.expect("a free port")
}

/// Polls until something is so, and panics after the deadline.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        sleep(POLL_INTERVAL);
    }
}

/// Returns what a command printed, with the number of each version left out: it follows the time of day.
pub(crate) fn without_versions(text: impl AsRef<[u8]>) -> String {
    let text = String::from_utf8_lossy(text.as_ref()).into_owned();
    let mut parts = text.split(" v1");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + " v#" + part.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}
