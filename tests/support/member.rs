//! A peer that is in the cluster and says what a test likes: it holds replicas in memory, gives what it is told to
//! give, and asks what no node would ask.

#![allow(dead_code, reason = "each test file uses a part")]

use std::cell::RefCell;
use std::rc::Rc;

use dacapo::crypto::{ClusterSecret, HashedKey, Keys, MasterSecret, NodeId};
use dacapo::limits::{HEARTBEAT_INTERVAL, PROTOCOL_VERSION};
use dacapo::node::Lane;
use dacapo::node::link::{self, Credentials, LinkError, Records};
use dacapo::protocol::{Hello, Message, Purpose, Verdict, read_message};
use dacapo::seed::{Seed, SeedRng};
use tokio::io::DuplexStream;

use super::network::Network;

#[allow(unused_imports, reason = "each test file uses a part")]
pub(crate) use dacapo_sim::store::scripted_peer::{Replica, hand_over, receive, send, store_at, take};

pub(crate) type Link = Records<DuplexStream>;

/// All that a member was given, in that order.
pub(crate) type Held = Rc<RefCell<Vec<Replica>>>;

/// What a member gives where it is asked for a name. It closes the connection where the bytes are fewer than the
/// seal says.
type Give = Rc<dyn Fn(&[Replica], HashedKey) -> Option<Replica>>;

/// A member. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Member {
    network: Network,
    keys: Rc<Keys>,
    lane: Rc<RefCell<SeedRng>>,
}

impl Member {
    pub(crate) fn new(network: &Network, number: u8) -> Self {
        Self {
            network: network.clone(),
            keys: Rc::new(Keys::derive(&MasterSecret([number; 32]))),
            lane: Rc::new(RefCell::new(Seed::from_u64(number.into()).rng(Lane::Handshake))),
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.keys.node()
    }

    /// Opens a link to the node on a port.
    pub(crate) async fn dial(&self, port: u16, listen_port: u16, purpose: Purpose) -> Result<Link, LinkError> {
        let open = ClusterSecret::open();
        let credentials = Credentials::draw(&self.keys, &open, &mut self.lane.borrow_mut());
        let hello = Hello { protocol: PROTOCOL_VERSION, listen_port, purpose };
        link::dial(self.network.dial(port)?, &credentials, hello).await.map(|(link, _)| link)
    }

    /// Opens a link on which this member asks.
    pub(crate) async fn asking(&self, port: u16) -> Result<Link, LinkError> {
        self.dial(port, 0, Purpose::DialerAsks).await
    }

    /// Listens on a port, takes every replica, and gives what `give` makes of them.
    pub(crate) fn hold(&self, port: u16, give: impl Fn(&[Replica], HashedKey) -> Option<Replica> + 'static) -> Held {
        let held = Held::default();
        let (this, taken, give): (_, _, Give) = (self.clone(), held.clone(), Rc::new(give));
        let mut arrived = self.network.listen(port);
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
        let open = ClusterSecret::open();
        let credentials = Credentials::draw(&self.keys, &open, &mut self.lane.borrow_mut());
        let (mut link, _, hello) = link::accept(stream, &credentials).await?;
        link::welcome(&mut link, Verdict::Accepted).await?;
        loop {
            match read_message(&mut link).await? {
                Message::Heartbeat { .. } if hello.purpose == Purpose::Control => {
                    tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                    send(&mut link, &Message::Alive { connections_wanted: 0, held: None }).await?;
                }
                Message::StoreFile { owner, hashed, sealed_bytes, .. } => {
                    let replica = take(&mut link, owner, hashed, sealed_bytes).await?;
                    held.borrow_mut().push(replica);
                    send(&mut link, &Message::Stored).await?;
                }
                Message::GetFile { hashed, .. } => {
                    let given = give(&held.borrow(), hashed);
                    match given {
                        Some(replica) if !hand_over(&mut link, &replica).await? => return Ok(()),
                        Some(_) => {}
                        None => send(&mut link, &Message::NotFound).await?,
                    }
                }
                other => panic!("a node asked with {}", other.name()),
            }
        }
    }
}
