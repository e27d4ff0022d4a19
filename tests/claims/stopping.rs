//! A node that is told to stop does stop, whatever its calls are waiting for, and no call takes a part of a file for
//! the whole.

use std::time::Duration;

use dacapo::node::Content;
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::star::key;
use tokio::io::AsyncWriteExt;

use crate::support::scripted::{run, try_run};

#[test]
fn a_node_stops_in_the_middle_of_a_store_without_a_panic() {
    for host in ["n5000", "n3000"] {
        for ms in (0..200).step_by(5) {
            let outcome = try_run(&walkthrough::setup(1), async move |cluster, origin| {
                cluster.disk(host).set_delay(Some(Duration::from_millis(20)));
                let storing = origin.clone();
                let call = tokio::task::spawn_local(async move { storing.store(&key(0), Content::bytes("x")).await });
                tokio::time::sleep(Duration::from_millis(ms)).await;
                cluster.node(host).await.stop().await;
                drop(call.await?);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(())
            });
            assert_eq!(outcome.failure, None, "{host} stopped after {ms} ms");
        }
    }
}

#[test]
fn a_node_stops_while_every_call_waits_for_its_caller() {
    run(async |_, origin| {
        let mut open = Vec::new();
        for index in 0..200 {
            let (writer, reader) = tokio::io::duplex(10);
            open.push(writer);
            let origin = origin.clone();
            tokio::task::spawn_local(async move {
                drop(origin.store(&key(index), Content::reader(reader, None)).await);
            });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let stopping = async {
            origin.stop().await;
            while !origin.peers().await.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), stopping).await.map_err(|_| "it does not stop")?;
        for mut writer in open {
            drop(writer.shutdown().await);
        }
        Ok(())
    });
}

#[test]
fn content_that_ends_because_the_node_stopped_does_not_look_whole() {
    run(async |_, origin| {
        origin.store(&key(0), Content::bytes(vec![7; 4 << 20])).await?;
        let mut fetched = origin.get(&key(0)).await?;
        origin.stop().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut read = 0;
        let ended = loop {
            match fetched.chunk().await {
                Ok(Some(chunk)) => read += chunk.len(),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert!(ended.is_err() || read == 4 << 20, "a clean end after {read} bytes");
        Ok(())
    });
}
