//! The attacks of liars: what they do without being asked.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::{NodeId, ReplicaName, Version};
use dacapo::limits::{INBOUND_PER_PEER_MAX, STRANGERS_MAX};
use dacapo::node::link::LinkError;
use dacapo::protocol::{Message, Purpose, Refusal, read_message};
use dacapo::transport::{Address, Transport};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::false_owner::{defraud, look};
use super::lie::Lie;
use super::state::{ASK_PACE, DIAL_AGAIN, Liar, Stream};
use crate::store::bug::Bug;
use crate::store::scripted_peer::{self, Replica};

/// The time between two connections of a crowd. Within the time of a handshake there are more connections than
/// places.
const CROWD_PACE: Duration = Duration::from_millis(40);

/// Attacks all other hosts until the liar's own host is killed.
pub(super) fn run(liar: &Rc<Liar>, others: impl Iterator<Item = Address>) {
    for address in others {
        let liar = liar.clone();
        tokio::task::spawn_local(async move {
            match liar.lie {
                Lie::Floods => flood(&liar, &address).await,
                Lie::Trespasses => trespass(&liar, &address).await,
                Lie::Stranger => knock(&liar, &address).await,
                Lie::Garbage => babble(&liar, &address).await,
                Lie::SlowHandshake => dawdle(&liar, &address).await,
                Lie::Crowds => crowd(&liar, &address).await,
                Lie::Asks => ask(&liar, &address).await,
                Lie::FalseOwner => drop(tokio::join!(biased; defraud(&liar, &address), look(&liar, &address))),
                _ => {}
            }
        });
    }
}

/// Opens more connections than one peer may have, and holds on to all of them.
async fn flood(liar: &Liar, address: &Address) {
    let mut open = Vec::new();
    for _ in 0..INBOUND_PER_PEER_MAX + 8 {
        match liar.dial(address, Purpose::DialerAsks).await {
            Ok(link) => open.push(link),
            Err(_) => sleep(DIAL_AGAIN).await,
        }
    }
    std::future::pending::<()>().await;
}

async fn knock(liar: &Liar, address: &Address) {
    loop {
        // `dial_as` notes a dial that succeeds.
        drop(liar.dial(address, Purpose::DialerAsks).await);
        sleep(DIAL_AGAIN).await;
    }
}

/// Stores in every namespace that the liar knows of, and asks for what lies there.
async fn trespass(liar: &Liar, address: &Address) {
    loop {
        // The node may close the connection instead of an answer.
        drop(try_all(liar, address).await);
        sleep(DIAL_AGAIN).await;
    }
}

async fn try_all(liar: &Liar, address: &Address) -> Result<(), LinkError> {
    let (mut link, node) = liar.dial_as(&liar.keys, address, Purpose::DialerAsks).await?;
    let own = liar.keys.node();
    let mut known: Vec<_> =
        liar.replicas.borrow().iter().map(|replica| (replica.owner, replica.replica_name)).collect();
    known.push((node, ReplicaName([7; 16])));
    for (owner, replica_name) in known.into_iter().filter(|(owner, _)| *owner != own) {
        if let Some(stolen) = liar.stolen_keys(owner, Bug::KeysStolen).filter(|_| owner != node) {
            link = liar.dial_as(&stolen, address, Purpose::DialerAsks).await?.0;
        }
        let forged = Replica::unsealed(owner, replica_name, Version(u64::MAX), vec![5; 100]);
        must_be_refused(liar, node, "store", &scripted_peer::store_at(&mut link, &forged).await?);
        scripted_peer::send(&mut link, &Message::GetFile { owner, replica_name }).await?;
        let answer = read_message(&mut link).await?;
        must_be_refused(liar, node, "get", &answer);
        if let Message::Found(_) = answer {
            return Ok(());
        }
    }
    Ok(())
}

fn must_be_refused(liar: &Liar, node: NodeId, asked: &str, answer: &Message) {
    if *answer != Message::Refused(Refusal::NotOwner) {
        let what = format!("answered a {asked} in another's name with {}", answer.name());
        liar.clients.trespassed(node, &what);
    }
}

/// Sends bytes that are no message, on connections of its own.
async fn babble(liar: &Liar, address: &Address) {
    loop {
        if let Ok(mut link) = liar.dial(address, Purpose::DialerAsks).await {
            // The node closes it.
            drop(link.write_all(&[0xd5; 300]).await);
            drop(link.flush().await);
        }
        sleep(DIAL_AGAIN).await;
    }
}

/// Shakes hands on several connections, so slowly that none is done in time.
async fn dawdle(liar: &Liar, address: &Address) {
    loop {
        if let Ok(stream) = liar.transport.connect(address).await {
            tokio::task::spawn_local(async move {
                // The node closes it.
                drop(drip(stream).await);
            });
        }
        sleep(DIAL_AGAIN).await;
    }
}

/// Sends the beginning of a handshake message, byte by byte.
pub(super) async fn drip(mut stream: Stream) -> Result<(), LinkError> {
    for byte in [0, 48].into_iter().chain([7; 47]) {
        stream.write_all(&[byte]).await?;
        sleep(DIAL_AGAIN).await;
    }
    Ok(())
}

/// Opens more connections than a node keeps in a handshake's time, and says nothing on any.
async fn crowd(liar: &Liar, address: &Address) {
    let mut open = VecDeque::new();
    loop {
        if let Ok(stream) = liar.transport.connect(address).await {
            open.push_back(stream);
        }
        if open.len() > 2 * STRANGERS_MAX {
            open.pop_front();
        }
        sleep(CROWD_PACE).await;
    }
}

/// Asks on as many connections as one peer may have, one question after the other.
async fn ask(liar: &Rc<Liar>, address: &Address) {
    for _ in 0..INBOUND_PER_PEER_MAX {
        let (liar, address) = (liar.clone(), address.clone());
        tokio::task::spawn_local(async move {
            loop {
                // Each connection asks until it is closed.
                drop(ask_on(&liar, &address).await);
                sleep(DIAL_AGAIN).await;
            }
        });
    }
}

async fn ask_on(liar: &Liar, address: &Address) -> Result<(), LinkError> {
    let mut link = liar.dial(address, Purpose::DialerAsks).await?;
    let (owner, replica_name) = (liar.keys.node(), ReplicaName([7; 16]));
    loop {
        let questions = [
            Message::CheckFile { replica_name },
            Message::VerifyFile { replica_name },
            Message::Summarise { group: None },
            Message::GetFile { owner, replica_name },
            Message::ListLeaf { leaf: 7, after: None },
        ];
        for question in questions {
            scripted_peer::send(&mut link, &question).await?;
            read_message(&mut link).await?;
            sleep(ASK_PACE).await;
        }
    }
}
