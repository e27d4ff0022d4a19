//! Which hosts and disks can be believed.

use std::time::Duration;

use crate::fault::Fault;
use crate::host::Host;
use crate::platform::elapsed;
use crate::store::files::Files;
use crate::subject::Scene;

/// Whether what is on the disk of a host is what its node has left there: nothing on it was damaged or put back, no
/// sync has lied, and no liar has used it.
pub(in crate::store) fn is_as_left(scene: &Scene<Files>, host: Host) -> bool {
    let is_damaged = scene.damage.borrow().iter().any(|found| found.host == host);
    let has_lied = scene.disks[host].has_lied();
    !is_damaged && !has_lied && has_its_word(scene, host) && !scene.clients.was_restored(host)
}

/// Whether all that was said in the name of a host's node was said by that node: it has not given way to a liar, and
/// has no twin.
pub(in crate::store) fn has_its_word(scene: &Scene<Files>, host: Host) -> bool {
    !scene.liars.borrow().contains(&host) && !scene.clients.has_twin(host)
}

/// Whether the disk of a host does nothing wrong in the whole plan.
#[must_use]
pub fn is_faultless(scene: &Scene<Files>, host: Host) -> bool {
    !scene.plan.faults().any(|fault| fault.faulty_disk() == Some(host))
}

/// For how long a disk has to do what it is told before its host is believed again: the next tick ends a fault, and the
/// one after it what began in the fault.
const AFTER_A_FAULT: Duration = Duration::from_millis(100);

/// Whether the disk of a host does what it is told from shortly before this moment up to now, and what is on it is what
/// its node has left there. Calls that failed earlier take nothing back that was acknowledged.
#[must_use]
pub fn is_sound_since(scene: &Scene<Files>, host: Host, since: Duration) -> bool {
    is_as_left(scene, host) && is_obedient_since(scene, host, since, Fault::only_fails_calls)
}

/// Whether what a host's node has done, and what was done to its disk before this moment, is all that has happened to
/// the disk: nothing was damaged since, and it does what it is told.
pub(in crate::store) fn is_left_alone_since(scene: &Scene<Files>, host: Host, since: Duration) -> bool {
    has_its_word(scene, host) && !scene.clients.was_restored(host) && is_obedient_since(scene, host, since, |_| true)
}

/// Whether the disk of a host has been full since a moment.
pub(in crate::store) fn is_full_since(scene: &Scene<Files>, host: Host, since: Duration) -> bool {
    let is_full = |(at_ms, until_ms, fault): (u64, u64, &Fault)| {
        let end = Duration::from_millis(until_ms.min(scene.plan.lift_ms));
        let is_its = matches!(fault, Fault::FullDisk(of) if *of == host);
        is_its && Duration::from_millis(at_ms) + AFTER_A_FAULT <= since && elapsed() <= end
    };
    !scene.clients.was_restored(host) && scene.plan.timed_faults().into_iter().any(is_full)
}

/// Whether the faults of a disk that count are over since shortly before this moment, and it has no others.
fn is_obedient_since(scene: &Scene<Files>, host: Host, since: Duration, counts: impl Fn(&Fault) -> bool) -> bool {
    let is_of_disk = |fault: &Fault| fault.faulty_disk() == Some(host);
    let is_over = |(at_ms, until_ms, fault): (u64, u64, &Fault)| {
        let end = Duration::from_millis(until_ms.min(scene.plan.lift_ms));
        Duration::from_millis(at_ms) > elapsed() || (counts(fault) && end + AFTER_A_FAULT <= since)
    };
    scene.plan.timed_faults().into_iter().filter(|(.., fault)| is_of_disk(fault)).all(is_over)
        && !scene.plan.triggered_faults().any(|(_, fault, _)| is_of_disk(fault))
}
