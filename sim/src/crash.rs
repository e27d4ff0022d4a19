//! Exhaustive crashes: a plan is run again and again, and each time a host loses its power in the middle of another
//! call on its disk (every state that a crash can leave, as far as one schedule goes: ALICE, Pillai et al., OSDI 2014;
//! CrashMonkey, Mohan et al., OSDI 2018).

use crate::fault::Fault;
use crate::host::Host;
use crate::plan::{Action, Deed, Plan, Step, Trigger};
use crate::run::run;
use crate::subject::{Broken, Subject};
use crate::sweep::{Sweep, Totals, sweep_plans};

/// How a host goes down.
#[derive(Clone, Copy, Debug)]
pub struct Crash {
    /// Whether it loses its power, and with it what was not synced. Otherwise its program is killed.
    pub loses_power: bool,
    /// How long it stays down, in milliseconds.
    pub lasting_ms: u64,
}

/// All crashes of a plan: each call that may change a disk before the lift, of each host.
#[derive(Clone, Debug)]
pub struct Crashes<C> {
    plan: Plan<C>,
    crash: Crash,
    /// Calls that may have changed a disk before the lift, by host.
    calls: Vec<u64>,
}

impl<C: Clone + Send + Sync> Crashes<C> {
    /// Runs the plan, and counts the calls.
    ///
    /// # Errors
    /// If the plan breaks a promise by itself.
    pub fn of<S: Subject<Call = C>>(subject: &S, plan: &Plan<C>, crash: Crash) -> Result<Self, Broken> {
        let run = run(subject, plan);
        let calls = run.changes.clone();
        run.broken.map_or(Ok(Self { plan: plan.clone(), crash, calls }), Err)
    }

    /// Returns how many calls each host makes.
    #[must_use]
    pub fn calls(&self) -> &[u64] {
        &self.calls
    }

    /// Returns the host of a crash, and the number of the call.
    ///
    /// # Panics
    /// If there are not that many crashes.
    #[must_use]
    pub fn place(&self, mut index: u64) -> (Host, u64) {
        for (host, calls) in self.calls.iter().enumerate() {
            match index.checked_sub(*calls) {
                None => return (host, index + 1),
                Some(rest) => index = rest,
            }
        }
        panic!("there are not that many crashes");
    }

    /// Returns the step that is added to the plan for a crash.
    #[must_use]
    pub fn step(&self, index: u64) -> Step<C> {
        let (host, number) = self.place(index);
        let fault = if self.crash.loses_power { Fault::PowerLoss(host) } else { Fault::Kill(host) };
        let trigger = Trigger { host, deed: Deed::Change, number };
        Step { at_ms: 0, what: Action::Triggered(trigger, fault, self.crash.lasting_ms) }
    }

    /// Returns the plan of a crash.
    #[must_use]
    pub fn plan(&self, index: u64) -> Plan<C> {
        let mut plan = self.plan.clone();
        plan.steps.push(self.step(index));
        plan
    }

    /// Runs every crash, on this many threads, and goes on past those that break a promise. The totals name each by its
    /// index.
    pub fn run<S>(&self, subject: &S, jobs: usize, goes_on: impl Fn(&Totals) -> bool + Sync) -> Totals
    where
        S: Subject<Call = C> + Sync,
    {
        let sweep = Sweep::all(0..self.calls.iter().sum(), jobs);
        sweep_plans(subject, &sweep, |index| self.plan(index), goes_on)
    }
}
