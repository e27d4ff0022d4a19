//! Faults that have begun and last.

use crate::fault::Fault;

/// Takes a fault that has begun away from those that last.
pub(super) fn remove(lasting: &mut Vec<Fault>, fault: &Fault) {
    let index = lasting.iter().position(|found| found == fault).expect("it has begun");
    lasting.remove(index);
}

/// Whether two faults set one thing of one disk.
pub(super) fn is_same_kind(one: &Fault, other: &Fault) -> bool {
    match (one, other) {
        (Fault::DiskErrors(host, kind, _), Fault::DiskErrors(on, of, _))
        | (Fault::LateErrors(host, kind, _), Fault::LateErrors(on, of, _)) => (host, kind) == (on, of),
        (Fault::SlowDisk(host, _), Fault::SlowDisk(on, _))
        | (Fault::Pause(host), Fault::Pause(on))
        | (Fault::FullDisk(host), Fault::FullDisk(on))
        | (Fault::LyingSync(host), Fault::LyingSync(on))
        | (Fault::MisdirectedWrites(host, _), Fault::MisdirectedWrites(on, _)) => host == on,
        _ => false,
    }
}
