//! A run as Chrome's trace events, which Perfetto and `chrome://tracing` open: each host is a process, with its calls
//! as spans, its events and messages as marks and what it sent as a counter; the faults are a process of their own.
//!
//! Source: "Trace Event Format", Google, 2016.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::spans::{calls, faults};
use crate::host::{name, named};
use crate::subject::{Run, Subject};
use crate::trace::Fact;

/// The process that has the faults, before that of n0.
const FAULTS: usize = 0;

/// Returns a run as a JSON text of trace events.
#[must_use]
pub fn perfetto<S: Subject>(run: &Run<S>) -> String {
    let mut events = vec![process(FAULTS, "faults")];
    events.extend((0..run.plan.nodes).map(|host| process(host + 1, &name(host))));
    let process_of = |host: &str| named(host).map_or(FAULTS, |host| host + 1);
    for call in calls(run) {
        let id = ("call", call.number);
        let text = format!("{}: {}", call.number, call.text);
        let end = call.end.map(|(end, outcome)| (end, json!({"outcome": outcome})));
        events.extend(span(call.on + 1, id, &text, call.begin, end));
    }
    for (number, fault) in faults(run).into_iter().enumerate() {
        let text = fault.fault.to_string();
        if fault.fault.lasts() {
            let end = fault.end.map(|end| (end, json!({})));
            events.extend(span(FAULTS, ("fault", number), &text, fault.begin, end));
        } else {
            events.push(mark(fault.begin, (FAULTS, 1), "event", &text));
        }
    }
    let mut sent: BTreeMap<&str, u64> = BTreeMap::new();
    for line in run.trace.lines() {
        let (at, process) = (line.at, process_of(&line.host));
        match &line.what {
            Fact::Event(_) | Fact::Note(_) => events.push(mark(at, (process, 1), "event", &line.what.to_string())),
            Fact::Message { .. } => events.push(mark(at, (process, 2), "message", &line.what.to_string())),
            Fact::Sent { bytes, .. } => {
                let sum = sent.entry(&line.host).or_default();
                *sum += *bytes as u64;
                events.push(json!({
                    "ph": "C", "name": "bytes sent", "ts": micros(at), "pid": process, "args": {"bytes": sum},
                }));
            }
            Fact::Called { .. } | Fact::Answered { .. } | Fact::FaultBegins(_) | Fact::FaultEnds(_) => {}
        }
    }
    if let Some(broken) = &run.broken {
        events.push(json!({
            "ph": "i", "s": "g", "name": broken.to_string(), "ts": micros(run.elapsed), "pid": FAULTS, "tid": 1,
            "cat": "broken",
        }));
    }
    json!({"displayTimeUnit": "ms", "traceEvents": events}).to_string()
}

fn process(id: usize, name: &str) -> Value {
    json!({"ph": "M", "name": "process_name", "pid": id, "args": {"name": name}})
}

fn mark(at: Duration, (process, thread): (usize, usize), kind: &str, text: &str) -> Value {
    json!({"ph": "i", "s": "t", "name": text, "ts": micros(at), "pid": process, "tid": thread, "cat": kind})
}

/// A span that may overlap others of its process, "async" in the terms of the format: its begin, and its end if it has
/// one.
fn span(
    process: usize,
    (kind, number): (&str, usize),
    text: &str,
    begin: Duration,
    end: Option<(Duration, Value)>,
) -> impl Iterator<Item = Value> {
    let id = format!("{kind} {number}");
    let edge = move |phase: &str, name: &str, at, arguments: Value| {
        json!({
            "ph": phase, "cat": kind, "id": id, "name": name, "ts": micros(at), "pid": process, "tid": 1,
            "args": arguments,
        })
    };
    let begin = edge("b", text, begin, json!({}));
    [begin].into_iter().chain(end.map(|(end, arguments)| edge("e", "", end, arguments)))
}

fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}
