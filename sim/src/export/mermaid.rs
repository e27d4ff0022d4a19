//! A part of a run as a sequence diagram of Mermaid, which GitHub shows in a README, an issue or a review. Each
//! message that a host sends is an arrow.

use std::fmt::Write;
use std::time::Duration;

use crate::host::name;
use crate::subject::{Run, Subject};
use crate::trace::{Fact, Way};

/// The longest diagram, in arrows and notes. Chosen: what people still read.
const STEPS_MAX: usize = 120;

/// Returns a run that watched messages as a diagram, from a moment of virtual time on. Heartbeats are left out.
///
/// # Errors
/// If more happens from then on than people can read.
pub fn mermaid<S: Subject>(subject: &S, run: &Run<S>, from: Duration) -> Result<String, String> {
    let ids = subject.identities(run);
    let mut steps = Vec::new();
    for line in run.trace.lines().iter().filter(|line| line.at >= from) {
        let at = format!("{:.3} s", line.at.as_secs_f64());
        let said = plain(&line.what.to_string());
        steps.push(match &line.what {
            Fact::Message { way: Way::Sent, peer, name: what, .. } if !subject.heartbeats().contains(what) => {
                let Some(to) = ids.iter().position(|id| id.as_deref() == Some(peer)) else { continue };
                format!("{}->>{}: {what}", line.host, name(to))
            }
            Fact::Message { .. } | Fact::Sent { .. } => continue,
            Fact::Called { on, .. } => format!("clients->>{}: {at} {said}", name(*on)),
            Fact::Answered { on, .. } => format!("{}-->>clients: {at} {said}", name(*on)),
            Fact::FaultBegins(fault) | Fact::FaultEnds(fault) => {
                let (one, other) = fault.hosts();
                let over = other.map_or_else(|| name(one), |other| format!("{},{}", name(one), name(other)));
                format!("Note over {over}: {at} {said}")
            }
            Fact::Event(_) | Fact::Note(_) => {
                format!("Note right of {}: {at} {said}", line.host)
            }
        });
    }
    if steps.len() > STEPS_MAX {
        let (from, to) = (from.as_secs_f64(), run.elapsed.as_secs_f64());
        let count = steps.len();
        return Err(format!("{count} things happen from {from:.3} to {to:.3} s, and a diagram shows {STEPS_MAX}"));
    }
    let mut text = "sequenceDiagram\n    participant clients\n".to_owned();
    let hosts = (0..run.plan.nodes).map(|host| format!("participant {}", name(host)));
    for line in hosts.chain(steps) {
        writeln!(text, "    {line}").expect("writing to a String cannot fail");
    }
    if let Some(broken) = &run.broken {
        let last = name(run.plan.nodes - 1);
        writeln!(text, "    Note over clients,{last}: BROKEN {}", plain(&broken.to_string()))
            .expect("writing to a String cannot fail");
    }
    Ok(text)
}

/// Returns a text without what means something to Mermaid.
fn plain(text: &str) -> String {
    text.replace([';', '\n'], ",").replace('#', "")
}
