//! Promise 7: without the cluster secret no peer gets past the handshake, and only its owner stores or gets in a
//! namespace. Nobody says that an identity runs twice if none does, that a peer is where it is not, or that it lists
//! what it does not have if it is honest and nothing harms what is on its disk. Sources: what the liars of a run were
//! answered, and events.
//!
//! Cannot see: what liars do not try, and the answers to a liar that has the keys of another.

use dacapo::event::Event;

use crate::fault::Fault;
use crate::host::{Host, ip, name};
use crate::store::files::Files;
use crate::subject::Run;
use crate::trace::Fact;

/// Judges a run.
///
/// # Errors
/// Returns the first answer that the liar must not have got.
pub fn judge(run: &Run<Files>) -> Result<(), String> {
    let has_twins = (0..run.plan.nodes).any(|host| run.clients.has_twin(host));
    let is_alarm = |event: &Event| matches!(event, Event::PeerRunsTwice { .. } | Event::RunsTwice { .. }) && !has_twins;
    let alarm = run.trace.lines().iter().find_map(|line| match &line.what {
        Fact::Event(event) if is_alarm(event) => Some(event.to_string()),
        _ => None,
    });
    run.clients.trespass().or(alarm).or_else(|| found_elsewhere(run)).or_else(|| accused(run)).map_or(Ok(()), Err)
}

/// Returns the first peer that was said to list what it does not have, though it is as it should be, or none.
fn accused(run: &Run<Files>) -> Option<String> {
    let is_honest = |host: Host| {
        let harms = |fault: &Fault| fault.faulty_disk() == Some(host) && !fault.only_fails_calls();
        !run.plan.faults().any(harms) && !run.liars.contains(&host) && !run.clients.has_twin(host)
    };
    run.trace.lines().iter().find_map(|line| match &line.what {
        Fact::Event(event @ Event::RepairFailed { peer, reason })
            if [Event::UNPROVEN, Event::UNLIKE].contains(&reason.as_str()) =>
        {
            let at = run.clients.host(*peer).filter(|at| is_honest(*at))?;
            Some(format!("{} {event}, which is honest: n{at}", line.host))
        }
        _ => None,
    })
}

/// Returns the first peer that was found where another node runs, or none.
fn found_elsewhere(run: &Run<Files>) -> Option<String> {
    run.trace.lines().iter().find_map(|line| match &line.what {
        Fact::Event(event @ Event::PeerFound { peer, address, .. }) => {
            let at = run.clients.host(*peer).filter(|at| !run.clients.has_twin(*at))?;
            let is_there = [name(at), ip(at)].iter().any(|host| host == address.host());
            (!is_there).then(|| format!("{} {event}, which runs on n{at}", line.host))
        }
        _ => None,
    })
}
