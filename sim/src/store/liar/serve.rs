//! What a liar answers, and the control connections that it keeps as a node does.

use std::rc::Rc;

use dacapo::crypto::{NodeId, ReplicaName};
use dacapo::limits::HEARTBEAT_INTERVAL;
use dacapo::node::link::{self, Credentials, LinkError};
use dacapo::protocol::{Message, Purpose, Verdict, Whereabouts, WireError, read_message};
use dacapo::transport::Address;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::attack;
use super::lie::Lie;
use super::state::{DIAL_AGAIN, Liar, Link, Stream};
use crate::store::scripted_peer::{self, Replica};

impl Liar {
    /// Keeps a control connection, as a node does.
    pub(super) async fn keep_connected(self: Rc<Self>, address: Address) {
        loop {
            if let Ok((mut link, peer)) = self.dial_as(&self.keys, &address, Purpose::Control).await {
                let mut whereabouts = Whereabouts::default();
                loop {
                    let heartbeat = Message::Heartbeat { held: self.held(peer), has_twin: false, whereabouts };
                    if scripted_peer::send(&mut link, &heartbeat).await.is_err() {
                        break;
                    }
                    whereabouts = match read_message(&mut link).await {
                        Ok(Message::Alive { whereabouts, .. }) => self.mislead(&whereabouts.sought),
                        Ok(_) => Whereabouts::default(),
                        Err(_) => break,
                    };
                }
            }
            sleep(DIAL_AGAIN).await;
        }
    }

    pub(super) async fn serve(&self, stream: Stream) -> Result<(), LinkError> {
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
        link::welcome(&mut link, Verdict::Accepted, self.boot).await?;
        loop {
            match read_message(&mut link).await? {
                Message::Heartbeat { whereabouts, .. } if hello.purpose == Purpose::Control => {
                    let connections_wanted = if self.lie == Lie::Floods { u8::MAX } else { 0 };
                    match self.lie {
                        Lie::Floods => {}
                        // A liar that has something to claim does not wait long.
                        Lie::FalseInventory | Lie::Bottomless | Lie::FalseSummary | Lie::FalseAddresses => {
                            sleep(DIAL_AGAIN / 10).await;
                        }
                        _ => sleep(HEARTBEAT_INTERVAL).await,
                    }
                    let (held, whereabouts) = (self.held(peer), self.mislead(&whereabouts.sought));
                    let alive = Message::Alive { connections_wanted, held, has_twin: false, whereabouts };
                    scripted_peer::send(&mut link, &alive).await?;
                }
                _ if self.lie == Lie::Garbage => {
                    link.write_all(&[0xd5; 300]).await?;
                    link.flush().await?;
                }
                Message::StoreFile { owner, replica_name, sealed_bytes, .. } => {
                    self.listed.borrow_mut().remove(&peer);
                    let replica = scripted_peer::take(&mut link, owner, replica_name, sealed_bytes).await?;
                    if self.lie == Lie::NeverAnswers {
                        return std::future::pending().await;
                    }
                    self.replicas.borrow_mut().push(replica);
                    scripted_peer::send(&mut link, &Message::Stored).await?;
                }
                Message::GetFile { owner, replica_name } => self.give(&mut link, owner, replica_name).await?,
                question if matches!(self.lie, Lie::FalseInventory | Lie::Bottomless | Lie::FalseSummary) => {
                    self.count_leaves(peer, &question);
                    match self.invent(peer, &question) {
                        Some(answer) => scripted_peer::send(&mut link, &answer).await?,
                        None => return Ok(()),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    async fn give(&self, link: &mut Link, owner: NodeId, replica_name: ReplicaName) -> Result<(), WireError> {
        let Some(mut replica) = self.choose(owner, replica_name) else {
            return scripted_peer::send(link, &Message::NotFound).await;
        };
        self.notes.note(format!("is asked for a replica and lies: {}", self.lie.name()));
        match self.lie {
            Lie::OtherBytes => *replica.bytes.last_mut().expect("it begins with an IV") ^= 1,
            Lie::OtherSeal => replica.seal.version.0 = replica.seal.version.0.wrapping_add(1),
            Lie::OtherLength => scripted_peer::announce(link, &replica.seal, replica.seal.sealed_bytes() + 7).await?,
            Lie::Stalls => {
                replica.bytes.truncate(replica.bytes.len() / 2);
                scripted_peer::hand_over(link, &replica).await?;
                return std::future::pending().await;
            }
            _ => {}
        }
        scripted_peer::hand_over(link, &replica).await?;
        if self.lie == Lie::Endless {
            for _ in 0..16 {
                link.write_all(&[0; 4096]).await?;
            }
            link.flush().await?;
        }
        Ok(())
    }

    /// Returns the replica that the liar gives for a name.
    fn choose(&self, owner: NodeId, replica_name: ReplicaName) -> Option<Replica> {
        let replicas = self.replicas.borrow();
        let mut of_owner = replicas.iter().filter(|replica| replica.owner == owner);
        match self.lie {
            Lie::Forgets => None,
            Lie::OldVersion => of_owner.find(|replica| replica.replica_name == replica_name).cloned(),
            Lie::OtherFile => of_owner.rfind(|replica| replica.replica_name != replica_name).cloned(),
            Lie::FalseInventory | Lie::Bottomless => Some(self.forge(owner, replica_name)),
            _ => of_owner.rfind(|replica| replica.replica_name == replica_name).cloned(),
        }
    }
}
