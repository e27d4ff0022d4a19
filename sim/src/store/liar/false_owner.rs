//! An owner that breaks the rules: it stores two contents under one number, and bytes that its seal does not describe,
//! and looks at what other nodes make of that.

use dacapo::crypto::{ContentCipher, IV_BYTES, Iv, Key, Metadata, NodeId, Seal, SealedMetadata, Tombstone, Version};
use dacapo::node::link::LinkError;
use dacapo::protocol::{Message, Purpose, WireError, read_message};
use dacapo::seed::Rng;
use dacapo::time::UnixMillis;
use dacapo::transport::Address;
use tokio::time::sleep;

use super::state::{ASK_PACE, DIAL_AGAIN, Liar, Link};
use crate::store::scripted_peer::{self, Replica};

/// How many numbers are used twice on one connection.
const ROUNDS: usize = 8;

/// Stores until the liar's own host is killed.
pub(super) async fn defraud(liar: &Liar, address: &Address) {
    loop {
        // The node may close the connection instead of an answer.
        drop(store_twice(liar, address).await);
        sleep(DIAL_AGAIN).await;
    }
}

/// Gets what is stored meanwhile, until the liar's own host is killed.
pub(super) async fn look(liar: &Liar, address: &Address) {
    loop {
        drop(look_on(liar, address).await);
        sleep(DIAL_AGAIN).await;
    }
}

async fn store_twice(liar: &Liar, address: &Address) -> Result<(), LinkError> {
    let (mut link, node) = liar.dial_as(&liar.keys, address, Purpose::DialerAsks).await?;
    for _ in 0..ROUNDS {
        let moment = liar.clients.begin();
        let [one, other] = [1, 2].map(|content| liar.sealed(&twice(node), Version(moment), content));
        let is_taken = scripted_peer::store_at(&mut link, &one).await? == Message::Stored;
        let again = scripted_peer::store_at(&mut link, &other).await?;
        if is_taken && again == Message::Stored && !has_lost_it(liar, node, moment) {
            liar.clients.trespassed(node, "took another content under the number of one that it had acknowledged");
        }
        if is_taken {
            give_up_older(liar, &mut link, node, &one).await?;
        }
        let mut unlike = liar.sealed(&format!("unlike.{}", node.short()), Version(moment), 3);
        *unlike.bytes.last_mut().expect("it begins with an IV") ^= 1;
        if scripted_peer::store_at(&mut link, &unlike).await? == Message::Stored {
            liar.clients.trespassed(node, "acknowledged bytes that are not what their seal says");
        }
        let given = get(liar, &mut link, node).await?;
        if given.is_some_and(|given| given.seal == other.seal) && is_taken && !has_lost_it(liar, node, moment) {
            liar.clients.trespassed(node, "gave another content than it had acknowledged under that number");
        }
    }
    Ok(())
}

/// Has a node drop and delete the version before one that it has acknowledged.
async fn give_up_older(liar: &Liar, link: &mut Link, node: NodeId, held: &Replica) -> Result<(), WireError> {
    let (replica_name, older) = (held.replica_name, Version(held.seal.version.0 - 1));
    let tombstone = Tombstone::new(&liar.keys, replica_name, older);
    for question in
        [Message::ReleaseFile { replica_name, version: older }, Message::DeleteFile { replica_name, tombstone }]
    {
        scripted_peer::send(link, &question).await?;
        let answer = read_message(link).await?;
        let is_done = matches!(answer, Message::Released | Message::Deleted);
        if is_done && !has_lost_it(liar, node, held.seal.version.0) {
            let what = format!("answered {} of an older version with {}", question.name(), answer.name());
            liar.clients.trespassed(node, &what);
        }
    }
    Ok(())
}

async fn look_on(liar: &Liar, address: &Address) -> Result<(), LinkError> {
    let (mut link, node) = liar.dial_as(&liar.keys, address, Purpose::DialerAsks).await?;
    loop {
        get(liar, &mut link, node).await?;
        sleep(ASK_PACE).await;
    }
}

/// Gets what was stored twice, as small as it is: a node compares such a replica before it gives it.
async fn get(liar: &Liar, link: &mut Link, node: NodeId) -> Result<Option<Replica>, WireError> {
    let name = liar.keys.replica_name(&key(&twice(node)));
    let given = scripted_peer::fetch(link, liar.keys.node(), name).await?;
    if let Some(given) = &given
        && blake3::hash(&given.bytes) != blake3::Hash::from_bytes(given.seal.digest.0)
    {
        liar.clients.trespassed(node, "gave bytes that are not what their seal says");
    }
    Ok(given)
}

/// Whether a node may have lost what it had acknowledged, by damage of its disk.
fn has_lost_it(liar: &Liar, node: NodeId, moment: u64) -> bool {
    liar.clients.host(node).is_none_or(|host| liar.clients.was_damaged_since(host, moment))
}

/// Returns the name of the file that is stored twice at a node.
fn twice(node: NodeId) -> String {
    format!("twice.{}", node.short())
}

fn key(name: &str) -> Key {
    name.parse().expect("a plain name is a key")
}

impl Liar {
    /// Makes a replica of an own file, as an honest owner does. `content` tells the contents of one version apart.
    fn sealed(&self, name: &str, version: Version, content: u8) -> Replica {
        let iv = || {
            let mut iv = [0; IV_BYTES];
            self.lane.borrow_mut().fill_bytes(&mut iv);
            Iv(iv)
        };
        let (key, content_iv, mut bytes) = (key(name), iv(), vec![content; 100]);
        let (size, replica_name) = (bytes.len() as u64, self.keys.replica_name(&key));
        let mut cipher = ContentCipher::new(&self.keys, content_iv);
        cipher.seal(&mut bytes);
        let metadata = Metadata { key, size, modified: UnixMillis(0), attributes: None };
        let metadata = SealedMetadata::seal(&self.keys, iv(), &metadata);
        let seal = Seal::new(&self.keys, replica_name, version, size, cipher.digest(), metadata);
        let bytes = [&content_iv.0[..], &bytes].concat();
        Replica { owner: self.keys.node(), replica_name, seal, bytes }
    }
}
