//! The faults that wait for what a host does: which of them have waited long enough.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

use crate::disk::SimDisk;
use crate::fault::Fault;
use crate::host::name;
use crate::plan::{Deed, Plan, Trigger};
use crate::trace::{Fact, Line, Trace};

pub(super) struct Triggered<E> {
    waiting: Vec<Waiting>,
    trace: Rc<RefCell<Trace<E>>>,
    /// How many lines of the trace were looked at.
    lines: usize,
}

struct Waiting {
    trigger: Trigger,
    fault: Fault,
    lasting_ms: u64,
    /// How many deeds were seen in the trace.
    seen: u64,
}

impl<E: Display> Triggered<E> {
    /// Takes the faults of a plan. A host that is to die at a call of its own disk is told so now: it dies at the call
    /// itself, and the other faults happen at the next step of the simulation.
    pub(super) fn new<O>(plan: &Plan<O>, disks: &[SimDisk], trace: &Rc<RefCell<Trace<E>>>) -> Self {
        let of_plan = plan.triggered_faults().map(|(trigger, fault, lasting_ms)| {
            let dies = matches!(fault, Fault::Kill(host) | Fault::PowerLoss(host) if *host == trigger.host);
            match trigger.deed {
                Deed::Change if dies => disks[trigger.host].die_at(None, trigger.number),
                Deed::Call(kind) if dies => disks[trigger.host].die_at(Some(kind), trigger.number),
                _ => {}
            }
            Waiting { trigger: trigger.clone(), fault: fault.clone(), lasting_ms, seen: 0 }
        });
        Self { waiting: of_plan.collect(), trace: trace.clone(), lines: 0 }
    }

    /// Returns the faults whose trigger has happened, with how long they last, and waits for them no more.
    pub(super) fn happened(&mut self, disks: &[SimDisk]) -> Vec<(Fault, u64)> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let trace = self.trace.borrow();
        for line in &trace.lines()[self.lines..] {
            self.waiting.iter_mut().filter(|waiting| waiting.trigger.is_seen_in(line)).for_each(|one| one.seen += 1);
        }
        self.lines = trace.lines().len();
        let happened = self.waiting.extract_if(.., |waiting| waiting.count(disks) >= waiting.trigger.number);
        happened.map(|waiting| (waiting.fault, waiting.lasting_ms)).collect()
    }
}

impl Waiting {
    fn count(&self, disks: &[SimDisk]) -> u64 {
        match self.trigger.deed {
            Deed::Change => disks[self.trigger.host].calls(None),
            Deed::Call(kind) => disks[self.trigger.host].calls(Some(kind)),
            Deed::Sent | Deed::Event(_) => self.seen,
        }
    }
}

impl Trigger {
    /// Whether a line of the trace is what is waited for.
    fn is_seen_in<E: Display>(&self, line: &Line<E>) -> bool {
        // Only the lines of the host are put into words.
        *line.host == name(self.host)
            && match (&self.deed, &line.what) {
                (Deed::Sent, Fact::Sent { .. }) => true,
                (Deed::Event(words), Fact::Event(event)) => event.to_string().contains(words.as_str()),
                _ => false,
            }
    }
}
