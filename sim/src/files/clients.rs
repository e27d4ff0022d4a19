//! What the owners share: handles on the running nodes, the history of all calls, and what the byte tap has seen.

use std::cell::RefCell;
use std::rc::Rc;

use dacapo::crypto::NodeId;
use dacapo::node::Handle;

use super::call::{KEY_MARKER, MARKER};
use super::history::{Entry, Outcome};
use crate::links::Host;
use crate::oracle;
use crate::subject::Broken;

/// Shared by all clients of a run.
#[derive(Clone)]
pub struct Clients {
    shared: Rc<RefCell<Shared>>,
}

struct Shared {
    nodes: Vec<Option<Handle>>,
    ids: Vec<Option<NodeId>>,
    history: Vec<Entry>,
    moments: u64,
    leak: Option<String>,
}

impl Clients {
    /// Clients of so many hosts.
    #[must_use]
    pub fn new(hosts: usize) -> Self {
        let shared =
            Shared { nodes: vec![None; hosts], ids: vec![None; hosts], history: Vec::new(), moments: 0, leak: None };
        Self { shared: Rc::new(RefCell::new(shared)) }
    }

    pub(super) fn started(&self, host: Host, node: Handle) {
        let mut shared = self.shared.borrow_mut();
        shared.ids[host] = Some(node.node());
        shared.nodes[host] = Some(node);
    }

    pub(super) fn stopped(&self, host: Host) {
        self.shared.borrow_mut().nodes[host] = None;
    }

    /// The node of a host, where it runs, or ran until its host was killed.
    #[must_use]
    pub fn node(&self, host: Host) -> Option<Handle> {
        self.shared.borrow().nodes[host].clone()
    }

    /// Who the node of a host is, once it has started.
    #[must_use]
    pub fn id(&self, host: Host) -> Option<NodeId> {
        self.shared.borrow().ids.get(host).copied().flatten()
    }

    /// The host of a node.
    #[must_use]
    pub fn host(&self, id: NodeId) -> Option<Host> {
        self.shared.borrow().ids.iter().position(|found| *found == Some(id))
    }

    /// Every call, in the order of their beginnings.
    #[must_use]
    pub fn history(&self) -> Vec<Entry> {
        self.shared.borrow().history.clone()
    }

    /// How many calls there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.borrow().history.len()
    }

    /// The next moment: moments are in the order in which things happen.
    #[must_use]
    pub fn begin(&self) -> u64 {
        let mut shared = self.shared.borrow_mut();
        shared.moments += 1;
        shared.moments
    }

    /// Adds a call that begins.
    #[must_use]
    pub fn add(&self, entry: Entry) -> usize {
        let mut shared = self.shared.borrow_mut();
        shared.history.push(entry);
        shared.history.len() - 1
    }

    /// Notes what came of it.
    pub fn end(&self, index: usize, outcome: Outcome) {
        let moment = self.begin();
        self.shared.borrow_mut().history[index].ended = Some((moment, outcome));
    }

    /// Looks at a call that has ended: what it read must have been stored.
    #[must_use]
    pub fn look_at(&self, index: usize) -> Option<Broken> {
        let shared = self.shared.borrow();
        oracle::judge_read(&shared.history, &shared.history[index]).err()
    }

    pub(super) fn tap(&self, host: Host, bytes: &[u8]) {
        let mut shared = self.shared.borrow_mut();
        if shared.leak.is_none() && (contains(bytes, MARKER) || contains(bytes, KEY_MARKER)) {
            shared.leak = Some(format!("n{host} sent a name or content in the clear"));
        }
    }

    /// What the byte tap has seen that must not be on the wire.
    #[must_use]
    pub fn leak(&self) -> Option<String> {
        self.shared.borrow().leak.clone()
    }
}

/// Whether bytes contain a pattern.
#[must_use]
pub fn contains(bytes: &[u8], pattern: &[u8]) -> bool {
    memchr::memmem::find(bytes, pattern).is_some()
}
