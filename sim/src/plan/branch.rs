//! Branches of a plan: up to a moment all happens as in the plan, and from then on as in another one.

use super::{Action, Plan, Step};

impl<C: Clone> Plan<C> {
    /// Returns a plan that goes on from a moment as another one does, as far as the hosts of that are in this one.
    /// Until then its run is the run of this plan, to the byte: what it draws from, its options and what waits for a
    /// trigger stay. What goes on in the other plan at that moment is not taken.
    #[must_use]
    pub fn branch(&self, other: &Self, at_ms: u64) -> Self {
        let mut branch = self.clone();
        branch.steps.retain(|step| step.at_ms < at_ms || matches!(step.what, Action::Triggered(..)));
        let later = other.steps.iter().filter(|step| step.at_ms >= at_ms);
        branch.steps.extend(later.filter_map(|step| self.translate(step, other)));
        branch
    }

    /// Returns a step of another plan as it is in this one, if this one has its hosts. What ends before the lift or
    /// with it does so here too; what is for good there is for good here.
    #[must_use]
    pub fn translate(&self, step: &Step<C>, from: &Self) -> Option<Step<C>> {
        let mut step = step.clone();
        if let Action::Fault(_, until) = &mut step.what
            && *until <= from.lift_ms
        {
            *until = (*until).min(self.lift_ms).max(step.at_ms);
        }
        let has_hosts = step.what.hosts().all(|host| host < self.nodes);
        has_hosts.then_some(step)
    }
}
