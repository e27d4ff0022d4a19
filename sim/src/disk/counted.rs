//! Counts the calls on a disk, and says at which of them its host dies.

use super::failing::CallKind;

#[derive(Default)]
pub(super) struct Counted {
    /// By kind, in the order of [`CallKind::ALL`].
    calls: [u64; CallKind::ALL.len()],
    /// The calls at which the host dies: a kind, or all kinds but reads, and a number.
    deadly: Vec<(Option<CallKind>, u64)>,
}

impl Counted {
    pub(super) fn die_at(&mut self, kind: Option<CallKind>, number: u64) {
        self.deadly.push((kind, number));
    }

    pub(super) fn spare(&mut self) {
        self.deadly.clear();
    }

    pub(super) fn calls(&self, kind: Option<CallKind>) -> u64 {
        CallKind::ALL.iter().filter(|one| is_of(kind, **one)).map(|one| self.calls[*one as usize]).sum()
    }

    /// Counts a call, and returns whether the host dies at it.
    pub(super) fn count(&mut self, kind: CallKind) -> bool {
        self.calls[kind as usize] += 1;
        self.deadly.iter().any(|(of, number)| is_of(*of, kind) && self.calls(*of) == *number)
    }
}

/// Whether a call of a kind counts among those of a kind, or of all kinds but reads.
fn is_of(of: Option<CallKind>, kind: CallKind) -> bool {
    of.map_or(kind != CallKind::Read, |of| of == kind)
}
