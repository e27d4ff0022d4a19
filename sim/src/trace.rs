//! What happened in a run, in order: the events of every program, and every piece of bytes that was sent.
//!
//! Two runs are the same if their traces are. A line of sent bytes carries their digest, so a key, an IV or a length
//! that differs shows at once, and long before it would show in an event.

use std::cell::RefCell;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::fault::Fault;
use crate::host::{Host, name};
use crate::platform::elapsed;

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<E> {
    /// Virtual time since the run began.
    pub at: Duration,
    /// The host.
    pub host: Rc<str>,
    /// What happened on it.
    pub what: Fact<E>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<E> {
    /// A program reported an event.
    Event(E),
    /// Bytes were handed to the network.
    Sent {
        /// The address to which they were sent.
        to: SocketAddr,
        /// How many bytes.
        bytes: usize,
        /// The first eight bytes of the BLAKE3 of the bytes.
        digest: u64,
    },
    /// A program says which message it has sent or received. Only a trace that watches messages has such lines.
    Message {
        /// Which of the two.
        way: Way,
        /// The other program, as the subject calls it.
        peer: Box<str>,
        /// What both programs call the connection.
        link: u64,
        /// The name of the message.
        name: &'static str,
    },
    /// A client makes a call of the plan.
    Called {
        /// The number of the call, counted from 0 in the order of the times.
        number: usize,
        /// The host that is called.
        on: Host,
        /// The call.
        call: String,
    },
    /// A call has come to its end.
    Answered {
        /// The number of the call.
        number: usize,
        /// The host that was called.
        on: Host,
        /// The outcome, in words of the subject.
        outcome: String,
    },
    /// A fault takes effect.
    FaultBegins(Fault),
    /// A fault that lasts is over.
    FaultEnds(Fault),
    /// The harness, or a program of it, says what it does.
    Note(String),
}

/// Which way a message goes, as its program sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The program has sent it.
    Sent,
    /// The program has received it.
    Received,
}

/// All lines of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace<E> {
    lines: Vec<Line<E>>,
    watches_messages: bool,
}

/// Writes the lines of one host. Cheap to clone.
pub struct Tracer<E> {
    host: Rc<str>,
    trace: Rc<RefCell<Trace<E>>>,
}

impl<E> Default for Trace<E> {
    fn default() -> Self {
        Self { lines: Vec::new(), watches_messages: false }
    }
}

impl<E> Trace<E> {
    /// Makes a trace that has the messages of the programs as well. The programs do the same either way.
    #[must_use]
    pub fn with_messages() -> Self {
        Self { watches_messages: true, ..Self::default() }
    }
}

impl<E> Clone for Tracer<E> {
    fn clone(&self) -> Self {
        Self { host: self.host.clone(), trace: self.trace.clone() }
    }
}

impl<E: Clone> Tracer<E> {
    /// Makes a tracer that writes for `host` into a trace that it shares with others.
    #[must_use]
    pub fn new(host: &str, trace: &Rc<RefCell<Trace<E>>>) -> Self {
        Self { host: host.into(), trace: trace.clone() }
    }

    /// Writes an event.
    pub fn event(&self, event: &E) {
        self.push(Fact::Event(event.clone()));
    }

    /// Writes what a client does.
    pub fn note(&self, note: String) {
        self.push(Fact::Note(note));
    }

    /// Writes which message a program has sent or received, if the trace watches messages. Only then `peer` is asked.
    pub fn message(&self, way: Way, peer: impl FnOnce() -> String, link: u64, name: &'static str) {
        if self.trace.borrow().watches_messages {
            self.push(Fact::Message { way, peer: peer().into(), link, name });
        }
    }

    /// Writes that a client makes a call.
    pub fn called(&self, number: usize, on: Host, call: String) {
        self.push(Fact::Called { number, on, call });
    }

    /// Writes what came of a call.
    pub fn answered(&self, number: usize, on: Host, outcome: String) {
        self.push(Fact::Answered { number, on, outcome });
    }

    /// Writes what was handed to the network.
    pub fn sent(&self, to: SocketAddr, bytes: &[u8]) {
        let digest = blake3::hash(bytes);
        let digest = digest.as_bytes().first_chunk().expect("a digest has 32 bytes");
        self.push(Fact::Sent { to, bytes: bytes.len(), digest: u64::from_be_bytes(*digest) });
    }

    /// Writes that a fault begins, between two steps of the simulation.
    pub fn fault_begins(&self, at: Duration, fault: &Fault) {
        self.push_at(at, Fact::FaultBegins(fault.clone()));
    }

    /// Writes that a fault ends, between two steps of the simulation.
    pub fn fault_ends(&self, at: Duration, fault: &Fault) {
        self.push_at(at, Fact::FaultEnds(fault.clone()));
    }

    fn push(&self, what: Fact<E>) {
        self.push_at(elapsed(), what);
    }

    fn push_at(&self, at: Duration, what: Fact<E>) {
        self.trace.borrow_mut().lines.push(Line { at, host: self.host.clone(), what });
    }
}

impl<E: fmt::Display> Trace<E> {
    /// Returns every line.
    #[must_use]
    pub fn lines(&self) -> &[Line<E>] {
        &self.lines
    }

    /// Returns the lines that people read: those without sent bytes and messages.
    pub fn story(&self) -> impl Iterator<Item = &Line<E>> {
        self.lines.iter().filter(|line| !matches!(line.what, Fact::Sent { .. } | Fact::Message { .. }))
    }

    /// Returns the lines that tell one run from another, whether messages were watched or not.
    pub fn telling(&self) -> impl Iterator<Item = &Line<E>> {
        self.lines.iter().filter(|line| !matches!(line.what, Fact::Message { .. }))
    }

    /// Returns the events of one host, in order.
    pub fn events<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a E> {
        self.lines.iter().filter_map(move |line| match &line.what {
            Fact::Event(event) if &*line.host == host => Some(event),
            _ => None,
        })
    }

    /// Returns the BLAKE3 of every line as text, without the messages.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for line in self.telling() {
            hasher.update(format!("{line}\n").as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

impl<E: fmt::Display> fmt::Display for Line<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.at.as_secs(), self.at.subsec_millis());
        write!(f, "{seconds:>3}.{millis:03}  {:<8}  {}", self.host, self.what)
    }
}

impl<E: fmt::Display> fmt::Display for Fact<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => write!(f, "{event}"),
            Self::Sent { to, bytes, digest } => write!(f, "sent {bytes} bytes to {to}, digest {digest:016x}"),
            Self::Message { way: Way::Sent, peer, name, .. } => write!(f, "sent {name} to {peer}"),
            Self::Message { way: Way::Received, peer, name, .. } => write!(f, "received {name} from {peer}"),
            Self::Called { number, on, call } => write!(f, "call {number}: {} {call}", name(*on)),
            Self::Answered { number, outcome, .. } => write!(f, "call {number}: {outcome}"),
            Self::FaultBegins(fault) => write!(f, "fault: {fault}"),
            Self::FaultEnds(fault) => write!(f, "fault ends: {fault}"),
            Self::Note(note) => f.write_str(note),
        }
    }
}

impl<E> fmt::Debug for Tracer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tracer({})", self.host)
    }
}
