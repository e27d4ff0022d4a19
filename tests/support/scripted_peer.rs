//! A peer that is in the cluster and follows a script: it holds replicas in memory, gives what a test tells it to give,
//! and asks what no node would ask. It links over any stream, and has help for the network in memory.

use std::cell::RefCell;
use std::rc::Rc;

use dacapo::crypto::{ClusterSecret, Keys, MasterSecret, NodeId, ReplicaName};
use dacapo::limits::{HEARTBEAT_INTERVAL, PROTOCOL_VERSION};
use dacapo::node::Lane;
use dacapo::node::link::{self, Credentials, LinkError, Records};
use dacapo::protocol::{BootId, Hello, Message, Purpose, Verdict, read_message};
use dacapo::seed::{Seed, SeedRng};
pub(crate) use dacapo_sim::store::scripted_peer::{Replica, alive, heartbeat, receive, send, store_at};
use dacapo_sim::store::scripted_peer::{hand_over, take};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

use super::in_memory::Network;

/// The start that every scripted peer claims.
pub(crate) const BOOT: BootId = BootId([7; 8]);

/// Returns the hello of a scripted peer.
pub(crate) fn hello(listen_port: u16, purpose: Purpose) -> Hello {
    Hello { protocol: PROTOCOL_VERSION, listen_port, purpose, boot: BOOT }
}

/// A link over the network in memory.
pub(crate) type Link = Records<DuplexStream>;

/// Every replica that a scripted peer was sent, in the order of their arrival.
pub(crate) type Held = Rc<RefCell<Vec<Replica>>>;

/// Chooses what a scripted peer gives for a name. If the replica has fewer bytes than its seal says, the peer sends
/// these and closes the connection.
type Give = Rc<dyn Fn(&[Replica], ReplicaName) -> Option<Replica>>;

/// A scripted peer. Clones share one identity.
#[derive(Clone)]
pub(crate) struct ScriptedPeer {
    keys: Rc<Keys>,
    lane: Rc<RefCell<SeedRng>>,
}

impl ScriptedPeer {
    /// Makes a peer whose identity follows from a number.
    pub(crate) fn new(number: u8) -> Self {
        Self {
            keys: Rc::new(Keys::derive(&MasterSecret([number; 32]))),
            lane: Rc::new(RefCell::new(Seed::from_u64(number.into()).rng(Lane::Handshake))),
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.keys.node()
    }

    /// Links over a connection that this peer has opened.
    pub(crate) async fn link<S>(&self, stream: S, hello: Hello) -> Result<Records<S>, LinkError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let open = ClusterSecret::open();
        let credentials = Credentials::draw(&self.keys, &open, &mut self.lane.borrow_mut());
        link::dial(stream, &credentials, hello).await.map(|(link, ..)| link)
    }

    /// Links over a connection that a node has opened, and welcomes the node.
    pub(crate) async fn accept<S>(&self, stream: S) -> Result<(Records<S>, Hello), LinkError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let open = ClusterSecret::open();
        let credentials = Credentials::draw(&self.keys, &open, &mut self.lane.borrow_mut());
        let (mut link, _, hello) = link::accept(stream, &credentials).await?;
        link::welcome(&mut link, Verdict::Accepted, BOOT).await?;
        Ok((link, hello))
    }

    /// Dials the node on a port of a network in memory, and claims to listen on `listen_port`.
    pub(crate) async fn dial(
        &self,
        network: &Network,
        port: u16,
        listen_port: u16,
        purpose: Purpose,
    ) -> Result<Link, LinkError> {
        self.link(network.dial(port)?, hello(listen_port, purpose)).await
    }

    /// Dials the node on a port of a network in memory, to ask on the link.
    pub(crate) async fn asking(&self, network: &Network, port: u16) -> Result<Link, LinkError> {
        self.dial(network, port, 0, Purpose::DialerAsks).await
    }

    /// Listens on a port of a network in memory, takes every replica, and answers each get with what `give` chooses.
    pub(crate) fn hold(
        &self,
        network: &Network,
        port: u16,
        give: impl Fn(&[Replica], ReplicaName) -> Option<Replica> + 'static,
    ) -> Held {
        let held = Held::default();
        let (this, taken, give): (_, _, Give) = (self.clone(), held.clone(), Rc::new(give));
        let mut arrived = network.listen(port);
        tokio::task::spawn_local(async move {
            while let Some((stream, _)) = arrived.recv().await {
                let (this, taken, give) = (this.clone(), taken.clone(), give.clone());
                tokio::task::spawn_local(async move {
                    // The node may go away at any time.
                    drop(this.serve(stream, taken, give).await);
                });
            }
        });
        held
    }

    async fn serve(&self, stream: DuplexStream, held: Held, give: Give) -> Result<(), LinkError> {
        let (mut link, hello) = self.accept(stream).await?;
        loop {
            match read_message(&mut link).await? {
                Message::Heartbeat { .. } if hello.purpose == Purpose::Control => {
                    tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                    send(&mut link, &alive(0, None)).await?;
                }
                Message::StoreFile { owner, replica_name, sealed_bytes, .. } => {
                    let replica = take(&mut link, owner, replica_name, sealed_bytes).await?;
                    held.borrow_mut().push(replica);
                    send(&mut link, &Message::Stored).await?;
                }
                Message::GetFile { replica_name, .. } => {
                    let given = give(&held.borrow(), replica_name);
                    match given {
                        Some(replica) if !hand_over(&mut link, &replica).await? => return Ok(()),
                        Some(_) => {}
                        None => send(&mut link, &Message::NotFound).await?,
                    }
                }
                // It never comes to an end.
                Message::VerifyFile { .. } => send(&mut link, &Message::Verifying).await?,
                other => panic!("a node asked with {}", other.name()),
            }
        }
    }
}
