//! The list of members in force: which nodes may be peers while the node runs.

use std::cell::RefCell;

use tokio::sync::{Mutex, MutexGuard, Notify};

use crate::crypto::NodeId;
use crate::membership::{Admission, Members};

/// The list of members in force.
#[derive(Default)]
pub(super) struct MembersInForce {
    members: RefCell<Members>,
    changed: Notify,
    changing: Mutex<()>,
}

impl MembersInForce {
    pub(super) fn new(members: Members) -> Self {
        Self { members: RefCell::new(members), ..Self::default() }
    }

    /// Returns a copy of the list.
    pub(super) fn list(&self) -> Members {
        self.members.borrow().clone()
    }

    /// Waits until no other change is under way. No other change begins while the guard lives.
    pub(super) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Replaces the list. The connections of a node that is no longer admitted end when [`tell_all`](Self::tell_all) is
    /// called.
    pub(super) fn replace(&self, members: Members) {
        self.members.replace(members);
    }

    /// Wakes every task that waits for a change of the list.
    pub(super) fn tell_all(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn admission(&self, node: NodeId) -> Admission {
        self.members.borrow().admission(node)
    }

    pub(super) fn admits(&self, node: NodeId) -> bool {
        self.admission(node) == Admission::Admitted
    }

    /// Whether the list names a node.
    pub(super) fn names(&self, node: NodeId) -> bool {
        self.members.borrow().names(node)
    }

    pub(super) fn forgotten(&self) -> Vec<NodeId> {
        self.members.borrow().forgotten().collect()
    }

    /// Waits until something may not be so any more, and is not.
    pub(super) async fn until_not(&self, is_so: impl Fn() -> bool) {
        while is_so() {
            self.changed.notified().await;
        }
    }

    /// Waits until a node is not admitted.
    pub(super) async fn turns_away(&self, node: NodeId) {
        self.until_not(|| self.admits(node)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_seen_when_it_is_told() {
        let (members, is_so) = (MembersInForce::default(), Cell::new(true));
        let mut waiting = Box::pin(members.until_not(|| is_so.get()));
        let second = Duration::from_secs(1);
        assert!(timeout(second, &mut waiting).await.is_err());
        members.tell_all();
        assert!(timeout(second, &mut waiting).await.is_err(), "it is so still");
        is_so.set(false);
        assert!(timeout(second, &mut waiting).await.is_err(), "it was not told");
        members.tell_all();
        assert!(timeout(second, &mut waiting).await.is_ok());
    }
}
