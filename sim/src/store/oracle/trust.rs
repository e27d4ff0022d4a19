//! Which hosts and disks can be believed.

use crate::host::Host;
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
