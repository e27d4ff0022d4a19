//! What disks do while a fault lasts.

use dacapo::seed::{Seed, SeedRng};

use super::lasting::{is_same_kind, remove};
use super::{Faults, STREAM};
use crate::fault::Fault;
use crate::subject::Subject;

impl<S: Subject> Faults<S> {
    pub(super) fn begin_on_disk(&mut self, fault: &Fault) {
        self.on_disks.push(fault.clone());
        self.disk(fault, true);
        self.stall_where_paused(fault, true);
    }

    /// Whether a fault hits anything, if it hits only files that a program can live without.
    pub(super) fn hits_a_file(&self, fault: &Fault) -> bool {
        !matches!(fault, Fault::MisdirectedWrites(host, _) if self.files(*host).is_empty())
    }

    pub(super) fn end_on_disk(&mut self, fault: &Fault) {
        remove(&mut self.on_disks, fault);
        self.disk(fault, false);
        self.stall_where_paused(fault, false);
        // Another fault of its kind goes on.
        if let Some(other) = self.on_disks.iter().rfind(|other| is_same_kind(other, fault)).cloned() {
            self.disk(&other, true);
        }
    }

    fn disk(&mut self, fault: &Fault, begins: bool) {
        match fault {
            Fault::Pause(host) => {
                self.scene.disks[*host].set_paused(begins);
            }
            Fault::SlowDisk(host, delay) => self.scene.disks[*host].set_delay(begins.then_some(*delay)),
            Fault::DiskErrors(host, kind, per_mille) | Fault::LateErrors(host, kind, per_mille) => {
                let rng = self.next_rng("errors");
                let (disk, per_mille) = (&self.scene.disks[*host], if begins { *per_mille } else { 0 });
                match fault {
                    Fault::DiskErrors(..) => disk.set_errors(*kind, per_mille, rng),
                    _ => disk.set_late_errors(*kind, per_mille, rng),
                }
            }
            Fault::FullDisk(host) => self.scene.disks[*host].set_capacity(begins.then_some(0)),
            Fault::LyingSync(host) => self.scene.disks[*host].set_lying(begins),
            Fault::MisdirectedWrites(host, per_mille) => {
                let rng = self.next_rng("misdirected");
                let paths: Vec<_> = self.files(*host).into_iter().map(|(path, _)| path).collect();
                self.scene.disks[*host].set_misdirected(&paths, if begins { *per_mille } else { 0 }, rng);
            }
            _ => {}
        }
    }

    /// Returns what chooses the calls that one fault hits.
    fn next_rng(&mut self, part: &str) -> SeedRng {
        self.errors += 1;
        Seed::from_u64(self.scene.plan.seed).derive(part, self.errors).rng(STREAM)
    }
}
