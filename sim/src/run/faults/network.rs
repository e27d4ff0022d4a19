//! What is done to the network: ways are cut, held and made longer, each by as many faults as there are.

use turmoil::Sim;

use super::Faults;
use super::lasting::remove;
use crate::fault::Fault;
use crate::host::{Host, name};
use crate::links::Trouble;
use crate::subject::Subject;

impl<S: Subject> Faults<S> {
    /// Stalls all links of a paused host: it hears and says nothing.
    pub(super) fn stall_where_paused(&self, fault: &Fault, begins: bool) {
        let Fault::Pause(host) = fault else { return };
        for (from, to) in self.ways_of(*host) {
            let links = &self.scene.links;
            if begins { links.begin(from, to, Trouble::Stall) } else { links.end(from, to, Trouble::Stall) }
        }
    }

    /// Sets the latency between two hosts to what it was, or to what another fault makes it.
    pub(super) fn come_near(&mut self, sim: &Sim<'_>, fault: &Fault) {
        remove(&mut self.far, fault);
        let (one, other) = fault.hosts();
        let other = other.expect("it is about two hosts");
        match self.far.iter().rfind(|far| is_between(far, one, other)) {
            Some(Fault::Far(.., delay)) => sim.set_link_latency(name(one), name(other), *delay),
            _ => {
                sim.set_link_latency(name(one), name(other), self.times.tick);
                sim.set_link_max_message_latency(name(one), name(other), self.times.latency_max);
            }
        }
    }

    /// Sets the share of segments that are lost between two hosts to what the last fault that lasts makes it.
    pub(super) fn lose_segments(&mut self, sim: &mut Sim<'_>, one: Host, other: Host) {
        let per_mille = match self.lossy.iter().rfind(|lossy| is_between(lossy, one, other)) {
            Some(Fault::Lossy(.., per_mille)) => *per_mille,
            _ => 0,
        };
        sim.set_link_fail_rate(name(one), name(other), f64::from(per_mille) / 1000.0);
    }

    /// Cuts ways, or mends those that no other fault cuts.
    pub(super) fn cut(&mut self, sim: &Sim<'_>, ways: &[(Host, Host)], begins: bool) -> bool {
        for way in ways {
            let count = self.cut.entry(*way).or_default();
            *count = if begins { *count + 1 } else { *count - 1 };
            self.refresh(sim, way.0.min(way.1), way.0.max(way.1));
        }
        true
    }

    /// Holds what travels between two hosts, or releases it.
    pub(super) fn hold(&mut self, sim: &Sim<'_>, one: Host, other: Host, begins: bool) -> bool {
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

    pub(super) fn ways_of(&self, host: Host) -> Vec<(Host, Host)> {
        let others = (0..self.scene.plan.nodes).filter(|other| *other != host);
        others.flat_map(|other| [(host, other), (other, host)]).collect()
    }
}

/// Whether a fault concerns these two hosts, in whichever order.
fn is_between(fault: &Fault, one: Host, other: Host) -> bool {
    [(one, Some(other)), (other, Some(one))].contains(&fault.hosts())
}
