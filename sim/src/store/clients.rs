//! What the owners share: handles on the running nodes, the history of all calls, and what the byte tap has seen.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use dacapo::crypto::{Keys, MasterSecret, NodeId};
use dacapo::node::Handle;
use memchr::memmem::Finder;

use super::call::{KEY_MARKER, MARKER};
use super::conversion::Conversions;
use super::history::{HistoryEntry, Outcome};
use super::options::cluster;
use crate::host::Host;

/// What all clients of a run share. Clones are the same clients.
#[derive(Clone, Default)]
pub struct Clients {
    seen: Rc<RefCell<Seen>>,
    pub(super) conversions: Conversions,
}

#[derive(Default)]
struct Seen {
    nodes: BTreeMap<Host, Handle>,
    ids: BTreeMap<Host, NodeId>,
    history: Vec<HistoryEntry>,
    moments: u64,
    leak: Option<String>,
    trespass: Option<String>,
    liars: BTreeSet<Host>,
    /// Of each host whose disk was copied, the moment of the first copy, and that at which a copy was put back last.
    copied: BTreeMap<Host, (u64, Option<u64>)>,
    /// The hosts whose catalog was damaged since their last start began.
    damaged: BTreeSet<Host>,
    /// The hosts that start on a catalog that was damaged before.
    renewing: BTreeSet<Host>,
    /// The hosts whose whole disk was put back from a copy.
    put_back: BTreeSet<Host>,
    /// The hosts whose catalog was ever damaged.
    ever_damaged: BTreeSet<Host>,
    /// The hosts whose catalog was lost without damage: a power loss took it before it was durable.
    without_catalog: BTreeSet<Host>,
    /// The hosts that run another node than before: the copy that was put back had no identity yet.
    reborn: BTreeSet<Host>,
    secrets: BTreeMap<Host, MasterSecret>,
    stolen: BTreeMap<NodeId, MasterSecret>,
    /// Secrets that may be neither on a wire nor on a disk.
    secret_words: Vec<Finder<'static>>,
}

/// A node that runs. When this is dropped it has stopped, or its host was killed.
pub(super) struct Running {
    clients: Clients,
    host: Host,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.clients.stopped(self.host);
    }
}

impl Clients {
    /// Notes that the node of a host is about to open its catalog.
    pub(super) fn starts(&self, host: Host) {
        let mut seen = self.seen.borrow_mut();
        if seen.damaged.remove(&host) {
            seen.renewing.insert(host);
        }
    }

    /// Notes that the node of a host runs, until what is returned is dropped.
    pub(super) fn started(&self, host: Host, node: Handle) -> Running {
        if self.seen.borrow_mut().renewing.remove(&host) {
            // What was stored since the damage may have gone into a file that has no name any more.
            self.lose(host, false);
        }
        let mut seen = self.seen.borrow_mut();
        seen.ids.insert(host, node.node());
        seen.nodes.insert(host, node);
        Running { clients: self.clone(), host }
    }

    fn stopped(&self, host: Host) {
        self.seen.borrow_mut().nodes.remove(&host);
    }

    /// Returns the node of a host, if it runs.
    #[must_use]
    pub fn node(&self, host: Host) -> Option<Handle> {
        self.seen.borrow().nodes.get(&host).cloned()
    }

    /// Returns the id of the node of a host, once the node has started.
    #[must_use]
    pub fn id(&self, host: Host) -> Option<NodeId> {
        self.seen.borrow().ids.get(&host).copied()
    }

    /// Returns the host of a node.
    #[must_use]
    pub fn host(&self, id: NodeId) -> Option<Host> {
        self.seen.borrow().ids.iter().find(|(_, found)| **found == id).map(|(host, _)| *host)
    }

    /// Returns every call, in the order in which the calls began.
    #[must_use]
    pub fn history(&self) -> Vec<HistoryEntry> {
        self.seen.borrow().history.clone()
    }

    /// Returns how many calls there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.borrow().history.len()
    }

    /// Returns the next moment. Moments are in the order in which things happen.
    #[must_use]
    pub fn begin(&self) -> u64 {
        let mut seen = self.seen.borrow_mut();
        seen.moments += 1;
        seen.moments
    }

    /// Adds a call that begins, and returns its index.
    #[must_use]
    pub fn add(&self, mut entry: HistoryEntry) -> usize {
        let mut seen = self.seen.borrow_mut();
        entry.is_lost = seen.is_damaged(entry.host) && entry.call.member().is_none();
        seen.history.push(entry);
        seen.history.len() - 1
    }

    /// Notes the outcome of a call.
    pub fn end(&self, index: usize, outcome: Outcome) {
        let moment = self.begin();
        self.seen.borrow_mut().history[index].ended = Some((moment, outcome));
    }

    /// Judges a call that has ended by the history of all calls.
    pub fn look_at<R>(&self, index: usize, judge: impl FnOnce(&[HistoryEntry], &HistoryEntry) -> R) -> R {
        let seen = self.seen.borrow();
        judge(&seen.history, &seen.history[index])
    }

    pub(super) fn tap(&self, host: Host, bytes: &[u8]) {
        let mut seen = self.seen.borrow_mut();
        if seen.leak.is_some() {
            return;
        }
        if contains(bytes, MARKER) || contains(bytes, KEY_MARKER) {
            seen.leak = Some(format!("n{host} sent a name or content in the clear"));
        } else if seen.secret_words.iter().any(|word| word.find(bytes).is_some()) {
            seen.leak = Some(format!("n{host} sent a key in the clear"));
        }
    }

    /// Whether bytes contain a secret of the cluster or of a node, as it is or in hex.
    #[must_use]
    pub fn has_secret(&self, bytes: &[u8]) -> bool {
        self.seen.borrow().secret_words.iter().any(|word| word.find(bytes).is_some())
    }

    /// Notes that a host runs a liar.
    pub(super) fn lies(&self, host: Host) {
        self.stopped(host);
        self.seen.borrow_mut().liars.insert(host);
    }

    /// Notes that a node did for a peer what it must not do for it. The deeds of liars, and of nodes that have lied,
    /// do not count.
    pub(super) fn trespassed(&self, node: NodeId, what: &str) {
        let honest = self.host(node).filter(|host| !self.seen.borrow().liars.contains(host));
        if let Some(host) = honest {
            self.seen.borrow_mut().trespass.get_or_insert_with(|| format!("n{host} {what}"));
        }
    }

    /// Returns the first deed that a node must not have done for a peer.
    #[must_use]
    pub fn trespass(&self) -> Option<String> {
        self.seen.borrow().trespass.clone()
    }

    /// Learns the secret in the identity file of a host's node.
    pub(super) fn learn(&self, host: Host, secret: &MasterSecret) {
        let mut seen = self.seen.borrow_mut();
        if seen.secrets.insert(host, secret.clone()).as_ref() != Some(secret) {
            seen.secret_words.extend(words_of(&secret.0));
        }
        if seen.secret_words.len() == 2 {
            seen.secret_words.extend(words_of(&cluster().0));
        }
    }

    pub(super) fn copied(&self, host: Host) {
        let moment = self.begin();
        self.seen.borrow_mut().copied.entry(host).or_insert((moment, None));
    }

    /// Notes that a copy was put back: what the host did since the copy was made is known to its peers alone.
    pub(super) fn restored(&self, host: Host, is_same_node: bool) {
        if !is_same_node {
            self.seen.borrow_mut().reborn.insert(host);
        }
        self.seen.borrow_mut().put_back.insert(host);
        self.lose(host, true);
    }

    /// Notes that the catalog of a host was damaged: what the host did until its next start may be known to its peers
    /// alone.
    pub(super) fn catalog_damaged(&self, host: Host) {
        let mut seen = self.seen.borrow_mut();
        seen.copied.insert(host, (0, None));
        seen.damaged.insert(host);
        seen.ever_damaged.insert(host);
        drop(seen);
        self.lose(host, false);
    }

    /// Whether the catalog of a host was ever damaged.
    pub(super) fn was_damaged(&self, host: Host) -> bool {
        self.seen.borrow().ever_damaged.contains(&host)
    }

    /// Notes that the node of a host has found no catalog, and made one.
    pub(super) fn found_no_catalog(&self, host: Host) {
        self.seen.borrow_mut().without_catalog.insert(host);
    }

    /// Whether the node of a host has ever made a catalog in the place of another one, or may have.
    pub(super) fn was_made_anew(&self, host: Host) -> bool {
        self.was_damaged(host) || self.seen.borrow().without_catalog.contains(&host)
    }

    /// Returns the hosts whose catalog was damaged since their last start began.
    pub(super) fn damaged(&self) -> Vec<Host> {
        self.seen.borrow().damaged.iter().copied().collect()
    }

    /// Notes that what a host did since the moment of its first copy is lost on its disk. If only its catalog is, it
    /// knows its members still.
    fn lose(&self, host: Host, is_whole: bool) {
        let moment = self.begin();
        let mut seen = self.seen.borrow_mut();
        let copied = seen.copied.entry(host).or_insert((moment, None));
        copied.1 = Some(moment);
        let from = copied.0;
        for entry in seen.history.iter_mut().filter(|entry| entry.host == host && entry.end() > from) {
            entry.is_lost |= is_whole || entry.call.member().is_none();
        }
    }

    /// Whether what a host had on its disk at some moment of a call may have gone when a copy was put back. That is so
    /// too if the copy was put back while the answer to the call was on its way.
    pub(super) fn may_be_lost(&self, host: Host, call: &HistoryEntry) -> bool {
        let seen = self.seen.borrow();
        let Some((from, Some(until))) = seen.copied.get(&host) else { return false };
        let is_before = call.begun < *until || seen.is_damaged(host);
        is_before && call.ended.as_ref().is_none_or(|(ended, _)| ended > from)
    }

    /// Whether the whole disk of a host was put back from a copy.
    pub(super) fn was_put_back(&self, host: Host) -> bool {
        self.seen.borrow().put_back.contains(&host)
    }

    /// Whether the disk of a host has forgotten something: a copy was put back, or the catalog was damaged.
    pub(super) fn was_restored(&self, host: Host) -> bool {
        self.seen.borrow().copied.get(&host).is_some_and(|(_, until)| until.is_some())
    }

    /// Whether a host runs another node than before, which knows nothing of what the node before it stored.
    pub(super) fn is_reborn(&self, host: Host) -> bool {
        self.seen.borrow().reborn.contains(&host)
    }

    /// Returns the keys of the node of a host, for oracles.
    #[must_use]
    pub fn keys(&self, host: Host) -> Option<Keys> {
        self.seen.borrow().secrets.get(&host).map(Keys::derive)
    }

    /// Gives a liar the secret of a node: a planted bug.
    pub(super) fn steal(&self, keys: &MasterSecret) {
        self.seen.borrow_mut().stolen.insert(Keys::derive(keys).node(), keys.clone());
    }

    pub(super) fn stolen_keys(&self, of: NodeId) -> Option<Keys> {
        self.seen.borrow().stolen.get(&of).map(Keys::derive)
    }

    /// Returns the first secret that the byte tap has seen on the wire.
    #[must_use]
    pub fn leak(&self) -> Option<String> {
        self.seen.borrow().leak.clone()
    }
}

impl Seen {
    /// Whether the catalog of a host is damaged, or was when the host began to start.
    fn is_damaged(&self, host: Host) -> bool {
        self.damaged.contains(&host) || self.renewing.contains(&host)
    }
}

/// Returns finders of a secret, as it is and as files hold it.
fn words_of(secret: &[u8; 32]) -> [Finder<'static>; 2] {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    [Finder::new(secret).into_owned(), Finder::new(hex.as_bytes()).into_owned()]
}

/// Whether bytes contain a pattern.
#[must_use]
pub fn contains(bytes: &[u8], pattern: &[u8]) -> bool {
    memchr::memmem::find(bytes, pattern).is_some()
}
