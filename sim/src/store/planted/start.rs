//! What planted bugs do to the start of a node: its seed, how many peers are to hold its files, how long it remembers
//! deletions, and how much it holds for others.

use std::num::NonZeroUsize;
use std::time::Duration;

use dacapo::event::Event;
use dacapo::node::{Quota, Replicas};
use dacapo::seed::Seed;

use crate::host::{Host, name};
use crate::plan::Plan;
use crate::store::bug::Bug;
use crate::store::call::Call;

impl Bug {
    /// Whether the bug is there at all in a plan.
    #[must_use]
    pub fn is_in(self, plan: &Plan<Call>) -> bool {
        self != Self::DiscardForgottenAmidLoss || !plan.lost_for_good().is_empty()
    }

    /// Returns the seed that a start of a node uses.
    #[must_use]
    pub fn seed(self, seed: &Seed, host: Host) -> Seed {
        match self {
            Self::SameSeedEachStart => seed_of_first_start(host),
            Self::SameSeedEverywhere => Seed::from_u64(0),
            _ => seed.clone(),
        }
    }

    /// Returns how many peers are to hold each file.
    #[must_use]
    pub fn miscount(self, replicas: Replicas) -> Replicas {
        match (self, replicas) {
            (Self::OneReplicaFewer, Replicas::Count(count)) => {
                NonZeroUsize::new(count.get() - 1).map_or(replicas, Replicas::Count)
            }
            (Self::OneReplicaMore, Replicas::Count(count)) => Replicas::Count(count.saturating_add(1)),
            (Self::ReplicasEverywhere, _) => Replicas::All,
            _ => replicas,
        }
    }

    /// Returns how long deletions are remembered at least.
    #[must_use]
    pub fn hurry(self, kept: Duration) -> Duration {
        if self == Self::ForgetsSoon { kept / 1000 } else { kept }
    }

    /// Returns what a node tells in the place of an event, if that is another one.
    pub fn misreport(self, event: &Event) -> Option<Event> {
        match event {
            Event::PeerFound { peer, through, .. } if self == Self::FoundElsewhere => {
                let address = "192.0.2.1:3000".parse().expect("an address");
                Some(Event::PeerFound { peer: *peer, address, through: *through })
            }
            Event::PeerRepaired { peer, failed: 0, .. } if self == Self::HonestAccused => {
                Some(Event::RepairFailed { peer: *peer, reason: Event::UNPROVEN.to_owned() })
            }
            _ => None,
        }
    }

    /// Returns what each owner may take up on a host whose node began with other options, or with these.
    #[must_use]
    pub fn overlook(self, quota: Quota, first: Quota) -> Quota {
        match self {
            Self::QuotaIgnored => Quota::default(),
            Self::LaterQuotaIgnored if quota != first => Quota::default(),
            Self::QuotaHalved => {
                Quota { bytes_max: quota.bytes_max.map(|max| max / 2), files_max: quota.files_max.map(|max| max / 2) }
            }
            _ => quota,
        }
    }
}

fn seed_of_first_start(host: Host) -> Seed {
    Seed::from_u64(0).derive(&name(host), 0)
}
