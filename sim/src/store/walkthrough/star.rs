//! The star of the original document: two nodes that dial nobody, and a third that dials both. And its workload:
//! twenty files, each stored, deleted, fetched back, read and compared. The same code drives it on a simulated
//! and on a real network.

use std::time::Duration;

use dacapo::crypto::Key;
use dacapo::node::{Content, Handle};

use super::scripted::HostSpec;

/// The content of every file of the walkthrough: 22 bytes.
pub const CONTENT: &[u8] = b"my big data file here!";

/// The files of the whole cycle.
pub const FILES: usize = 20;

/// The node that stores, deletes and gets.
pub const ORIGIN: &str = "n5000";

/// The hosts of the star, in the order in which they start.
#[must_use]
pub fn hosts() -> Vec<HostSpec> {
    let host = |port: u16, dials: &[u16]| HostSpec {
        name: format!("n{port}"),
        listen: "0.0.0.0".to_owned(),
        port,
        dials: dials.iter().map(|port| (format!("n{port}"), *port)).collect(),
    };
    vec![host(3000, &[]), host(7000, &[]), host(5000, &[3000, 7000])]
}

/// The key of one file.
///
/// # Panics
/// Never: the name is a valid key.
#[must_use]
pub fn key(index: usize) -> Key {
    format!("picture_{index}.png").parse().expect("a plain name is a key")
}

/// Waits until a node has so many connected peers.
pub async fn connected(node: &Handle, peers: usize) {
    while node.peers().await.iter().filter(|peer| peer.is_connected).count() < peers {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Stores a file; both peers have to acknowledge it.
///
/// # Errors
/// Where the store fails or a peer has no replica.
pub async fn store(node: &Handle, index: usize) -> Result<(), Box<dyn std::error::Error>> {
    let stored = node.store(&key(index), Content::bytes(CONTENT)).await?;
    if stored.replicas() == 2 { Ok(()) } else { Err(format!("not on both peers: {stored:?}").into()) }
}

/// Gets a file and compares it.
///
/// # Errors
/// Where the get fails or gives other bytes.
pub async fn get(node: &Handle, index: usize) -> Result<(), Box<dyn std::error::Error>> {
    let content = node.get(&key(index)).await?.read_all().await?;
    if content == CONTENT { Ok(()) } else { Err("other bytes came back".into()) }
}

/// The whole cycle for the first `files` files.
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
