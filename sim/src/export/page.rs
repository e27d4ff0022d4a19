//! A run as one page of HTML that needs nothing else: lanes by host in virtual time, and every disk at every moment.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::html::{escaped, fill};
use super::spans::{calls, faults, messages};
use crate::film::{Film, Frame};
use crate::host::{name, named};
use crate::report::built_from;
use crate::subject::{Run, Subject};
use crate::trace::{Fact, Line};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str =
    concat!(include_str!("page/page.js"), include_str!("page/timeline.js"), include_str!("page/moment.js"));

/// The longest line of what a subject says of a disk, in characters. Chosen: more is not read, and it is kept for each
/// moment.
const INSPECTED_MAX: usize = 600;

/// Returns a run that was filmed as a page. `again` is what `program` replays the run by.
#[must_use]
pub fn page<S: Subject>(program: &str, subject: &S, run: &Run<S>, film: &Film, again: &str) -> String {
    let title = format!("{program} replay {again}");
    // What is in a script element ends at "</script", wherever that stands.
    let data = data(subject, run, film, &title).to_string().replace('<', "\\u003c");
    let title = escaped(&title);
    fill(PAGE, &[("{{SCRIPT}}", SCRIPT), ("{{RUN}}", &data), ("{{STYLE}}", STYLE), ("{{TITLE}}", &title)])
}

fn data<S: Subject>(subject: &S, run: &Run<S>, film: &Film, again: &str) -> Value {
    let ids = subject.identities(run);
    let hosts: Vec<_> = ids.iter().enumerate().map(|(host, id)| json!({"name": name(host), "id": id})).collect();
    let calls = calls(run).into_iter().map(|call| {
        let (end, outcome) = call.end.map_or((None, None), |(end, outcome)| (Some(ms(end)), Some(outcome)));
        json!({
            "number": call.number, "on": call.on, "text": call.text, "begin": ms(call.begin), "end": end,
            "outcome": outcome,
        })
    });
    let faults = faults(run).into_iter().map(|span| {
        let (one, other) = span.fault.hosts();
        let hosts: Vec<_> = [one].into_iter().chain(other).collect();
        let end = span.end.map(ms);
        json!({
            "text": span.fault.to_string(), "hosts": hosts, "begin": ms(span.begin), "end": end,
            "lasts": span.fault.lasts(),
        })
    });
    let messages = messages(run, &ids)
        .into_iter()
        .map(|message| json!([message.from, message.to, message.name, ms(message.sent), message.received.map(ms)]));
    json!({
        "again": again,
        "seed": run.plan.seed.to_string(),
        "plan": run.plan.to_string(),
        "built": built_from(),
        "ends": ms(run.elapsed),
        "broken": run.broken.as_ref().map(|broken| json!({"oracle": broken.oracle, "what": broken.what})),
        "hosts": hosts,
        "heartbeats": subject.heartbeats(),
        "calls": calls.collect::<Vec<_>>(),
        "faults": faults.collect::<Vec<_>>(),
        "messages": messages.collect::<Vec<_>>(),
        "lines": run.trace.story().map(of_line).collect::<Vec<_>>(),
        "frames": film.frames.iter().map(of_frame).collect::<Vec<_>>(),
    })
}

/// A line as time, host, kind and text; the host of a call is the one that is called, and -1 is none.
fn of_line<E: std::fmt::Display>(line: &Line<E>) -> Value {
    let kind = match &line.what {
        Fact::Event(_) => "event",
        Fact::Called { .. } => "call",
        Fact::Answered { .. } => "answer",
        Fact::FaultBegins(_) | Fact::FaultEnds(_) => "fault",
        Fact::Note(_) | Fact::Sent { .. } | Fact::Message { .. } => "note",
    };
    let host = match &line.what {
        Fact::Called { on, .. } | Fact::Answered { on, .. } => Some(*on),
        _ => named(&line.host),
    };
    json!([ms(line.at), host.map_or(json!(-1), |host| json!(host)), kind, line.what.to_string()])
}

fn of_frame(frame: &Frame) -> Value {
    let files: Map<String, Value> = frame.files.iter().map(|(path, bytes)| (path.clone(), json!(bytes))).collect();
    let short = |line: &String| line.chars().take(INSPECTED_MAX).collect::<String>();
    let inspected: Option<Vec<_>> = frame.inspected.as_ref().map(|lines| lines.iter().map(short).collect());
    json!([ms(frame.at), frame.host, files, inspected, frame.connections])
}

fn ms(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}
