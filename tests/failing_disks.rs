//! A disk that hangs under a node of the star: what the node goes on doing.

use std::future::Future;
use std::time::Duration;

use dacapo::event::Event;
use dacapo::node::Handle;
use dacapo_sim::star::{self, key};
use dacapo_sim::walkthrough;
use dacapo_sim::world::{self, Cluster, Outcome};

type Failure = Box<dyn std::error::Error>;

/// Runs the star until the origin has both peers, then the workload.
fn run<F>(workload: impl FnOnce(Cluster, Handle) -> F + 'static) -> Outcome
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let outcome = world::run(&walkthrough::setup(1), async move |cluster| {
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
    for host in ["n3000", "n5000", "n7000"] {
        let lost = outcome.trace.events(host).filter(|event| matches!(event, Event::PeerLost { .. })).count();
        assert_eq!(lost, 0, "{host}");
    }
}
