//! A liar: the keys and replicas of the node whose place it has taken, and how it reaches the other nodes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use dacapo::crypto::{ClusterSecret, Keys, NodeId};
use dacapo::event::Event;
use dacapo::limits::PROTOCOL_VERSION;
use dacapo::node::link::{self, Credentials, LinkError, Records};
use dacapo::protocol::{BootId, Hello, Purpose};
use dacapo::seed::SeedRng;
use dacapo::transport::{Address, Transport};

use super::lie::Lie;
use crate::links::FaultTransport;
use crate::store::bug::Bug;
use crate::store::clients::Clients;
use crate::store::scripted_peer::Replica;
use crate::trace::Tracer;
use crate::transport::SimTransport;

pub(super) type Stream = <FaultTransport<SimTransport> as Transport>::Stream;
pub(super) type Link = Records<Stream>;

/// How long a liar waits before it dials again.
pub(super) const DIAL_AGAIN: Duration = Duration::from_millis(500);

/// The time between two questions on one connection. Chosen: on all connections together ten times what owners ask.
pub(super) const ASK_PACE: Duration = Duration::from_millis(100);

pub(super) struct Liar {
    pub(super) lie: Lie,
    pub(super) bug: Option<Bug>,
    pub(super) port: u16,
    /// Where all hosts listen at first.
    pub(super) hosts: Vec<Address>,
    /// How often the liar has said where others are.
    pub(super) misled: Cell<usize>,
    pub(super) boot: BootId,
    pub(super) keys: Keys,
    pub(super) cluster: ClusterSecret,
    pub(super) transport: FaultTransport<SimTransport>,
    pub(super) lane: RefCell<SeedRng>,
    /// The replicas, in the order in which they came.
    pub(super) replicas: RefCell<Vec<Replica>>,
    /// How many leaves in a row each node has asked for.
    pub(super) listed: RefCell<BTreeMap<NodeId, usize>>,
    pub(super) clients: Clients,
    pub(super) notes: Tracer<Event>,
}

impl Liar {
    pub(super) async fn dial(&self, address: &Address, purpose: Purpose) -> Result<Link, LinkError> {
        Ok(self.dial_as(&self.keys, address, purpose).await?.0)
    }

    pub(super) async fn dial_as(
        &self,
        keys: &Keys,
        address: &Address,
        purpose: Purpose,
    ) -> Result<(Link, NodeId), LinkError> {
        let stream = self.transport.connect(address).await?;
        let credentials = Credentials::draw(keys, &self.cluster, &mut self.lane.borrow_mut());
        let hello = Hello { protocol: PROTOCOL_VERSION, listen_port: self.port, purpose, boot: self.boot };
        let (link, peer, _) = link::dial(stream, &credentials, hello).await?;
        if self.lie == Lie::Stranger {
            self.clients.trespassed(peer, "took a stranger in");
        }
        Ok((link, peer))
    }

    /// Returns the keys of another node, if this bug is planted.
    pub(super) fn stolen_keys(&self, of: NodeId, bug: Bug) -> Option<Keys> {
        self.clients.stolen_keys(of).filter(|_| self.bug == Some(bug))
    }
}
