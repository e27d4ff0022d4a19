//! What planted bugs make of a call on its way to a node, and of its outcome on the way back.

use dacapo::crypto::{NodeId, Version};
use dacapo::node::Content;
use dacapo::time::UnixMillis;
use tokio::task::spawn_local;

use crate::host::{HOSTS_MAX, Host};
use crate::platform::{EPOCH, elapsed_ms};
use crate::store::about::{About, Beside};
use crate::store::bug::Bug;
use crate::store::call::{self, Call, Reading, Source};
use crate::store::clients::Clients;
use crate::store::history::{ContentDigest, HistoryEntry, Outcome, Told};
use crate::store::sources::Never;

impl Bug {
    /// Returns the call that is made when a client makes this one.
    #[must_use]
    pub fn made(self, call: Call) -> Call {
        match (self, call) {
            (Self::DeleteUnchecked, Call::Delete { key, .. })
            | (Self::RefusalIgnored, Call::Delete { key, held_by: 2.. }) => Call::Delete { key, held_by: 0 },
            (Self::OneHolderEnough, Call::Delete { key, held_by: 2.. }) => Call::Delete { key, held_by: 1 },
            (Self::StoreUnheld, Call::Store { key, size, source: Source::Held }) => {
                Call::Store { key, size, source: Source::Memory }
            }
            (Self::UnkeptKept, Call::Get { key, reading: Reading::Unkept }) => {
                Call::Get { key, reading: Reading::Whole }
            }
            (Self::ForgetForgotten, Call::Forget(host)) => Call::Allow(host),
            (Self::AllowForgotten, Call::Allow(host)) => Call::Forget(host),
            (Self::OtherVersionErased, Call::Erase { key, .. }) => Call::Erase { key, is_known: false },
            (Self::SlowStoreDropped, Call::Store { key, size, source: Source::Slow }) if size > 0 => {
                Call::Store { key, size, source: Source::Stalled }
            }
            (_, call) => call,
        }
    }

    /// Whether a call is made only after the time that a caller takes to consider what it has seen.
    #[must_use]
    pub fn hesitates(self, call: Call) -> bool {
        matches!((self, call), (Self::OtherVersionErased, Call::Erase { is_known: true, .. }))
    }

    /// Has a call that its caller has left go on for ever.
    pub fn goes_on(self, clients: &Clients, host: Host, call: Call) {
        if self == Self::LeftCallGoesOn
            && matches!(call, Call::Store { source: Source::Left, .. })
            && let Some(node) = clients.node(host)
        {
            spawn_local(async move { node.store(&call::key(u8::MAX), Content::reader(Never, None)).await });
        }
    }

    /// Returns what the client learns of the outcome of a call.
    #[must_use]
    pub fn lie(self, clients: &Clients, host: Host, call: Call, outcome: Outcome) -> Outcome {
        match (self, outcome) {
            (Self::UnconfirmedAcked, Outcome::Unconfirmed) => invented(clients, host, Version(u64::MAX)),
            (Self::UnconfirmedErased, Outcome::Unconfirmed) if matches!(call, Call::Erase { .. }) => {
                Outcome::erased(None, &[])
            }
            (Self::ErasedKept, Outcome::Erased { .. }) => Outcome::Kept("it has changed".to_owned()),
            (Self::StoredRejected, Outcome::Stored { .. }) => Outcome::Rejected,
            (Self::ReceiptInvented, Outcome::Stored { digest, version, told, .. }) => {
                Outcome::Stored { digest, version, holders: others(clients, host), told }
            }
            (Self::ShortStored, Outcome::Rejected)
                if matches!(call, Call::Store { source: Source::Short | Source::Failing, .. }) =>
            {
                invented(clients, host, Version(0))
            }
            (Self::SlowStoreDropped, Outcome::Rejected) if matches!(call, Call::Store { source: Source::Slow, .. }) => {
                invented(clients, host, Version(0))
            }
            (Self::OtherVersionErased, Outcome::Erased { peers, told, .. })
                if matches!(call, Call::Erase { is_known: true, .. }) =>
            {
                let history = clients.history();
                let is_this = |entry: &&HistoryEntry| entry.host == host && entry.call == call && entry.ended.is_none();
                let begun = history.iter().rev().find(is_this).map_or(0, |entry| entry.begun);
                let seen = history.iter().rev().find_map(|entry| match entry.outcome() {
                    Some(Outcome::Stored { version, .. })
                        if entry.host == host && entry.key == call.key() && entry.end() < begun =>
                    {
                        Some(*version)
                    }
                    _ => None,
                });
                Outcome::Erased { known: seen, peers, told }
            }
            (Self::DeleteErrorHidden, Outcome::Failed(_)) if matches!(call, Call::Delete { .. }) => Outcome::Deleted,
            (Self::ReceiptMissing, Outcome::Stored { digest, version, holders, mut told }) => {
                let missing = told.pop();
                let holders = holders.into_iter().filter(|holder| Some(*holder) != missing).collect();
                Outcome::Stored { digest, version, holders, told }
            }
            (Self::DeleteRefuses, Outcome::Deleted) if matches!(call, Call::Delete { held_by: 1.., .. }) => {
                Outcome::Kept("too few peers hold it".to_owned())
            }
            (Self::RefusalIgnored, Outcome::Deleted) if matches!(call, Call::Delete { held_by: 2.., .. }) => {
                Outcome::Kept("too few peers hold it".to_owned())
            }
            (_, outcome) => self.lie_of_what_is_read(clients, host, call, outcome),
        }
    }

    /// Returns what the client learns of the outcome of a call that changes nothing.
    fn lie_of_what_is_read(self, clients: &Clients, host: Host, call: Call, outcome: Outcome) -> Outcome {
        match (self, outcome) {
            (Self::HoldersInvented, Outcome::Held(_)) => Outcome::Held(others(clients, host)),
            (Self::HolderHidden, Outcome::Held(mut holders)) => {
                holders.pop();
                Outcome::Held(holders)
            }
            (Self::ThereCalledDeleted, Outcome::Got(_)) => Outcome::NotFound,
            (Self::StatFails, Outcome::Known(_)) => Outcome::Failed("it is not known".to_owned()),
            (Self::CachedRead, Outcome::Got(digest)) => {
                let before = clients.history().into_iter().rev().find_map(|entry| match entry.outcome() {
                    Some(Outcome::Got(before)) if entry.host == host && entry.key == call.key() => Some(*before),
                    _ => None,
                });
                Outcome::Got(before.unwrap_or(digest))
            }
            (Self::OtherFileRead, Outcome::Got(digest)) => {
                let other = clients.history().into_iter().find_map(|entry| match entry.outcome() {
                    Some(Outcome::Stored { digest, .. }) if entry.key != call.key() => Some(*digest),
                    _ => None,
                });
                Outcome::Got(other.unwrap_or(digest))
            }
            (Self::StatCached, Outcome::Known(about)) => {
                let before = clients.history().into_iter().find_map(|entry| match entry.outcome() {
                    Some(Outcome::Known(before)) if entry.host == host && entry.key == call.key() => Some(*before),
                    _ => None,
                });
                Outcome::Known(before.unwrap_or(about))
            }
            (Self::ListShortened, Outcome::Listed(mut files)) => {
                files.pop_last();
                Outcome::Listed(files)
            }
            (Self::ListInvents, Outcome::Listed(mut files)) => {
                let nothing = Beside::Untold;
                let file = About { version: Version(1), size: 0, stored: UnixMillis(0), beside: nothing };
                files.insert(u8::MAX, file);
                Outcome::Listed(files)
            }
            (Self::StatInvents, Outcome::Known(about)) => {
                Outcome::Known(About { version: Version(about.version.0.saturating_add(1)), ..about })
            }
            (Self::ScrubCriesWolf, Outcome::Scrubbed { damaged, failed }) => {
                Outcome::Scrubbed { damaged: damaged + 1, failed }
            }
            (_, Outcome::Told(told)) => Outcome::Told(self.lie_about_itself(told)),
            (_, Outcome::Known(about)) => Outcome::Known(self.lie_about(about)),
            (Self::ListMistellsSizes, Outcome::Listed(files)) => {
                let longer = |about: About| About { size: about.size + 1, ..about };
                Outcome::Listed(files.into_iter().map(|(key, about)| (key, longer(about))).collect())
            }
            (_, outcome) => outcome,
        }
    }

    /// Returns what the client learns of what the node says of itself.
    fn lie_about_itself(self, told: Told) -> Told {
        match self {
            Self::StatusMisses => Told { files: told.files.saturating_sub(1), ..told },
            Self::ForgottenHidden => Told { forgotten: Vec::new(), ..told },
            Self::GoodDiskCalledBad => Told { is_disk_good: false, ..told },
            Self::FullDiskCalledGood => Told { is_disk_good: true, ..told },
            _ => told,
        }
    }

    /// Returns what the client learns of a file that the node knows.
    fn lie_about(self, about: About) -> About {
        match self {
            Self::StatMistellsSize => About { size: about.size + 1, ..about },
            Self::StatMistellsTime => About { stored: UnixMillis(EPOCH.0 + elapsed_ms()), ..about },
            Self::StatLosesAttributes if about.beside != Beside::Untold => {
                About { beside: Beside::Told(None), ..about }
            }
            _ => about,
        }
    }
}

/// Returns the outcome of a store of which nothing is there.
fn invented(clients: &Clients, host: Host, version: Version) -> Outcome {
    Outcome::Stored { digest: ContentDigest(0), version, holders: Vec::new(), told: others(clients, host) }
}

/// Returns the nodes of all other hosts.
fn others(clients: &Clients, host: Host) -> Vec<NodeId> {
    (0..HOSTS_MAX).filter(|other| *other != host).filter_map(|other| clients.id(other)).collect()
}
