//! A plan: all that a run depends on, as plain data. A seed names one; a text file holds one.
//!
//! ```text
//! seed 7                              # what the network, the nodes and the power losses draw from
//! nodes 3
//! dial n2 n0                          # the node on n2 dials the one on n0
//! option n1 packed                    # how the node on n1 is started: the words are the subject's
//! at 0.250 n2 store b 1000            # a call on a node: its words are the subject's
//! at 1.000 to 3.000 cut n0 n2         # a fault, from and to a moment of virtual time
//! at 2.000 rot n0 5                   # a fault at one moment
//! at n1 sync 7 for 0.500 kill n1      # a fault at the 7th sync on n1, for half a second
//! lift 10.000                         # all faults end here but a lie that ends later; the rest has to come right
//! ```

mod branch;
mod text;
mod trigger;

use std::collections::BTreeSet;

use crate::fault::Fault;
use crate::host::Host;

pub use text::{PlanError, UnknownWord};
pub use trigger::{Deed, Trigger};

/// A run, before it is run. `O` is a call of the subject under test.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<O> {
    /// What the network, the nodes and the power losses draw from.
    pub seed: u64,
    /// How many hosts there are.
    pub nodes: usize,
    /// Pairs of hosts: the first dials the second.
    pub dials: Vec<(Host, Host)>,
    /// How the programs of hosts are started, beyond what all have in common: a host and a word of the subject.
    pub options: Vec<(Host, String)>,
    /// What happens. The order is that of the times, not that of the steps.
    pub steps: Vec<Step<O>>,
    /// When all faults end, in milliseconds; but a lie or a kill that ends later goes on to the end of the run.
    pub lift_ms: u64,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<O> {
    /// When, in milliseconds of virtual time; 0 for what waits for a trigger.
    pub at_ms: u64,
    /// What happens.
    pub what: Action<O>,
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<O> {
    /// A call on a host.
    Call(Host, O),
    /// A fault, and the moment in milliseconds at which it ends.
    Fault(Fault, u64),
    /// A fault that waits for a trigger, and how long it lasts, in milliseconds; at most until the lift.
    Triggered(Trigger, Fault, u64),
}

impl<O> Action<O> {
    /// Returns the fault, if it is one.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Call(..) => None,
            Self::Fault(fault, _) | Self::Triggered(_, fault, _) => Some(fault),
        }
    }

    /// Returns the hosts that it concerns.
    pub fn hosts(&self) -> impl Iterator<Item = Host> {
        let own = match self {
            Self::Call(host, _) | Self::Triggered(Trigger { host, .. }, ..) => Some(*host),
            Self::Fault(..) => None,
        };
        let of_fault = self.fault().map(Fault::hosts);
        own.into_iter().chain(of_fault.into_iter().flat_map(|(one, other)| [Some(one), other]).flatten())
    }
}

impl<O> Plan<O> {
    /// Returns the calls, in the order of their times.
    #[must_use]
    pub fn calls(&self) -> Vec<(u64, Host, &O)> {
        let mut calls: Vec<_> = self
            .steps
            .iter()
            .filter_map(|step| match &step.what {
                Action::Call(host, call) => Some((step.at_ms, *host, call)),
                Action::Fault(..) | Action::Triggered(..) => None,
            })
            .collect();
        calls.sort_by_key(|(at, ..)| *at);
        calls
    }

    /// Returns how the program of a host is started.
    #[must_use]
    pub fn options_of(&self, host: Host) -> Vec<String> {
        self.options.iter().filter(|(of, _)| *of == host).map(|(_, option)| option.clone()).collect()
    }

    /// Checks that the subject knows all options and lies: the text of a plan alone does not show it.
    ///
    /// # Errors
    /// Names the first word that the subject does not know.
    pub fn check_words(&self, options: &[&str], lies: &[&str]) -> Result<(), UnknownWord> {
        let unknown = |word: &str, is_no: &'static str, known: &[&str]| {
            Err(UnknownWord { word: word.to_owned(), is_no, known: known.join(", ") })
        };
        if let Some((_, option)) = self.options.iter().find(|(_, option)| !options.contains(&option.as_str())) {
            return unknown(option, "option", options);
        }
        for step in &self.steps {
            if let Some(Fault::Lie(_, lie)) = step.what.fault()
                && !lies.contains(&lie.as_str())
            {
                return unknown(lie, "lie", lies);
            }
        }
        Ok(())
    }

    /// Returns all faults.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.steps.iter().filter_map(|step| step.what.fault())
    }

    /// Returns the hosts that are lost for good: they lie to the end of the run, or never come back.
    #[must_use]
    pub fn lost_for_good(&self) -> BTreeSet<Host> {
        self.for_good(|fault| match fault {
            Fault::Lie(host, _) | Fault::Kill(host) => Some(*host),
            _ => None,
        })
    }

    /// Returns the hosts that lie to the end of the run. They may keep others busy all the while; hosts that never come
    /// back do not.
    #[must_use]
    pub fn lying_for_good(&self) -> BTreeSet<Host> {
        self.for_good(|fault| match fault {
            Fault::Lie(host, _) => Some(*host),
            _ => None,
        })
    }

    fn for_good(&self, is_lost: impl Fn(&Fault) -> Option<Host>) -> BTreeSet<Host> {
        let faults = self.timed_faults().into_iter();
        let for_good = faults.filter(|(at, until, _)| *at < self.lift_ms && *until > self.lift_ms);
        for_good.filter_map(|(.., fault)| is_lost(fault)).collect()
    }

    /// Returns the hosts that run their program once all faults have ended.
    #[must_use]
    pub fn hosts_left(&self) -> Vec<Host> {
        let lost = self.lost_for_good();
        (0..self.nodes).filter(|host| !lost.contains(host)).collect()
    }

    /// Returns the faults that wait for a trigger, with how long they last.
    pub fn triggered_faults(&self) -> impl Iterator<Item = (&Trigger, &Fault, u64)> {
        self.steps.iter().filter_map(|step| match &step.what {
            Action::Triggered(trigger, fault, lasting_ms) => Some((trigger, fault, *lasting_ms)),
            Action::Call(..) | Action::Fault(..) => None,
        })
    }

    /// Returns the faults that have a time, with their ends, in the order of their beginnings.
    #[must_use]
    pub fn timed_faults(&self) -> Vec<(u64, u64, &Fault)> {
        let mut faults: Vec<_> = self
            .steps
            .iter()
            .filter_map(|step| match &step.what {
                Action::Fault(fault, until) => Some((step.at_ms, *until, fault)),
                Action::Call(..) | Action::Triggered(..) => None,
            })
            .collect();
        faults.sort_by_key(|(at, ..)| *at);
        faults
    }
}
