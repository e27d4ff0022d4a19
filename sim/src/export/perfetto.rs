//! A run as Chrome's trace events, which Perfetto and `chrome://tracing` open: each host is a process, with its calls
//! as spans, its events and messages as marks and what it sent as a counter; the faults are a process of their own.
//!
//! Source: "Trace Event Format", Google, 2016.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::host::{name, named};
use crate::subject::{Run, Subject};
use crate::trace::{Fact, Way};

/// The process that has the faults, before that of n0.
const FAULTS: usize = 0;

/// Returns a run as a JSON text of trace events.
#[must_use]
pub fn perfetto<S: Subject>(run: &Run<S>) -> String {
    let mut events = vec![process(FAULTS, "faults")];
    events.extend((0..run.plan.nodes).map(|host| process(host + 1, &name(host))));
    let process_of = |host: &str| named(host).map_or(FAULTS, |host| host + 1);
    let mut faults: Vec<(String, usize)> = Vec::new();
    let mut sent: BTreeMap<&str, u64> = BTreeMap::new();
    for (number, line) in run.trace.lines().iter().enumerate() {
        let at = line.at;
        match &line.what {
            Fact::Event(event) => events.push(mark(at, process_of(&line.host), &event.to_string())),
            Fact::Note(note) => events.push(mark(at, process_of(&line.host), note)),
            Fact::Message { way, peer, name, .. } => {
                let text = if *way == Way::Sent { format!("{name} to {peer}") } else { format!("{name} from {peer}") };
                events.push(json!({
                    "ph": "i", "s": "t", "name": text, "ts": micros(at), "pid": process_of(&line.host), "tid": 2,
                    "cat": "message",
                }));
            }
            Fact::Called { number, on, call } => {
                events.push(span(at, on + 1, ("call", *number, "b"), &format!("{number}: {call}"), &json!({})));
            }
            Fact::Answered { number, on, outcome } => {
                events.push(span(at, on + 1, ("call", *number, "e"), "", &json!({"outcome": outcome})));
            }
            Fact::FaultBegins(fault) if fault.lasts() => {
                faults.push((fault.to_string(), number));
                events.push(span(at, FAULTS, ("fault", number, "b"), &fault.to_string(), &json!({})));
            }
            Fact::FaultBegins(fault) => events.push(mark(at, FAULTS, &fault.to_string())),
            Fact::FaultEnds(fault) => {
                let text = fault.to_string();
                if let Some(index) = faults.iter().position(|(found, _)| *found == text) {
                    let (_, begun) = faults.remove(index);
                    events.push(span(at, FAULTS, ("fault", begun, "e"), "", &json!({})));
                }
            }
            Fact::Sent { bytes, .. } => {
                let sum = sent.entry(&line.host).or_default();
                *sum += *bytes as u64;
                events.push(json!({
                    "ph": "C", "name": "bytes sent", "ts": micros(at), "pid": process_of(&line.host),
                    "args": {"bytes": sum},
                }));
            }
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

fn mark(at: Duration, process: usize, text: &str) -> Value {
    json!({"ph": "i", "s": "t", "name": text, "ts": micros(at), "pid": process, "tid": 1, "cat": "event"})
}

/// A span that may overlap others of its process: "async" in the terms of the format.
fn span(at: Duration, process: usize, (kind, id, phase): (&str, usize, &str), text: &str, arguments: &Value) -> Value {
    let id = format!("{kind} {id}");
    json!({
        "ph": phase, "cat": kind, "id": id, "name": text, "ts": micros(at), "pid": process, "tid": 1,
        "args": arguments,
    })
}

fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}
