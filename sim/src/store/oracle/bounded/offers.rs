//! Promise 8 for a peer whose quota is full: it is not offered again at once what it has just refused. Source: what the
//! node of the owner and that of the peer tell.
//!
//! Cannot see: repairs while there are faults, and those before and after which anything has changed on either host.

use dacapo::event::Event;
use dacapo::limits::REPAIR_RETRY_MAX;
use dacapo::node::Quota;

use crate::host::Host;
use crate::platform::elapsed;
use crate::store::files::Files;
use crate::store::options::quota;
use crate::store::oracle::trust::{has_its_word, is_faultless};
use crate::subject::Scene;

/// Judges what the node of a host has just told, before it is noted.
///
/// # Errors
/// If a repair has offered a peer what its quota has no room for, as the one before it did a moment ago, and neither
/// host has told of anything since.
pub fn judge(scene: &Scene<Files>, host: Host, event: &Event) -> Result<(), String> {
    let Event::PeerRepaired { peer, sent: 0, learnt: 0, released: 0, .. } = event else { return Ok(()) };
    let Some(at) = scene.clients.host(*peer).filter(|at| is_calm(scene, host, *at)) else { return Ok(()) };
    let now = elapsed();
    let before = scene.clients.noticed.borrow_mut().note_refused((host, at), now);
    match before.map(|before| now.saturating_sub(before)) {
        Some(since) if since < REPAIR_RETRY_MAX => Err(format!(
            "n{host} has offered n{at} what it has no room for {} ms after it did so before",
            since.as_millis()
        )),
        _ => Ok(()),
    }
}

/// Whether nothing but the quota of a peer can have kept it from taking what it was offered.
fn is_calm(scene: &Scene<Files>, host: Host, at: Host) -> bool {
    let quota = quota(&scene.clients.options_now(&scene.plan, at));
    let is_lifted = elapsed().as_millis() >= u128::from(scene.plan.lift_ms);
    let is_honest = |host| has_its_word(scene, host) && is_faultless(scene, host);
    quota != Quota::default()
        && is_honest(host)
        && is_honest(at)
        && scene.plan.lost_for_good().is_empty()
        && (is_lifted || scene.plan.faults().next().is_none())
}
