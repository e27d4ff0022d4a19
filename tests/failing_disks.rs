//! A disk that hangs or fails under a node of the star: what the node goes on doing, and what it says of it.

use std::future::Future;
use std::time::Duration;

use dacapo::event::Event;
use dacapo::node::{Content, DeleteError, Handle, Lane};
use dacapo::seed::Seed;
use dacapo_sim::disk::CallKind;
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted::{self, Nodes, ScriptedRun};
use dacapo_sim::store::walkthrough::star::{self, key};

type Failure = Box<dyn std::error::Error>;

/// Runs the star until the origin has both peers, then the workload.
fn run<F>(workload: impl FnOnce(Nodes, Handle) -> F + 'static) -> ScriptedRun
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let outcome = scripted::run(&walkthrough::setup(1), async move |cluster| {
        let origin = cluster.node(star::ORIGIN).await;
        star::connected(&origin, 2).await;
        workload(cluster, origin).await
    });
    assert_eq!(outcome.failure, None);
    outcome
}

#[test]
fn a_disk_that_hangs_costs_a_node_none_of_its_peers() {
    let outcome = run(async |cluster, origin| {
        cluster.disk("n3000").set_paused(true);
        cluster.disk(star::ORIGIN).set_paused(true);
        tokio::time::sleep(Duration::from_secs(40)).await;
        let connected = origin.peers().await.iter().filter(|peer| peer.is_connected).count();
        assert_eq!(connected, 2);
        cluster.disk("n3000").set_paused(false);
        cluster.disk(star::ORIGIN).set_paused(false);
        star::store(&origin, 0).await
    });
    for host in star::NODES {
        let lost = outcome.trace.events(host).filter(|event| matches!(event, Event::PeerLost { .. })).count();
        assert_eq!(lost, 0, "{host}");
    }
}

/// The files that could not be read for want of the catalog are not passed over in silence.
#[test]
fn a_scrub_says_where_it_could_not_read_the_catalog() {
    run(async |cluster, origin| {
        star::store(&origin, 0).await?;
        let scrubbed = async || {
            let (told, _) = tokio::sync::mpsc::channel(1);
            origin.scrub(told).await
        };
        assert_eq!(scrubbed().await?.failed, 0);
        for kind in [CallKind::Read, CallKind::Write] {
            cluster.disk(star::ORIGIN).set_errors(kind, 1000, Seed::from_u64(1).rng(Lane::Iv));
        }
        // The database is closed at its first error, and cannot be opened again.
        assert!(matches!(origin.delete_everywhere(&key(0)).await, Err(DeleteError::Unconfirmed(_))));
        assert_eq!(scrubbed().await?.failed, 3, "all three listings broke off");
        Ok(())
    });
}

/// What a full peer refuses it refuses from whoever sends it.
#[test]
fn nobody_relays_to_a_peer_that_has_refused_a_replica() {
    let outcome = run(async |cluster, origin| {
        cluster.disk("n3000").set_capacity(Some(0));
        assert_eq!(origin.store(&key(0), Content::bytes(vec![1; 20_000])).await?.replicas(), 1);
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(())
    });
    let repaired = |event: &&Event| matches!(event, Event::PeerRepaired { failed: 1, .. });
    assert!(outcome.trace.events(star::ORIGIN).filter(repaired).count() >= 2, "it was tried again");
    let served = |event: &&Event| matches!(event, Event::ReplicaServed { .. });
    assert_eq!(outcome.trace.events("n7000").filter(served).count(), 0);
}
