//! Who may be a peer of this node while it runs. A change is durable before it is in force, and in force at once: every
//! connection of a peer that is not admitted any more ends at its next wait.

use std::cell::RefCell;

use tokio::sync::{Mutex, Notify};

use super::Shared;
use super::handle::errors::MemberError;
use crate::crypto::NodeId;
use crate::event::Event;
use crate::membership::{Admission, MemberChange, Members};
use crate::platform::Platform;

/// The list of members in force.
#[derive(Default)]
pub(super) struct Membership {
    members: RefCell<Members>,
    changed: Notify,
    changing: Mutex<()>,
}

impl Membership {
    pub(super) fn new(members: Members) -> Self {
        Self { members: RefCell::new(members), ..Self::default() }
    }

    pub(super) fn admission(&self, node: NodeId) -> Admission {
        self.members.borrow().admission(node)
    }

    pub(super) fn admits(&self, node: NodeId) -> bool {
        self.admission(node) == Admission::Admitted
    }

    pub(super) fn forgotten(&self) -> Vec<NodeId> {
        self.members.borrow().forgotten().collect()
    }

    /// Waits until a node is not admitted.
    pub(super) async fn turns_away(&self, node: NodeId) {
        while self.admits(node) {
            self.changed.notified().await;
        }
    }

    /// Runs work that is given up when the node that it is about is not admitted any more.
    pub(super) async fn unless_turned_away<T>(&self, node: NodeId, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.turns_away(node) => None,
            done = work => Some(done),
        }
    }
}

/// Makes a change. A lock lets those in who are peers, or were a short time ago.
pub(super) async fn change<P: Platform>(inner: &Shared<P>, change: MemberChange) -> Result<(), MemberError> {
    let _changing = inner.membership.changing.lock().await;
    let mut members = inner.membership.members.borrow().clone();
    if change == MemberChange::Lock {
        // Also those who were connected until a short time ago.
        for peer in inner.peers.members().into_iter().filter(|peer| inner.membership.admits(*peer)) {
            members.change(MemberChange::Allow(peer))?;
        }
    }
    members.change(change)?;
    let (saved, disk) = (members.clone(), inner.platform.disk().clone());
    inner.offload(move || saved.save(&disk)).await?;
    inner.membership.members.replace(members);
    inner.peers.drop_all_but(|node| inner.membership.admits(node));
    inner.tell(&Event::MembersChanged { change });
    inner.membership.changed.notify_waiters();
    Ok(())
}
