//! Makes the faults of a plan happen, at their times.

mod at_rest;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use dacapo::seed::{Seed, SeedRng};
use turmoil::Sim;

use super::hosts::Levers;
use crate::disk::SimDisk;
use crate::fault::Fault;
use crate::host::{Host, name};
use crate::links::Trouble;
use crate::subject::{Scene, Subject};

/// The stream that is drawn from, of each derived seed. It is part of what a seed means.
const STREAM: u64 = 5;

pub(super) struct Faults<S: Subject> {
    subject: S,
    scene: Scene<S>,
    levers: Vec<Rc<Levers>>,
    /// What is still to happen, the next last.
    due: Vec<(u64, Act, Fault)>,
    lifted: bool,
    /// How many faults cut, or hold, each way.
    cut: BTreeMap<(Host, Host), u32>,
    held: BTreeMap<(Host, Host), u32>,
    /// The faults on disks that have begun and last.
    on_disks: Vec<Fault>,
    /// The copies of whole disks that are still to be put back, each with its fault.
    copies: Vec<(Fault, SimDisk)>,
    down: Vec<u32>,
    power: SeedRng,
    errors: u64,
    taken_effect: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    End,
    Begin,
}

impl<S: Subject> Faults<S> {
    pub(super) fn new(subject: &S, scene: &Scene<S>, levers: Vec<Rc<Levers>>) -> Self {
        let mut due = Vec::new();
        for (at, until, fault) in scene.plan.faults() {
            // A fault that begins after the lift does not happen.
            if at < scene.plan.lift_ms {
                due.push((at, Act::Begin, fault.clone()));
                if fault.lasts() {
                    due.push((until.min(scene.plan.lift_ms).max(at + 1), Act::End, fault.clone()));
                }
            }
        }
        due.sort_by_key(|(at, act, _)| (*at, *act));
        due.reverse();
        Self {
            subject: subject.clone(),
            scene: scene.clone(),
            levers,
            due,
            lifted: false,
            cut: BTreeMap::new(),
            held: BTreeMap::new(),
            on_disks: Vec::new(),
            copies: Vec::new(),
            down: vec![0; scene.plan.nodes],
            power: Seed::from_u64(scene.plan.seed).derive("power", 0).rng(STREAM),
            errors: 0,
            taken_effect: BTreeMap::new(),
        }
    }

    pub(super) fn taken_effect(self) -> BTreeMap<String, u64> {
        self.taken_effect
    }

    /// Makes happen what is due.
    pub(super) fn apply(&mut self, sim: &mut Sim<'_>) {
        let now = sim.elapsed();
        while let Some((at, ..)) = self.due.last() {
            if Duration::from_millis(*at) > now {
                return;
            }
            let (_, act, fault) = self.due.pop().expect("there is one");
            match act {
                Act::Begin => self.begin(sim, &fault),
                Act::End => self.end(sim, &fault),
            }
        }
        if !self.lifted && now >= Duration::from_millis(self.scene.plan.lift_ms) {
            self.lifted = true;
            self.scene.links.mend_all();
        }
    }

    fn begin(&mut self, sim: &mut Sim<'_>, fault: &Fault) {
        let has_effect = match fault {
            Fault::Cut(one, other) => self.cut(sim, &[(*one, *other), (*other, *one)], true),
            Fault::CutOneWay(one, other) => self.cut(sim, &[(*one, *other)], true),
            Fault::Hold(one, other) => self.hold(sim, (*one).min(*other), (*one).max(*other), true),
            Fault::Reset(one, other) => {
                self.scene.links.cut_open_connections(*one, *other);
                true
            }
            Fault::Corrupt(one, other) => {
                self.scene.links.corrupt_next(*one, *other);
                true
            }
            Fault::Link(one, other, trouble) => {
                self.scene.links.begin(*one, *other, *trouble);
                true
            }
            Fault::Kill(host) => self.take_down(sim, *host, false),
            Fault::PowerLoss(host) => self.take_down(sim, *host, true),
            Fault::Restore(host) => {
                self.copies.push((fault.clone(), self.scene.disks[*host].copy()));
                self.subject.on_copy(&self.scene.clients, *host);
                true
            }
            Fault::Rot(host, number) => self.rot(*host, *number),
            Fault::Swap(host, number) => self.swap(*host, *number),
            Fault::Clock(host, by_ms) => {
                let clock = &self.levers[*host].clock;
                clock.set(clock.get().saturating_add(*by_ms));
                true
            }
            Fault::Lie(host, lie) => self.subject.lies().contains(&lie.as_str()) && self.lie(sim, *host, Some(lie)),
            Fault::Pause(..) | Fault::SlowDisk(..) | Fault::DiskErrors(..) | Fault::FullDisk(..) => {
                self.on_disks.push(fault.clone());
                self.disk(fault, true);
                self.stall_where_paused(fault, true);
                true
            }
        };
        if has_effect {
            self.scene.notes.note_at(sim.elapsed(), format!("fault: {fault}"));
            let word = fault.to_string().split(' ').next().unwrap_or_default().to_owned();
            *self.taken_effect.entry(word).or_default() += 1;
        }
    }

    fn end(&mut self, sim: &mut Sim<'_>, fault: &Fault) {
        self.scene.notes.note_at(sim.elapsed(), format!("fault ends: {fault}"));
        match fault {
            Fault::Cut(one, other) => _ = self.cut(sim, &[(*one, *other), (*other, *one)], false),
            Fault::CutOneWay(one, other) => _ = self.cut(sim, &[(*one, *other)], false),
            Fault::Hold(one, other) => _ = self.hold(sim, (*one).min(*other), (*one).max(*other), false),
            Fault::Link(one, other, trouble) => self.scene.links.end(*one, *other, *trouble),
            Fault::Kill(host) => self.bring_up(sim, *host, false),
            Fault::PowerLoss(host) => self.bring_up(sim, *host, true),
            Fault::Restore(host) => self.restore(sim, *host, fault),
            Fault::Lie(host, _) => _ = self.lie(sim, *host, None),
            Fault::Pause(..) | Fault::SlowDisk(..) | Fault::DiskErrors(..) | Fault::FullDisk(..) => {
                let index = self.on_disks.iter().position(|found| found == fault).expect("it has begun");
                self.on_disks.remove(index);
                self.disk(fault, false);
                self.stall_where_paused(fault, false);
                // Another fault of its kind goes on.
                if let Some(other) = self.on_disks.iter().rfind(|other| is_same_kind(other, fault)).cloned() {
                    self.disk(&other, true);
                }
            }
            Fault::Reset(..) | Fault::Corrupt(..) | Fault::Rot(..) | Fault::Swap(..) | Fault::Clock(..) => {}
        }
    }

    fn disk(&mut self, fault: &Fault, begins: bool) {
        match fault {
            Fault::Pause(host) => {
                self.scene.disks[*host].set_paused(begins);
            }
            Fault::SlowDisk(host, delay) => self.scene.disks[*host].set_delay(begins.then_some(*delay)),
            Fault::DiskErrors(host, kind, per_mille) => {
                self.errors += 1;
                let rng = Seed::from_u64(self.scene.plan.seed).derive("errors", self.errors).rng(STREAM);
                self.scene.disks[*host].set_errors(*kind, if begins { *per_mille } else { 0 }, rng);
            }
            Fault::FullDisk(host) => self.scene.disks[*host].set_capacity(begins.then_some(0)),
            _ => {}
        }
    }

    /// Stalls all links of a paused host: it hears and says nothing.
    fn stall_where_paused(&self, fault: &Fault, begins: bool) {
        let Fault::Pause(host) = fault else { return };
        for (from, to) in self.ways_of(*host) {
            let links = &self.scene.links;
            if begins { links.begin(from, to, Trouble::Stall) } else { links.end(from, to, Trouble::Stall) }
        }
    }

    /// Cuts ways, or mends those that no other fault cuts.
    fn cut(&mut self, sim: &Sim<'_>, ways: &[(Host, Host)], begins: bool) -> bool {
        for way in ways {
            let count = self.cut.entry(*way).or_default();
            *count = if begins { *count + 1 } else { *count - 1 };
            self.refresh(sim, way.0.min(way.1), way.0.max(way.1));
        }
        true
    }

    /// Holds what travels between two hosts, or releases it.
    fn hold(&mut self, sim: &Sim<'_>, one: Host, other: Host, begins: bool) -> bool {
        let count = self.held.entry((one, other)).or_default();
        *count = if begins { *count + 1 } else { *count - 1 };
        self.refresh(sim, one, other);
        true
    }

    /// Sets both ways between two hosts to what all faults together make of them. A cut is stronger than a hold.
    fn refresh(&self, sim: &Sim<'_>, one: Host, other: Host) {
        let is_held = self.held.get(&(one, other)).is_some_and(|count| *count > 0);
        if is_held {
            sim.hold(name(one), name(other));
        } else {
            sim.release(name(one), name(other));
        }
        for (from, to) in [(one, other), (other, one)] {
            if self.cut.get(&(from, to)).is_some_and(|count| *count > 0) {
                sim.partition_oneway(name(from), name(to));
            } else if !is_held {
                sim.repair_oneway(name(from), name(to));
            }
        }
    }

    fn take_down(&mut self, sim: &mut Sim<'_>, host: Host, loses_power: bool) -> bool {
        if loses_power {
            // A host without power says no goodbye.
            let ways = self.ways_of(host);
            self.cut(sim, &ways, true);
            self.scene.disks[host].power_loss(&mut self.power);
        } else {
            self.scene.disks[host].kill();
        }
        self.down[host] += 1;
        if self.down[host] == 1 {
            sim.crash(name(host));
        }
        true
    }

    fn bring_up(&mut self, sim: &mut Sim<'_>, host: Host, lost_power: bool) {
        if lost_power {
            let ways = self.ways_of(host);
            self.cut(sim, &ways, false);
        }
        self.down[host] -= 1;
        if self.down[host] == 0 {
            sim.bounce(name(host));
        }
    }

    /// Starts the program that lies, or the honest one again. If lies overlap, the last that began counts, and the
    /// end of one is the end of all.
    fn lie(&mut self, sim: &mut Sim<'_>, host: Host, lie: Option<&String>) -> bool {
        if self.levers[host].lie.replace(lie.cloned()).as_ref() != lie {
            self.scene.liars.borrow_mut().insert(host);
            self.take_down(sim, host, false);
            self.bring_up(sim, host, false);
        }
        true
    }

    fn ways_of(&self, host: Host) -> Vec<(Host, Host)> {
        let others = (0..self.scene.plan.nodes).filter(|other| *other != host);
        others.flat_map(|other| [(host, other), (other, host)]).collect()
    }
}

/// Whether two faults set one thing of one disk.
fn is_same_kind(one: &Fault, other: &Fault) -> bool {
    match (one, other) {
        (Fault::DiskErrors(host, kind, _), Fault::DiskErrors(on, of, _)) => (host, kind) == (on, of),
        (Fault::SlowDisk(host, _), Fault::SlowDisk(on, _))
        | (Fault::Pause(host), Fault::Pause(on))
        | (Fault::FullDisk(host), Fault::FullDisk(on)) => host == on,
        _ => false,
    }
}
