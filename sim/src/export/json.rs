//! Every line of a trace as a JSON object, one each line (JSON Lines). docs/SIMULATION.md has the schema.

use std::fmt;
use std::fmt::Write;

use serde_json::{Value, json};

use super::address::host_at;
use crate::host::name;
use crate::report::built_from;
use crate::subject::{Run, Subject};
use crate::trace::{Fact, Line, Way};

/// Returns a run as JSON: an object that says which run it is and what it broke, and then one for each line of its
/// trace.
#[must_use]
pub fn json<S: Subject>(run: &Run<S>) -> String {
    let broken = run.broken.as_ref().map(|broken| json!({"oracle": broken.oracle, "what": broken.what}));
    let head = json!({
        "kind": "run",
        "seed": run.plan.seed,
        "hosts": (0..run.plan.nodes).map(name).collect::<Vec<_>>(),
        "plan": run.plan.to_string(),
        "ends_s": run.elapsed.as_secs_f64(),
        "broken": broken,
        "trace_digest": run.trace.digest(),
        "built_from": built_from(),
    });
    let lines = run.trace.lines().iter().map(|line| of_line(line, run.plan.nodes));
    [head].into_iter().chain(lines).fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("writing to a String cannot fail");
        text
    })
}

fn of_line<E: fmt::Display>(line: &Line<E>, nodes: usize) -> Value {
    let mut value = match &line.what {
        Fact::Event(event) => json!({"kind": "event", "text": event.to_string()}),
        Fact::Sent { to, bytes, digest } => json!({
            "kind": "sent",
            "to": host_at(*to, nodes),
            "address": to.to_string(),
            "bytes": bytes,
            "digest": format!("{digest:016x}"),
        }),
        Fact::Message { way, peer, link, name } => {
            let kind = if *way == Way::Sent { "message-sent" } else { "message-received" };
            json!({"kind": kind, "peer": peer, "link": format!("{link:016x}"), "message": name})
        }
        Fact::Called { number, on, call } => json!({"kind": "call", "number": number, "on": name(*on), "text": call}),
        Fact::Answered { number, outcome, .. } => json!({"kind": "answer", "number": number, "text": outcome}),
        Fact::FaultBegins(fault) => json!({"kind": "fault", "text": fault.to_string()}),
        Fact::FaultEnds(fault) => json!({"kind": "fault-end", "text": fault.to_string()}),
        Fact::Note(note) => json!({"kind": "note", "text": note}),
    };
    value["at_s"] = line.at.as_secs_f64().into();
    value["host"] = (*line.host).into();
    value
}
