//! A node that is told to stop stops, whatever its calls are waiting for, and says so without a panic.

use std::future::Future;
use std::time::Duration;

use dacapo::node::{Content, Handle};
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted::{self, Nodes, ScriptedRun};
use dacapo_sim::store::walkthrough::star::{self, key};
use tokio::io::AsyncWriteExt;

type Failure = Box<dyn std::error::Error>;

fn run<F>(workload: impl FnOnce(Nodes, Handle) -> F + 'static) -> ScriptedRun
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    scripted::run(&walkthrough::setup(1), async move |cluster| {
        let origin = cluster.node(star::ORIGIN).await;
        star::connected(&origin, 2).await;
        workload(cluster, origin).await
    })
}

#[test]
fn a_node_stops_in_the_middle_of_a_store_without_a_panic() {
    for host in ["n5000", "n3000"] {
        for ms in (0..200).step_by(5) {
            let outcome = run(async move |cluster, origin| {
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
    let outcome = run(async |_, origin| {
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
    assert_eq!(outcome.failure, None);
}

#[test]
fn content_that_ends_because_the_node_stopped_does_not_look_whole() {
    let outcome = run(async |_, origin| {
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
    assert_eq!(outcome.failure, None);
}
