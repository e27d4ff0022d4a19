//! A node inside another program: it starts on a new directory, stores a file, gets it back, and stops.
//!
//! `cargo run --example embed`

use std::error::Error;

use dacapo::crypto::{ClusterSecret, Key};
use dacapo::disk::dir::DirDisk;
use dacapo::node::{Config, Content, Node};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;

fn main() -> Result<(), Box<dyn Error>> {
    // A node is a set of local tasks on one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, keep_a_file())
}

async fn keep_a_file() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    // All nodes of a cluster have the same secret; this one has nobody to share it with.
    let cluster = ClusterSecret(random()?);
    let mut config = Config::new("127.0.0.1:0".parse()?, cluster, Seed::from_bytes(random()?));
    // A peer would be named here: config.peers.push("other.example:3000".parse()?).
    config.events = std::rc::Rc::new(|event| println!("{event}"));

    let node = Node::start(Machine::new(DirDisk::open(directory.path())?), config).await?;
    let handle = node.handle();
    let key: Key = "greetings/hello.txt".parse()?;
    let stored = handle.store(&key, Content::bytes("hello")).await?;
    let content = handle.get(&key).await?.read_all().await?;
    println!("{} in {}, at {} peers", String::from_utf8(content)?, stored.version, stored.replicas());

    handle.stop().await;
    Ok(node.stopped().await?)
}

/// Draws from the operating system, because no two starts of a node may have the same seed.
fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
