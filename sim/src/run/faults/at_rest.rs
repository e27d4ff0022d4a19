//! What is done to the disks of hosts at rest: bits flip, files change places, whole disks are put back.

use dacapo::disk::EntryKind;
use dacapo::seed::{Rng, Seed};
use turmoil::Sim;

use super::flipped::Flipped;
use super::{Faults, STREAM};
use crate::disk::SimDisk;
use crate::fault::Fault;
use crate::host::Host;
use crate::subject::Subject;

impl<S: Subject> Faults<S> {
    /// Flips a bit of a file that the program cannot live without.
    pub(super) fn rot_needed(&mut self, fault: &Fault, host: Host, number: u32) -> bool {
        let files = self.files_where(host, |path| self.subject.needs(path) && !self.is_flipped(host, path));
        let Some((path, byte_position, bit)) = aim(&files, number) else { return false };
        let disk = &self.scene.disks[host];
        disk.flip(&path, byte_position, bit).expect("the file is there, and the byte is in it");
        let after = disk.read(&path).expect("the file is there");
        self.note(host, path.clone());
        self.flipped.push((fault.clone(), Flipped { path, byte_position, bit, after }));
        true
    }

    fn is_flipped(&self, host: Host, path: &str) -> bool {
        self.flipped.iter().any(|(fault, flipped)| fault.hosts().0 == host && flipped.path == path)
    }

    /// Puts the file of a fault right that has ended.
    pub(super) fn put_right(&mut self, fault: &Fault, host: Host) {
        let Some(index) = self.flipped.iter().position(|(found, _)| found == fault) else { return };
        let (_, flipped) = self.flipped.remove(index);
        flipped.put_right(&self.scene.disks[host]);
        self.scene.note_put_right(host, &flipped.path);
    }

    /// Returns a copy of the whole disk of a host, without the flipped bits that are to be put right.
    pub(super) fn copy(&self, host: Host) -> SimDisk {
        let copy = self.scene.disks[host].copy();
        for (_, flipped) in self.flipped.iter().filter(|(fault, _)| fault.hosts().0 == host) {
            flipped.put_right(&copy);
        }
        copy
    }

    /// Puts a copy of the whole disk of a host in its place, and starts the program on it.
    pub(super) fn restore(&mut self, sim: &mut Sim<'_>, host: Host, fault: &Fault) {
        let index = self.copies.iter().position(|(found, _)| found == fault).expect("it has begun");
        let (_, copy) = self.copies.remove(index);
        self.take_down(sim, host, false);
        self.scene.disks[host].restore(&copy);
        self.subject.on_restore(&self.scene.clients, host, &self.scene.disks[host]);
        self.bring_up(sim, host, false);
    }

    /// Takes back what the disk of a host has not made durable. If its syncs have lied, that is damage: any file may be
    /// as it was at an earlier time. What a program cannot live without is as durable as the program was told.
    pub(super) fn lose_power(&mut self, host: Host) {
        let disk = &self.scene.disks[host];
        self.subject.on_power_loss(&self.scene.clients, host);
        if !disk.has_lied() {
            disk.power_loss(&mut self.power);
            return;
        }
        let is_needed = |path: &str| !path.contains('/') && !self.subject.may_rot(path);
        disk.make_durable(is_needed);
        let files = disk.tree().into_iter().filter(|(path, kind, _)| *kind == EntryKind::File && !is_needed(path));
        disk.power_loss(&mut self.power);
        files.for_each(|(path, ..)| self.note(host, path));
        self.subject.on_restore(&self.scene.clients, host, disk);
    }

    pub(super) fn files(&self, host: Host) -> Vec<(String, u64)> {
        self.files_where(host, |path| self.subject.may_rot(path))
    }

    fn files_where(&self, host: Host, is_meant: impl Fn(&str) -> bool) -> Vec<(String, u64)> {
        let tree = self.scene.disks[host].tree().into_iter();
        let files = tree.filter(|(path, kind, len)| *kind == EntryKind::File && *len > 0 && is_meant(path));
        files.map(|(path, _, len)| (path, len)).collect()
    }

    /// Damages a file; the number of the fault decides which one, and where.
    pub(super) fn damage(&mut self, fault: &Fault) -> bool {
        let (Fault::Rot(host, number)
        | Fault::Zero(host, number)
        | Fault::Truncate(host, number)
        | Fault::Lose(host, number)
        | Fault::Unreadable(host, number)) = fault
        else {
            return false;
        };
        let mut files = self.files(*host);
        if matches!(fault, Fault::Unreadable(..)) {
            // Without a file of the root the program cannot go on, and says so.
            files.retain(|(path, _)| path.contains('/'));
        }
        let Some((path, byte_position, bit)) = aim(&files, *number) else { return false };
        let disk = &self.scene.disks[*host];
        let done = match fault {
            Fault::Zero(..) => disk.zero(&path, byte_position),
            Fault::Truncate(..) => disk.truncate(&path, byte_position),
            Fault::Lose(..) => disk.lose(&path),
            Fault::Unreadable(..) => disk.lose_sector(&path, byte_position),
            _ => disk.flip(&path, byte_position, bit),
        };
        done.expect("the file is there, and the byte is in it");
        self.note(*host, path);
        true
    }

    pub(super) fn swap(&mut self, host: Host, number: u32) -> bool {
        // Both files lie below one directory of the root: what may lie in the clear stays apart from what may not.
        let files = self.files(host);
        let is_beside = |one: &str, other: &str| one != other && top(one) == top(other);
        let paired = files.iter().filter(|(one, _)| files.iter().any(|(other, _)| is_beside(one, other)));
        let Some((one, _)) = pick(&paired.collect::<Vec<_>>(), number).copied().cloned() else { return false };
        let others: Vec<_> = files.iter().filter(|(other, _)| is_beside(&one, other)).collect();
        let Some((other, _)) = pick(&others, number / 7 + 1).copied().cloned() else { return false };
        self.scene.disks[host].swap(&one, &other).expect("both are files");
        self.note(host, one);
        self.note(host, other);
        true
    }

    fn note(&self, host: Host, path: String) {
        self.scene.note_damage(&self.subject, host, path);
    }
}

/// Returns the directory of the root in which a file lies.
fn top(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

/// Returns the file, the byte and the bit that the number of a fault chooses.
fn aim(files: &[(String, u64)], number: u32) -> Option<(String, u64, u8)> {
    let mut rng = Seed::from_u64(u64::from(number)).derive("damage", 0).rng(STREAM);
    let (path, len) = pick(files, rng.next_u32())?;
    Some((path.clone(), rng.next_u64() % len, u8::try_from(rng.next_u32() % 8).expect("below 8")))
}

fn pick<T>(items: &[T], number: u32) -> Option<&T> {
    let index = usize::try_from(number).unwrap_or(0);
    if items.is_empty() { None } else { items.get(index % items.len()) }
}
