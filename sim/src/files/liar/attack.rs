//! What liars do of their own accord.

use std::rc::Rc;

use dacapo::crypto::{HashedKey, NodeId, Version};
use dacapo::limits::INBOUND_PER_PEER_MAX;
use dacapo::node::link::LinkError;
use dacapo::protocol::{Message, Purpose, Refusal, read_message};
use dacapo::transport::Address;
use tokio::time::sleep;

use super::{DIAL_AGAIN, Liar, Lie};
use crate::files::member::{self, Replica};

/// Attacks all other hosts until the liar's own host is killed.
pub(super) fn run(liar: &Rc<Liar>, others: impl Iterator<Item = Address>) {
    for address in others {
        let liar = liar.clone();
        tokio::task::spawn_local(async move {
            match liar.lie {
                Lie::Floods => flood(&liar, &address).await,
                Lie::Trespasses => trespass(&liar, &address).await,
                Lie::Stranger => knock(&liar, &address).await,
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
        // It is reported where it succeeds.
        drop(liar.dial(address, Purpose::DialerAsks).await);
        sleep(DIAL_AGAIN).await;
    }
}

/// Stores in every namespace that it knows of, and asks for what lies there.
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
    let mut known: Vec<_> = liar.replicas.borrow().iter().map(|replica| (replica.owner, replica.hashed)).collect();
    known.push((node, HashedKey([7; 16])));
    for (owner, hashed) in known.into_iter().filter(|(owner, _)| *owner != own) {
        if let Some(stolen) = liar.clients.stolen_keys(owner).filter(|_| owner != node) {
            link = liar.dial_as(&stolen, address, Purpose::DialerAsks).await?.0;
        }
        let forged = Replica::unsealed(owner, hashed, Version(u64::MAX), vec![5; 100]);
        must_be_refused(liar, node, "store", &member::store_at(&mut link, &forged).await?);
        member::send(&mut link, &Message::GetFile { owner, hashed }).await?;
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
