//! What lasts in a run: calls, faults and messages, each from its begin to its end.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::fault::Fault;
use crate::host::{Host, named};
use crate::subject::{Run, Subject};
use crate::trace::{Fact, Way};

/// A call of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CallSpan {
    pub(super) number: usize,
    pub(super) on: Host,
    pub(super) text: String,
    pub(super) begin: Duration,
    /// When it ended, and how; `None` if the run ended first.
    pub(super) end: Option<(Duration, String)>,
}

/// A fault; one that does not last ends when it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FaultSpan {
    pub(super) fault: Fault,
    pub(super) begin: Duration,
    pub(super) end: Option<Duration>,
}

/// A message from one host to another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MessageSpan {
    pub(super) from: Host,
    pub(super) to: Host,
    pub(super) name: &'static str,
    pub(super) sent: Duration,
    /// When it arrived, if the other program has said so.
    pub(super) received: Option<Duration>,
}

/// Returns the calls of a run, in the order of their begins.
pub(super) fn calls<S: Subject>(run: &Run<S>) -> Vec<CallSpan> {
    let mut calls: Vec<CallSpan> = Vec::new();
    for line in run.trace.lines() {
        match &line.what {
            Fact::Called { number, on, call } => {
                let (number, on) = (*number, *on);
                calls.push(CallSpan { number, on, text: call.clone(), begin: line.at, end: None });
            }
            Fact::Answered { number, outcome, .. } => {
                if let Some(call) = calls.iter_mut().find(|call| call.number == *number) {
                    call.end = Some((line.at, outcome.clone()));
                }
            }
            _ => {}
        }
    }
    calls
}

/// Returns the faults of a run, in the order of their begins.
pub(super) fn faults<S: Subject>(run: &Run<S>) -> Vec<FaultSpan> {
    let mut faults: Vec<FaultSpan> = Vec::new();
    for line in run.trace.lines() {
        match &line.what {
            Fact::FaultBegins(fault) => {
                let end = (!fault.lasts()).then_some(line.at);
                faults.push(FaultSpan { fault: fault.clone(), begin: line.at, end });
            }
            Fact::FaultEnds(fault) => {
                if let Some(span) = faults.iter_mut().find(|span| span.fault == *fault && span.end.is_none()) {
                    span.end = Some(line.at);
                }
            }
            _ => {}
        }
    }
    faults
}

/// Returns the messages of a run that watched them, in the order in which they were sent. A connection keeps their
/// order, so the first on its way is the first to arrive. A message goes to the host that has received it, which may be
/// a twin of the one that the sender knows; until then to the one with the peer's name in `ids`. These are the
/// programs' names for themselves, by host.
pub(super) fn messages<S: Subject>(run: &Run<S>, ids: &[Option<String>]) -> Vec<MessageSpan> {
    let host_of = |peer: &str| ids.iter().position(|id| id.as_deref() == Some(peer));
    let mut messages: Vec<MessageSpan> = Vec::new();
    let mut on_their_way: BTreeMap<u64, VecDeque<usize>> = BTreeMap::new();
    for line in run.trace.lines() {
        let Fact::Message { way, peer, link, name } = &line.what else { continue };
        let Some(host) = named(&line.host) else { continue };
        let queue = on_their_way.entry(*link).or_default();
        match way {
            Way::Sent => {
                queue.push_back(messages.len());
                let to = host_of(peer).unwrap_or(host);
                messages.push(MessageSpan { from: host, to, name, sent: line.at, received: None });
            }
            Way::Received => {
                if let Some(place) = queue.iter().position(|index| messages[*index].from != host) {
                    let message = &mut messages[queue.remove(place).expect("it is there")];
                    (message.to, message.received) = (host, Some(line.at));
                }
            }
        }
    }
    // Nobody knows where the others were to go.
    messages.retain(|message| message.to != message.from);
    messages
}
