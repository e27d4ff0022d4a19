//! A peer that is in the cluster and says what a test likes: it holds replicas in memory, gives what it is told to
//! give, and asks what no node would ask.

#![allow(dead_code, reason = "each test file uses a part")]

use std::cell::RefCell;
use std::rc::Rc;

use dacapo::crypto::{
    ClusterSecret, Digest, HashedKey, Keys, MasterSecret, NodeId, Seal, SealedMetadata, Tag, Version,
};
use dacapo::limits::{EAGER_BYTES_MAX, HEARTBEAT_INTERVAL, PROTOCOL_VERSION};
use dacapo::node::link::{self, Credentials, LinkError, Records};
use dacapo::protocol::{
    Hello, Message, Purpose, WireError, message_frame, read_message, read_stream_header, stream_header,
};
use dacapo::seed::{Lane, LaneRng, Seed};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::network::Network;

pub(crate) type Link = Records<DuplexStream>;

/// A replica as it came over the wire.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) hashed: HashedKey,
    pub(crate) seal: Seal,
    pub(crate) bytes: Vec<u8>,
}

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
    lane: Rc<RefCell<LaneRng>>,
}

impl Member {
    pub(crate) fn new(network: &Network, number: u8) -> Self {
        Self {
            network: network.clone(),
            keys: Rc::new(Keys::derive(&MasterSecret([number; 32]))),
            lane: Rc::new(RefCell::new(Seed::from_u64(number.into()).lane(Lane::Handshake))),
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
        link::welcome(&mut link, true).await?;
        loop {
            match read_message(&mut link).await? {
                Message::Heartbeat if hello.purpose == Purpose::Control => {
                    tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                    send(&mut link, &Message::Alive { connections_wanted: 0 }).await?;
                }
                Message::StoreFile { hashed, sealed_bytes, .. } => {
                    let replica = take(&mut link, hashed, sealed_bytes).await?;
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

pub(crate) async fn send(link: &mut Link, message: &Message) -> Result<(), WireError> {
    link.write_all(&message_frame(&message.encode())).await?;
    Ok(link.flush().await?)
}

async fn take(link: &mut Link, hashed: HashedKey, sealed_bytes: u64) -> Result<Replica, WireError> {
    if sealed_bytes > EAGER_BYTES_MAX + 16 {
        send(link, &Message::Proceed).await?;
    }
    read_stream_header(link, sealed_bytes).await?;
    let bytes = receive(link, sealed_bytes).await?;
    match read_message(link).await? {
        Message::Sealed(seal) => Ok(Replica { hashed, seal, bytes }),
        other => panic!("a node ended a store with {}", other.name()),
    }
}

/// True where the connection is good for more.
async fn hand_over(link: &mut Link, replica: &Replica) -> Result<bool, WireError> {
    send(link, &Message::Found(replica.seal.clone())).await?;
    if replica.seal.size > EAGER_BYTES_MAX {
        assert_eq!(read_message(link).await?, Message::Proceed);
    }
    link.write_all(&stream_header(replica.seal.sealed_bytes())).await?;
    link.write_all(&replica.bytes).await?;
    link.flush().await?;
    Ok(replica.bytes.len() as u64 == replica.seal.sealed_bytes())
}

/// Reads so many bytes.
pub(crate) async fn receive(link: &mut Link, len: u64) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![0; usize::try_from(len).expect("it fits the memory")];
    link.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A replica whose seal no owner made: the digest is right, the tag is not.
pub(crate) fn unsealed(hashed: HashedKey, version: Version, bytes: Vec<u8>) -> Replica {
    let metadata = SealedMetadata::from_bytes(&[0; 40]).expect("within the bounds");
    let digest = Digest(*blake3::hash(&bytes).as_bytes());
    let size = bytes.len() as u64 - 16;
    Replica { hashed, seal: Seal { version, size, digest, tag: Tag([2; 32]), metadata }, bytes }
}

/// Stores a replica at a node, on a link of the owner's, and returns the answer.
pub(crate) async fn store_at(link: &mut Link, owner: NodeId, replica: &Replica) -> Result<Message, WireError> {
    let Replica { hashed, seal, bytes } = replica;
    let offer = Message::StoreFile { owner, hashed: *hashed, version: seal.version, sealed_bytes: bytes.len() as u64 };
    send(link, &offer).await?;
    if seal.size > EAGER_BYTES_MAX {
        match read_message(link).await? {
            Message::Proceed => {}
            other => return Ok(other),
        }
    }
    link.write_all(&stream_header(bytes.len() as u64)).await?;
    link.write_all(bytes).await?;
    send(link, &Message::Sealed(seal.clone())).await?;
    read_message(link).await
}
