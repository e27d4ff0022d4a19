//! What faults do to a disk while they last.

use std::time::Duration;

use dacapo::seed::SeedRng;

use super::content::{self, SharedContent};
use super::failing::{CallKind, Moment};
use super::tree::Node;
use super::{SimDisk, segments};

impl SimDisk {
    /// Bounds the content of all files together, counted in pages of 4 KiB that are not holes. A write that
    /// needs more fails with `StorageFull` after the part that fits.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Makes each [`run`](dacapo::disk::Disk::run) take this long, half of it before the work and half after: a caller
    /// that gives up finds it done or not done.
    pub fn set_delay(&self, delay: Option<Duration>) {
        self.state().delay = delay;
    }

    /// Holds up every [`run`](dacapo::disk::Disk::run), or lets them go on.
    pub fn set_paused(&self, paused: bool) {
        self.state().paused = paused;
    }

    /// Makes syncs succeed without effect, or honest again.
    pub fn set_lying(&self, lying: bool) {
        self.state().lying = lying;
    }

    /// Makes `per_mille` of a thousand calls of a kind fail without effect, as `rng` chooses; 0 ends the errors.
    pub fn set_errors(&self, kind: CallKind, per_mille: u32, rng: SeedRng) {
        self.state().failing.set(kind, Moment::Before, per_mille, rng);
    }

    /// Makes `per_mille` of a thousand calls of a kind fail after they have taken effect, as `rng` chooses; 0 ends the
    /// errors.
    pub fn set_late_errors(&self, kind: CallKind, per_mille: u32, rng: SeedRng) {
        self.state().failing.set(kind, Moment::After, per_mille, rng);
    }

    /// Does to a file what a sync that fails does, if the host is alive.
    pub(super) fn fail_sync(&self, file: &SharedContent) {
        let mut state = self.state();
        if state.life == self.life
            && let Some(rng) = state.failing.rng(CallKind::Sync)
        {
            content::lock(file).fail_sync(rng);
        }
    }

    /// Makes `per_mille` of a thousand writes to these files land as many of their own lengths before or behind where
    /// they belong, but within the file, as `rng` chooses; 0 ends that.
    pub fn set_misdirected(&self, paths: &[String], per_mille: u32, rng: SeedRng) {
        let mut state = self.state();
        let found = paths.iter().filter_map(|path| match state.tree.find(segments(path)) {
            Ok(Node::File(content)) => Some((path.clone(), content)),
            _ => None,
        });
        state.misdirected.files = found.collect();
        state.misdirected.share = (per_mille > 0).then_some((per_mille, rng));
    }

    /// Returns the paths of the files in which writes have gone to another place since the last call.
    #[must_use]
    pub fn take_misdirected(&self) -> Vec<String> {
        std::mem::take(&mut self.state().misdirected.hit)
    }
}
