//! What is noted while a run goes on.

use super::{Broken, Damage, Scene, Subject};
use crate::host::{Host, name};

impl<S: Subject> Scene<S> {
    /// Notes a broken promise. The run ends at the first one.
    pub fn note_broken(&self, broken: Broken) {
        self.broken.borrow_mut().push(broken);
    }

    /// Notes that a file was damaged.
    pub(crate) fn note_damage(&self, subject: &S, host: Host, path: String) {
        subject.on_damage(&self.clients, host, &path);
        self.damage.borrow_mut().push(Damage { host, path });
    }

    /// Notes that one damaged file is as it was before, or another one.
    pub(crate) fn note_put_right(&self, host: Host, path: &str) {
        let mut damage = self.damage.borrow_mut();
        let index = damage.iter().position(|found| found.host == host && found.path == path);
        index.map(|index| damage.swap_remove(index));
    }

    /// Notes the files in which writes have landed in another place. Call it before something is judged by the damage.
    pub fn note_misdirected(&self, subject: &S) {
        for (host, disk) in self.disks.iter().enumerate() {
            for path in disk.take_misdirected() {
                self.notes.note(format!("a write of {} has landed in another place of {path}", name(host)));
                self.note_damage(subject, host, path);
            }
        }
    }

    /// Notes a panic, if there was one.
    pub(crate) fn note_panic(&self, panic: Option<String>) {
        self.broken.borrow_mut().extend(panic.map(|what| Broken::new("live", what)));
    }
}

impl<S: Subject> Clone for Scene<S> {
    fn clone(&self) -> Self {
        Self {
            clients: self.clients.clone(),
            plan: self.plan.clone(),
            disks: self.disks.clone(),
            damage: self.damage.clone(),
            liars: self.liars.clone(),
            notes: self.notes.clone(),
            broken: self.broken.clone(),
            links: self.links.clone(),
            boots: self.boots.clone(),
            lacks: self.lacks.clone(),
            longer: self.longer.clone(),
        }
    }
}
