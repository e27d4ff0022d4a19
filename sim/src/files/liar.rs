//! The program of a host that lies. It has the identity and the replicas of the node whose place it has taken, is a
//! member of the cluster like any other, and breaks its rules in one way; or it is a stranger without the cluster
//! secret. What it is given while it lies it keeps in memory only.

mod attack;
mod inventory;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::{ClusterSecret, HashedKey, Keys, NodeId};
use dacapo::event::Event;
use dacapo::limits::{HEARTBEAT_INTERVAL, LIST_PAGE_MAX, PROTOCOL_VERSION};
use dacapo::node::Lane;
use dacapo::node::link::{self, Credentials, LinkError, Records};
use dacapo::protocol::{Hello, Message, Purpose, Verdict, WireError, read_message};
use dacapo::replication::Print;
use dacapo::seed::SeedRng;
use dacapo::store::layout::{BlobId, Layout};
use dacapo::store::{Identity, Store};
use dacapo::transport::{Address, Transport};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::member::{self, Replica};
use super::{Clients, Files};
use crate::disk::SimDisk;
use crate::links::FaultTransport;
use crate::named::named;
use crate::planted::Bug;
use crate::subject::{Ended, Machine};
use crate::trace::Tracer;
use crate::transport::SimTransport;

named! {
    /// One way to lie.
    Lie

    /// Gives other bytes than the seal says.
    OtherBytes "other-bytes",
    /// Gives a seal that no owner has made.
    OtherSeal "other-seal",
    /// Gives another file of the same owner.
    OtherFile "other-file",
    /// Gives the oldest version that it has had.
    OldVersion "old-version",
    /// Acknowledges and keeps nothing, and has nothing.
    Forgets "forgets",
    /// Announces a stream of another length than the seal says.
    OtherLength "other-length",
    /// Gives half of a file and then nothing more.
    Stalls "stalls",
    /// Goes on sending when a file has been given.
    Endless "endless",
    /// Says what is no message to each question.
    Garbage "garbage",
    /// Takes connections and says nothing, not even in the handshake.
    Mute "mute",
    /// Opens more connections than anybody may, and always wants more.
    Floods "floods",
    /// Asks and stores in the name of others.
    Trespasses "trespasses",
    /// Does not know the cluster secret, and dials everybody.
    Stranger "stranger",
    /// Says that it holds newer versions, and files that there never were.
    FalseInventory "false-inventory",
    /// Shakes hands byte by byte, on many connections, and takes none in a hurry.
    SlowHandshake "slow-handshake",
    /// Opens connection after connection and says nothing.
    Crowds "crowds",
    /// Asks question after question on every connection that it gets.
    Asks "asks",
}

type Stream = <FaultTransport<SimTransport> as Transport>::Stream;
type Link = Records<Stream>;

/// After this a liar dials again.
const DIAL_AGAIN: Duration = Duration::from_millis(500);

struct Liar {
    lie: Lie,
    bug: Option<Bug>,
    port: u16,
    keys: Keys,
    cluster: ClusterSecret,
    transport: FaultTransport<SimTransport>,
    lane: RefCell<SeedRng>,
    /// In the order in which they came.
    replicas: RefCell<Vec<Replica>>,
    clients: Clients,
    notes: Tracer<Event>,
}

/// Lies until the host is killed.
pub(super) async fn run(machine: Machine<Files>, lie: Lie, bug: Option<Bug>) -> Ended {
    let Machine { host, options, seed, listen, dials, hosts, transport, disk, clients, events, .. } = machine;
    clients.lies(host);
    let (keys, replicas) = match load(disk, super::layout(&options), &mut seed.rng(Lane::Identity)) {
        Ok(loaded) => loaded,
        Err(error) => return Ended::Failed(error),
    };
    let cluster = match lie {
        Lie::Stranger if bug != Some(Bug::SecretLeaked) => ClusterSecret([1; 32]),
        _ => super::cluster(),
    };
    let mut listener = match transport.bind(&listen).await {
        Ok((listener, _)) => listener,
        Err(error) => return Ended::Failed(error.to_string()),
    };
    let lane = RefCell::new(seed.rng(Lane::Handshake));
    let port = listen.port();
    let replicas = RefCell::new(replicas);
    let liar = Rc::new(Liar { lie, bug, port, keys, cluster, transport, lane, replicas, clients, notes: events });
    for address in dials {
        tokio::task::spawn_local(liar.clone().keep_connected(address));
    }
    attack::run(&liar, hosts.into_iter().enumerate().filter(|(other, _)| *other != host).map(|(_, address)| address));
    loop {
        let Ok((stream, _)) = liar.transport.accept(&mut listener).await else { continue };
        let liar = liar.clone();
        tokio::task::spawn_local(async move {
            // The other side may go away at any time.
            drop(liar.serve(stream).await);
        });
    }
}

/// The identity on a disk, and the replicas that its node has taken.
fn load(disk: SimDisk, layout: Option<Layout>, unused: &mut SeedRng) -> Result<(Keys, Vec<Replica>), String> {
    let identity = Identity::load_or_create(&disk, unused).map_err(|error| error.to_string())?;
    Layout::choose(&disk, layout).map_err(|error| error.to_string())?;
    let keys = Keys::derive(&identity.master);
    let (store, _) = Store::open(disk, &keys).map_err(|error| error.to_string())?;
    let held = store.list_held(None, LIST_PAGE_MAX).map_err(|error| error.to_string())?;
    let mut replicas = Vec::new();
    for (owner, hashed, known) in held {
        let Some(record) = known.file() else { continue };
        // What was damaged at rest is not what it lies about.
        let Ok(Some(mut reader)) = store.read_blob(&BlobId::Held(owner, hashed)) else { continue };
        let mut bytes = vec![0; usize::try_from(reader.len()).unwrap_or(0)];
        if reader.read(&mut bytes).is_ok() && bytes.len() as u64 == record.seal.sealed_bytes() {
            replicas.push(Replica { owner, hashed, seal: record.seal, bytes });
        }
    }
    Ok((keys, replicas))
}

impl Liar {
    async fn dial(&self, address: &Address, purpose: Purpose) -> Result<Link, LinkError> {
        Ok(self.dial_as(&self.keys, address, purpose).await?.0)
    }

    async fn dial_as(&self, keys: &Keys, address: &Address, purpose: Purpose) -> Result<(Link, NodeId), LinkError> {
        let stream = self.transport.connect(address).await?;
        let credentials = Credentials::draw(keys, &self.cluster, &mut self.lane.borrow_mut());
        let hello = Hello { protocol: PROTOCOL_VERSION, listen_port: self.port, purpose };
        let (link, peer) = link::dial(stream, &credentials, hello).await?;
        if self.lie == Lie::Stranger {
            self.clients.trespassed(peer, "took a stranger in");
        }
        Ok((link, peer))
    }

    /// Keeps a control connection, as a node does.
    async fn keep_connected(self: Rc<Self>, address: Address) {
        loop {
            if let Ok((mut link, peer)) = self.dial_as(&self.keys, &address, Purpose::Control).await {
                while member::send(&mut link, &Message::Heartbeat { held: self.held(peer) }).await.is_ok()
                    && read_message(&mut link).await.is_ok()
                {}
            }
            sleep(DIAL_AGAIN).await;
        }
    }

    /// The keys of another node, where this bug lets the liar have them.
    fn stolen_keys(&self, of: NodeId, bug: Bug) -> Option<Keys> {
        self.clients.stolen_keys(of).filter(|_| self.bug == Some(bug))
    }

    /// What it says with a heartbeat.
    fn held(&self, owner: NodeId) -> Option<Print> {
        (self.lie == Lie::FalseInventory).then(|| self.invented_print(owner))
    }

    async fn serve(&self, stream: Stream) -> Result<(), LinkError> {
        if self.lie == Lie::Mute {
            let _open = stream;
            return std::future::pending().await;
        }
        if self.lie == Lie::SlowHandshake {
            return attack::drip(stream).await;
        }
        let credentials = Credentials::draw(&self.keys, &self.cluster, &mut self.lane.borrow_mut());
        let (mut link, peer, hello) = link::accept(stream, &credentials).await?;
        if self.lie == Lie::Stranger {
            self.clients.trespassed(peer, "shook hands with a stranger");
        }
        link::welcome(&mut link, Verdict::Accepted).await?;
        loop {
            match read_message(&mut link).await? {
                Message::Heartbeat { .. } if hello.purpose == Purpose::Control => {
                    let connections_wanted = if self.lie == Lie::Floods { u8::MAX } else { 0 };
                    match self.lie {
                        Lie::Floods => {}
                        // Who has something to say does not wait long.
                        Lie::FalseInventory => sleep(DIAL_AGAIN / 10).await,
                        _ => sleep(HEARTBEAT_INTERVAL).await,
                    }
                    member::send(&mut link, &Message::Alive { connections_wanted, held: self.held(peer) }).await?;
                }
                _ if self.lie == Lie::Garbage => {
                    link.write_all(&[0xd5; 300]).await?;
                    link.flush().await?;
                }
                Message::StoreFile { owner, hashed, sealed_bytes, .. } => {
                    let replica = member::take(&mut link, owner, hashed, sealed_bytes).await?;
                    self.replicas.borrow_mut().push(replica);
                    member::send(&mut link, &Message::Stored).await?;
                }
                Message::GetFile { owner, hashed } => self.give(&mut link, owner, hashed).await?,
                question if self.lie == Lie::FalseInventory => match self.invent(peer, &question) {
                    Some(answer) => member::send(&mut link, &answer).await?,
                    None => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
    }

    async fn give(&self, link: &mut Link, owner: NodeId, hashed: HashedKey) -> Result<(), WireError> {
        let Some(mut replica) = self.choose(owner, hashed) else {
            return member::send(link, &Message::NotFound).await;
        };
        self.notes.note(format!("is asked for a replica and lies: {}", self.lie.name()));
        match self.lie {
            Lie::OtherBytes => *replica.bytes.last_mut().expect("it begins with an IV") ^= 1,
            Lie::OtherSeal => replica.seal.version.0 = replica.seal.version.0.wrapping_add(1),
            Lie::OtherLength => member::announce(link, &replica.seal, replica.seal.sealed_bytes() + 7).await?,
            Lie::Stalls => {
                replica.bytes.truncate(replica.bytes.len() / 2);
                member::hand_over(link, &replica).await?;
                return std::future::pending().await;
            }
            _ => {}
        }
        member::hand_over(link, &replica).await?;
        if self.lie == Lie::Endless {
            for _ in 0..16 {
                link.write_all(&[0; 4096]).await?;
            }
            link.flush().await?;
        }
        Ok(())
    }

    /// The replica that it gives for a name.
    fn choose(&self, owner: NodeId, hashed: HashedKey) -> Option<Replica> {
        let replicas = self.replicas.borrow();
        let mut of_owner = replicas.iter().filter(|replica| replica.owner == owner);
        match self.lie {
            Lie::Forgets => None,
            Lie::OldVersion => of_owner.find(|replica| replica.hashed == hashed).cloned(),
            Lie::OtherFile => of_owner.rfind(|replica| replica.hashed != hashed).cloned(),
            Lie::FalseInventory => Some(self.forge(owner, hashed)),
            _ => of_owner.rfind(|replica| replica.hashed == hashed).cloned(),
        }
    }
}
