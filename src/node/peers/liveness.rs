//! What the control connections of a peer show of the nodes behind them. Two that are alive side by side and belong to
//! different starts are two nodes with one identity: a copied data directory, or a restored one beside the original.

use std::cell::Cell;

use tokio::time::Instant;

use crate::protocol::BootId;
use crate::transport::Address;

/// How a control connection has come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::node) enum Way {
    /// This node was told to dial this address.
    Configured(Address),
    /// Another peer, or the memory of this node, said that the peer is at this address.
    Found(Address),
    /// The peer has dialled from this address.
    Inbound {
        from: Address,
        /// Where the peer listens, by its own word.
        said: Option<Address>,
    },
}

impl Way {
    /// Returns the address at which the other side is seen.
    pub(super) fn seen_at(&self) -> &Address {
        match self {
            Self::Configured(address) | Self::Found(address) => address,
            Self::Inbound { from, said } => said.as_ref().unwrap_or(from),
        }
    }

    /// Returns the address at which this node has reached the other side, if it has dialled.
    pub(super) fn reached(&self) -> Option<&Address> {
        match self {
            Self::Configured(address) | Self::Found(address) => Some(address),
            Self::Inbound { .. } => None,
        }
    }

    /// Returns the address at which the other side listens, by its own word.
    pub(super) fn said(&self) -> Option<&Address> {
        match self {
            Self::Configured(_) | Self::Found(_) => None,
            Self::Inbound { said, .. } => said.as_ref(),
        }
    }

    /// Returns the address at which the other side can be dialled, if it can.
    pub(super) fn address(&self) -> Option<&Address> {
        self.reached().or_else(|| self.said())
    }
}

/// What is known of the node at the other end of a control connection.
pub(in crate::node) struct Liveness {
    boot: BootId,
    pub(super) way: Way,
    /// By then the start was running.
    began: Instant,
    /// At this time the start was certainly running, because it has answered what was sent then.
    alive: Cell<Option<Instant>>,
}

impl Liveness {
    pub(super) fn new(boot: BootId, way: Way) -> Self {
        Self { boot, way, began: Instant::now(), alive: Cell::default() }
    }

    /// Notes that the other side has answered what was sent to it at this time.
    pub(super) fn note(&self, sent: Instant) {
        self.alive.set(self.alive.get().max(Some(sent)));
    }

    /// Whether each of the two was alive after the other had begun. A start that has died slowly is not: nothing was
    /// sent to it after the next one had begun that it has answered.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let outlived = |one: &Self, other: &Self| one.alive.get().is_some_and(|alive| alive > other.began);
        self.boot != other.boot && outlived(self, other) && outlived(other, self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    fn liveness(boot: u8) -> Liveness {
        Liveness::new(BootId([boot; 8]), Way::Configured(":3000".parse().expect("an address")))
    }

    #[tokio::test(start_paused = true)]
    async fn only_two_starts_that_both_go_on_are_beside_each_other() {
        let tick = || sleep(Duration::from_secs(1));
        let first = liveness(1);
        tick().await;
        first.note(Instant::now());
        tick().await;
        let (second, again) = (liveness(2), liveness(1));
        tick().await;
        second.note(Instant::now());
        assert!(!first.is_beside(&second), "the first may have died before the second began");
        again.note(Instant::now());
        assert!(!first.is_beside(&again), "one start with two connections");
        first.note(Instant::now());
        assert!(first.is_beside(&second) && second.is_beside(&first));
    }
}
