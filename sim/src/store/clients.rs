//! What the owners share: handles on the running nodes, the history of all calls, and what the byte tap has seen.

mod lives;
mod noticed;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use dacapo::crypto::{Keys, MasterSecret, NodeId};
use dacapo::node::Handle;
use memchr::memmem::Finder;

use super::call::{KEY_MARKER, MARKER};
use super::conversion::Conversions;
use super::history::{HistoryEntry, Outcome};
use super::ivs::Ivs;
use super::many::Many;
use super::options::cluster;
use super::quotas::Quotas;
use super::settings::Settings;
use crate::host::Host;
use crate::plan::Plan;
pub(super) use noticed::Damaged;
use noticed::Noticed;

/// What all clients of a run share. Clones are the same clients.
#[derive(Clone, Default)]
pub struct Clients {
    seen: Rc<RefCell<Seen>>,
    pub(super) conversions: Conversions,
    pub(super) ivs: Ivs,
    pub(super) many: Many,
    pub(super) quotas: Quotas,
    pub(super) settings: Settings,
    pub(super) noticed: Rc<RefCell<Noticed>>,
}

#[derive(Default)]
struct Seen {
    nodes: BTreeMap<Host, Handle>,
    ids: BTreeMap<Host, NodeId>,
    history: Vec<HistoryEntry>,
    moments: u64,
    leak: Option<String>,
    trespass: Option<String>,
    excess: Option<String>,
    liars: BTreeSet<Host>,
    /// The hosts beside whose node another one ran with the same identity, and whether it still runs.
    with_twins: BTreeMap<Host, bool>,
    /// Of each host whose disk was copied, the moment of the first copy, and that at which a copy was put back last.
    copied: BTreeMap<Host, (u64, Option<u64>)>,
    /// When the disk of a host was copied first, whatever has become of its catalog since.
    first_copies: BTreeMap<Host, u64>,
    /// When a file of a host was damaged last.
    last_damage: BTreeMap<Host, u64>,
    /// The hosts whose catalog was damaged since their last start began.
    damaged: BTreeSet<Host>,
    /// The hosts that have lost their power since their node was opened last.
    torn: BTreeSet<Host>,
    /// The hosts that start on a catalog that was damaged before.
    renewing: BTreeSet<Host>,
    /// The hosts whose whole disk was put back from a copy, and how many starts their nodes have begun since.
    put_back: BTreeMap<Host, u64>,
    /// The hosts whose catalog was ever damaged.
    ever_damaged: BTreeSet<Host>,
    /// The hosts that run another node than before: the copy that was put back had no identity yet.
    reborn: BTreeSet<Host>,
    /// The hosts whose nodes are to learn and fetch at their next start, and nothing else.
    learning: BTreeSet<Host>,
    /// The secrets of the nodes, and the keys that follow from each. The oracles ask for them at almost every event.
    secrets: BTreeMap<Host, (MasterSecret, Keys)>,
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
        if let Some(starts) = seen.put_back.get_mut(&host) {
            *starts += 1;
        }
        if seen.damaged.remove(&host) {
            seen.renewing.insert(host);
        }
    }

    /// Notes that the node of a host runs, until what is returned is dropped.
    pub(super) fn started(&self, host: Host, node: Handle) -> Running {
        self.has_opened(host);
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
        let entry = &mut self.seen.borrow_mut().history[index];
        (entry.ended, entry.ended_at) = (Some((moment, outcome)), Some(crate::platform::elapsed()));
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

    /// Notes that another node runs with the identity of a host's node.
    pub(super) fn gets_twin(&self, host: Host) {
        self.seen.borrow_mut().with_twins.insert(host, true);
    }

    /// Notes that it stops.
    pub(super) fn twin_stops(&self, host: Host) {
        self.seen.borrow_mut().with_twins.insert(host, false);
    }

    /// Whether another node runs with the identity of a host's node.
    pub(super) fn runs_twice(&self, host: Host) -> bool {
        self.seen.borrow().with_twins.get(&host) == Some(&true)
    }

    /// Whether another node has run with the identity of a host's node: nobody knows which of them peers have asked.
    pub(super) fn has_twin(&self, host: Host) -> bool {
        self.seen.borrow().with_twins.contains_key(&host)
    }

    /// Notes that a node did for a peer what it must not do for it. The deeds of liars, and of nodes that have lied,
    /// do not count.
    pub(super) fn trespassed(&self, node: NodeId, what: &str) {
        self.did(node, what, |seen| &mut seen.trespass);
    }

    /// Notes that a node did more for a peer than it may be made to do.
    pub(super) fn exceeded(&self, node: NodeId, what: &str) {
        self.did(node, what, |seen| &mut seen.excess);
    }

    fn did(&self, node: NodeId, what: &str, first: impl Fn(&mut Seen) -> &mut Option<String>) {
        let honest = self.host(node).filter(|host| !self.seen.borrow().liars.contains(host));
        if let Some(host) = honest {
            first(&mut self.seen.borrow_mut()).get_or_insert_with(|| format!("n{host} {what}"));
        }
    }

    /// Returns the first deed that a node must not have done for a peer.
    #[must_use]
    pub fn trespass(&self) -> Option<String> {
        self.seen.borrow().trespass.clone()
    }

    /// Returns the first deed that was more than a node may be made to do for a peer.
    #[must_use]
    pub fn excess(&self) -> Option<String> {
        self.seen.borrow().excess.clone()
    }

    /// Learns the secret in the identity file of a host's node.
    pub(super) fn learn(&self, host: Host, secret: &MasterSecret) {
        let mut seen = self.seen.borrow_mut();
        if seen.secrets.get(&host).is_none_or(|(known, _)| known != secret) {
            seen.secrets.insert(host, (secret.clone(), Keys::derive(secret)));
            seen.secret_words.extend(words_of(&secret.0));
        }
        if seen.secret_words.len() == 2 {
            seen.secret_words.extend(words_of(&cluster().0));
        }
    }

    /// Has the next start of a host's node learn and fetch, and do nothing else.
    pub(super) fn learns_first(&self, host: Host) {
        self.seen.borrow_mut().learning.insert(host);
    }

    /// Whether this start of a host's node is to learn and fetch, and to do nothing else.
    pub(super) fn is_to_learn(&self, host: Host) -> bool {
        self.seen.borrow_mut().learning.remove(&host)
    }

    /// Returns the options with which the node of a host is started now.
    #[must_use]
    pub fn options_now<O>(&self, plan: &Plan<O>, host: Host) -> Vec<String> {
        self.settings.current(host, plan.options_of(host))
    }

    /// Returns every option that the node of a host has had.
    #[must_use]
    pub fn options_ever<O>(&self, plan: &Plan<O>, host: Host) -> Vec<String> {
        self.settings.ever(host, plan.options_of(host))
    }

    /// Returns the secret of the node of a host, once the node has started.
    pub(super) fn secret(&self, host: Host) -> Option<MasterSecret> {
        self.seen.borrow().secrets.get(&host).map(|(secret, _)| secret.clone())
    }

    /// Returns the keys of the node of a host, for oracles.
    #[must_use]
    pub fn keys(&self, host: Host) -> Option<Keys> {
        self.seen.borrow().secrets.get(&host).map(|(_, keys)| keys.clone())
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
