//! Makes the faults of a plan happen, at their times.

mod at_rest;
mod flipped;
mod lasting;
mod network;
mod on_disks;
mod triggered;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use dacapo::seed::{Seed, SeedRng};
use turmoil::Sim;

use super::hosts::Levers;
use crate::disk::SimDisk;
use crate::fault::Fault;
use crate::host::{Host, name};
use crate::network::Times;
use crate::subject::{Scene, Subject};
use crate::trace::Trace;
use flipped::Flipped;
use triggered::Triggered;

/// The stream that is drawn from, of each derived seed. It is part of what a seed means.
const STREAM: u64 = 5;

pub(super) struct Faults<S: Subject> {
    subject: S,
    scene: Scene<S>,
    levers: Vec<Rc<Levers>>,
    times: Times,
    /// What is still to happen, the next last.
    due: Vec<(u64, Act, Fault)>,
    triggered: Triggered<S::Event>,
    lifted: bool,
    /// How many faults cut, or hold, each way.
    cut: BTreeMap<(Host, Host), u32>,
    held: BTreeMap<(Host, Host), u32>,
    /// The pairs of hosts that are far from each other now.
    far: Vec<Fault>,
    /// The pairs of hosts between which segments are lost now.
    lossy: Vec<Fault>,
    /// The faults on disks that have begun and last.
    on_disks: Vec<Fault>,
    /// The copies of whole disks that are still to be put back, each with its fault.
    copies: Vec<(Fault, SimDisk)>,
    /// The files with a flipped bit that are still to be put right, each with its fault.
    flipped: Vec<(Fault, Flipped)>,
    /// The hosts that lie to the end of the run, or never come back.
    for_good: BTreeSet<Host>,
    down: Vec<u32>,
    power: SeedRng,
    errors: u64,
    taken_effect: BTreeMap<String, u64>,
    /// Calls that may have changed a disk before the lift, by host.
    changes: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    End,
    Begin,
}

impl<S: Subject> Faults<S> {
    pub(super) fn new(
        subject: &S,
        scene: &Scene<S>,
        levers: Vec<Rc<Levers>>,
        trace: &Rc<RefCell<Trace<S::Event>>>,
        times: Times,
    ) -> Self {
        let mut due = Vec::new();
        for (at, until, fault) in scene.plan.timed_faults() {
            // A fault that begins after the lift does not happen.
            if at < scene.plan.lift_ms {
                due.push((at, Act::Begin, fault.clone()));
                let is_for_good = matches!(fault, Fault::Lie(..) | Fault::Kill(_)) && until > scene.plan.lift_ms;
                if fault.lasts() && !is_for_good {
                    due.push((until.min(scene.plan.lift_ms).max(at + 1), Act::End, fault.clone()));
                }
            }
        }
        due.reverse();
        due.sort_by_key(|(at, act, _)| (Reverse(*at), Reverse(*act)));
        Self {
            subject: subject.clone(),
            scene: scene.clone(),
            levers,
            times,
            due,
            triggered: Triggered::new(&scene.plan, &scene.disks, trace),
            lifted: false,
            cut: BTreeMap::new(),
            held: BTreeMap::new(),
            far: Vec::new(),
            lossy: Vec::new(),
            on_disks: Vec::new(),
            copies: Vec::new(),
            flipped: Vec::new(),
            for_good: scene.plan.lost_for_good(),
            down: vec![0; scene.plan.nodes],
            power: Seed::from_u64(scene.plan.seed).derive("power", 0).rng(STREAM),
            errors: 0,
            taken_effect: BTreeMap::new(),
            changes: Vec::new(),
        }
    }

    pub(super) fn changes(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn taken_effect(self) -> BTreeMap<String, u64> {
        self.taken_effect
    }

    /// Makes happen what is due.
    pub(super) fn apply(&mut self, sim: &mut Sim<'_>) {
        let now = sim.elapsed();
        while let Some((_, act, fault)) = self.due.pop_if(|(at, ..)| Duration::from_millis(*at) <= now) {
            match act {
                Act::Begin => self.begin(sim, &fault),
                Act::End => self.end(sim, &fault),
            }
        }
        if self.lifted {
            return;
        }
        let lift_ms = self.scene.plan.lift_ms;
        for (fault, lasting_ms) in self.triggered.happened(&self.scene.disks) {
            self.begin(sim, &fault);
            if fault.lasts() {
                let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
                let until = now_ms.saturating_add(lasting_ms).min(lift_ms).max(now_ms + 1);
                self.due.push((until, Act::End, fault));
                self.due.sort_by_key(|(at, act, _)| (Reverse(*at), Reverse(*act)));
            }
        }
        if now >= Duration::from_millis(lift_ms) {
            self.lifted = true;
            self.changes = self.scene.disks.iter().map(|disk| disk.calls(None)).collect();
            self.scene.links.mend_all();
            self.scene.disks.iter().for_each(SimDisk::spare);
        }
    }

    /// Sets the time of day of a host.
    fn jump(&self, host: Host, by_ms: i64) -> bool {
        let clock = &self.levers[host].clock;
        clock.set(clock.get().saturating_add(by_ms));
        true
    }

    fn begin(&mut self, sim: &mut Sim<'_>, fault: &Fault) {
        let has_effect = match fault {
            Fault::Cut(one, other) => self.cut(sim, &[(*one, *other), (*other, *one)], true),
            Fault::CutOneWay(one, other) => self.cut(sim, &[(*one, *other)], true),
            Fault::Hold(one, other) => self.hold(sim, (*one).min(*other), (*one).max(*other), true),
            Fault::Far(one, other, delay) => {
                sim.set_link_latency(name(*one), name(*other), *delay);
                self.far.push(fault.clone());
                true
            }
            Fault::Lossy(one, other, _) => {
                self.lossy.push(fault.clone());
                self.lose_segments(sim, *one, *other);
                true
            }
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
                self.copies.push((fault.clone(), self.copy(*host)));
                self.subject.on_copy(&self.scene.clients, *host);
                true
            }
            Fault::Swap(host, number) => self.swap(*host, *number),
            Fault::Rot(..) | Fault::Zero(..) | Fault::Truncate(..) | Fault::Lose(..) | Fault::Unreadable(..) => {
                self.damage(fault)
            }
            Fault::RotNeeded(host, number) => self.rot_needed(fault, *host, *number),
            Fault::Clock(host, by_ms) => self.jump(*host, *by_ms),
            Fault::Lie(host, lie) => self.subject.lies().contains(&lie.as_str()) && self.lie(sim, *host, Some(lie)),
            Fault::Pause(..)
            | Fault::SlowDisk(..)
            | Fault::DiskErrors(..)
            | Fault::LateErrors(..)
            | Fault::FullDisk(..)
            | Fault::LyingSync(..)
            | Fault::MisdirectedWrites(..) => {
                self.begin_on_disk(fault);
                self.hits_a_file(fault)
            }
        };
        if has_effect {
            self.scene.notes.fault_begins(sim.elapsed(), fault);
            let word = fault.to_string().split(' ').next().unwrap_or_default().to_owned();
            *self.taken_effect.entry(word).or_default() += 1;
        }
    }

    fn end(&mut self, sim: &mut Sim<'_>, fault: &Fault) {
        self.scene.notes.fault_ends(sim.elapsed(), fault);
        match fault {
            Fault::Cut(one, other) => _ = self.cut(sim, &[(*one, *other), (*other, *one)], false),
            Fault::CutOneWay(one, other) => _ = self.cut(sim, &[(*one, *other)], false),
            Fault::Hold(one, other) => _ = self.hold(sim, (*one).min(*other), (*one).max(*other), false),
            Fault::Far(..) => self.come_near(sim, fault),
            Fault::Lossy(one, other, _) => {
                lasting::remove(&mut self.lossy, fault);
                self.lose_segments(sim, *one, *other);
            }
            Fault::Link(one, other, trouble) => self.scene.links.end(*one, *other, *trouble),
            Fault::Kill(host) => self.bring_up(sim, *host, false),
            Fault::PowerLoss(host) => self.bring_up(sim, *host, true),
            Fault::Restore(host) => self.restore(sim, *host, fault),
            Fault::RotNeeded(host, _) => self.put_right(fault, *host),
            // A liar for good goes on.
            Fault::Lie(host, _) => _ = !self.for_good.contains(host) && self.lie(sim, *host, None),
            Fault::Pause(..)
            | Fault::SlowDisk(..)
            | Fault::DiskErrors(..)
            | Fault::LateErrors(..)
            | Fault::FullDisk(..)
            | Fault::LyingSync(..)
            | Fault::MisdirectedWrites(..) => self.end_on_disk(fault),
            // They happened at one moment.
            _ => {}
        }
    }

    fn take_down(&mut self, sim: &mut Sim<'_>, host: Host, loses_power: bool) -> bool {
        if loses_power {
            // A host without power says no goodbye.
            let ways = self.ways_of(host);
            self.cut(sim, &ways, true);
            self.lose_power(host);
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
}
