//! What is done to the disks of hosts at rest: bits flip, files change places, whole disks are put back.

use dacapo::disk::EntryKind;
use turmoil::Sim;

use super::Faults;
use crate::fault::Fault;
use crate::host::Host;
use crate::subject::{Damage, Subject};

impl<S: Subject> Faults<S> {
    /// Puts a copy of the whole disk of a host in its place, and starts the program on it.
    pub(super) fn restore(&mut self, sim: &mut Sim<'_>, host: Host, fault: &Fault) {
        let index = self.copies.iter().position(|(found, _)| found == fault).expect("it has begun");
        let (_, copy) = self.copies.remove(index);
        self.take_down(sim, host, false);
        self.scene.disks[host].restore(&copy);
        self.subject.on_restore(&self.scene.clients, host);
        self.bring_up(sim, host, false);
    }

    fn files(&self, host: Host) -> Vec<(String, u64)> {
        let tree = self.scene.disks[host].tree();
        let files = tree
            .into_iter()
            .filter(|(path, kind, len)| *kind == EntryKind::File && *len > 0 && self.subject.may_rot(path));
        files.map(|(path, _, len)| (path, len)).collect()
    }

    pub(super) fn rot(&mut self, host: Host, number: u32) -> bool {
        let files = self.files(host);
        let Some((path, len)) = pick(&files, number) else { return false };
        self.scene.disks[host].corrupt(path, u64::from(number) % len).expect("the byte is in the file");
        self.scene.damage.borrow_mut().push(Damage { host, path: path.clone() });
        true
    }

    pub(super) fn swap(&mut self, host: Host, number: u32) -> bool {
        let mut files = self.files(host);
        let Some((one, _)) = pick(&files, number).cloned() else { return false };
        // Both files lie below one directory of the root: what may lie in the clear stays apart from what may not.
        files.retain(|(path, _)| path.split('/').next() == one.split('/').next());
        let Some((other, _)) = pick(&files, number / 7 + 1).cloned() else { return false };
        if one == other {
            return false;
        }
        self.scene.disks[host].swap(&one, &other).expect("both are files");
        for path in [one, other] {
            self.scene.damage.borrow_mut().push(Damage { host, path });
        }
        true
    }
}

fn pick<T>(items: &[T], number: u32) -> Option<&T> {
    let index = usize::try_from(number).unwrap_or(0);
    if items.is_empty() { None } else { items.get(index % items.len()) }
}
