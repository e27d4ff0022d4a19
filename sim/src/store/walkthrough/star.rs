//! The star of the original document: two nodes that dial no other, and a third that dials both. And its workload:
//! twenty files, each stored, deleted, fetched back, read and compared. One code drives it on a simulated and on a
//! real network.

use std::time::Duration;

use dacapo::crypto::Key;
use dacapo::node::{Content, Handle};

use super::scripted::HostSpec;

/// The content of every file of the walkthrough: 22 bytes.
pub const CONTENT: &[u8] = b"my big data file here!";

/// How many files the whole cycle has.
pub const FILES: usize = 20;

/// The nodes that dial no other, and hold the replicas.
pub const HOLDERS: [&str; 2] = ["n3000", "n7000"];

/// The node that dials the holders, and stores, deletes and gets.
pub const ORIGIN: &str = "n5000";

/// All nodes of the star, in the order in which they start.
pub const NODES: [&str; 3] = [HOLDERS[0], HOLDERS[1], ORIGIN];

/// Returns the hosts of the star, in the order in which they start.
#[must_use]
pub fn hosts() -> Vec<HostSpec> {
    let host = |name: &str, dials: &[&str]| HostSpec {
        name: name.to_owned(),
        listen: "0.0.0.0".to_owned(),
        port: port(name),
        dials: dials.iter().map(|name| ((*name).to_owned(), port(name))).collect(),
    };
    let dials = |name| if name == ORIGIN { &HOLDERS[..] } else { &[] };
    NODES.iter().map(|name| host(name, dials(*name))).collect()
}

/// Returns the port of a host of the star, which its name tells.
fn port(name: &str) -> u16 {
    name[1..].parse().expect("a name is a letter and a port")
}

/// Returns the key of one file.
///
/// # Panics
/// Never: the name is a valid key.
#[must_use]
pub fn key(index: usize) -> Key {
    format!("picture_{index}.png").parse().expect("a plain name is a key")
}

/// Waits until a node has at least `peers` connected peers.
pub async fn connected(node: &Handle, peers: usize) {
    while node.peers().await.iter().filter(|peer| peer.is_connected).count() < peers {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Stores a file. Both peers have to acknowledge it.
///
/// # Errors
/// If the store fails or a peer has no replica.
pub async fn store(node: &Handle, index: usize) -> Result<(), Box<dyn std::error::Error>> {
    let stored = node.store(&key(index), Content::bytes(CONTENT)).await?;
    if stored.replicas() == 2 { Ok(()) } else { Err(format!("not on both peers: {stored:?}").into()) }
}

/// Gets a file and compares its content.
///
/// # Errors
/// If the get fails or returns other bytes.
pub async fn get(node: &Handle, index: usize) -> Result<(), Box<dyn std::error::Error>> {
    let content = node.get(&key(index)).await?.read_all().await?;
    if content == CONTENT { Ok(()) } else { Err("other bytes came back".into()) }
}

/// Runs the whole cycle for the first `files` files.
///
/// # Errors
/// At the first step that fails.
pub async fn cycle(node: &Handle, files: usize) -> Result<(), Box<dyn std::error::Error>> {
    for index in 0..files {
        store(node, index).await?;
        node.delete(&key(index)).await?;
        get(node, index).await?;
    }
    Ok(())
}
