//! The five workflows of the original document, each on turmoil, each as a claim. The snapshots show what happened
//! on every node, in virtual time, and what lies on the disks afterwards.

#[path = "support/snapshots.rs"]
mod support;

use std::collections::BTreeMap;
use std::future::Future;

use dacapo::node::Handle;
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted::{self, ScriptedRun};
use dacapo_sim::store::walkthrough::star::{self, key};
use dacapo_sim::trace::Fact;
use dacapo_sim::twice;

const SEED: u64 = 2026;

type Failure = Box<dyn std::error::Error>;

/// Runs the star until the origin has both peers, then the workload on the origin.
fn run<F>(workload: impl FnOnce(Handle) -> F + 'static) -> ScriptedRun
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    scripted::run(&walkthrough::setup(SEED), async move |cluster| {
        let origin = cluster.node(star::ORIGIN).await;
        star::connected(&origin, 2).await;
        cluster.note("the star is up");
        workload(origin).await
    })
}

#[test]
fn start_connects_the_star_and_nothing_else() {
    let outcome = scripted::run(&walkthrough::setup(SEED), async |cluster| {
        let origin = cluster.node(star::ORIGIN).await;
        star::connected(&origin, 2).await;
        for name in star::HOLDERS {
            let peers = cluster.node(name).await.peers().await;
            assert_eq!(peers.len(), 1, "{name} knows the origin only");
            assert_eq!(peers[0].peer, Some(origin.node()));
        }
        Ok(())
    });
    support::assert_snapshot("workflow_1_start", &support::show(&outcome));
}

#[test]
fn store_leaves_plaintext_here_and_the_same_sealed_bytes_on_both_peers() {
    let outcome = run(async |origin| star::store(&origin, 0).await);
    let sealed: Vec<_> = star::HOLDERS.iter().map(|host| blob(&outcome, host)).collect();
    assert_eq!(sealed[0], sealed[1], "the same name and the same bytes");
    assert_eq!(sealed[0].1.len(), 38, "a 16-byte IV and 22 bytes of ciphertext");
    assert_eq!(blob(&outcome, star::ORIGIN).1, star::CONTENT);
    support::assert_snapshot("workflow_2_store", &support::show(&outcome));
}

#[test]
fn delete_removes_the_local_copy_and_leaves_the_peers_theirs() {
    let outcome = run(async |origin| {
        star::store(&origin, 0).await?;
        Ok(origin.delete(&key(0)).await?)
    });
    assert!(blobs(&outcome, star::ORIGIN).is_empty());
    assert_eq!(blob(&outcome, "n3000"), blob(&outcome, "n7000"));
    support::assert_snapshot("workflow_3_delete", &support::show(&outcome));
}

#[test]
fn get_brings_a_deleted_file_back_from_a_peer() {
    let outcome = run(async |origin| {
        star::store(&origin, 0).await?;
        origin.delete(&key(0)).await?;
        star::get(&origin, 0).await
    });
    assert_eq!(blob(&outcome, star::ORIGIN).1, star::CONTENT);
    support::assert_snapshot("workflow_4_get", &support::show(&outcome));
}

#[test]
fn the_whole_cycle_keeps_twenty_files() {
    let outcome = walkthrough::run(SEED, star::FILES);
    assert_eq!(outcome.failure, None);
    let mut summary = format!("{:.3} virtual seconds\n", outcome.elapsed.as_secs_f64());
    let mut counts = BTreeMap::<String, usize>::new();
    for line in outcome.trace.story() {
        if let Fact::Event(event) = &line.what {
            let name = format!("{event:?}");
            let name = name.split([' ', '{']).next().unwrap_or_default();
            *counts.entry(format!("{}  {name}", line.host)).or_default() += 1;
        }
    }
    for (what, count) in counts {
        summary += &format!("{what}: {count}\n");
    }
    for host in outcome.disks.keys() {
        let blobs = blobs(&outcome, host);
        let bytes: usize = blobs.iter().map(|(_, bytes)| bytes.len()).sum();
        summary += &format!("{host} holds {} files, {bytes} bytes\n", blobs.len());
    }
    support::assert_snapshot("workflow_5_whole_cycle", &summary);
}

#[test]
fn the_trace_of_a_seed_is_the_same_on_every_machine() {
    // Wherever this fails, seeds mean something else there: report it with the machine and the versions.
    let outcome = walkthrough::run(SEED, 1);
    support::assert_snapshot("trace_of_seed_2026", &twice::lines(&outcome.trace).join("\n"));
}

/// The files in the folders of a disk: path and content.
fn blobs(outcome: &ScriptedRun, host: &str) -> Vec<(String, Vec<u8>)> {
    let disk = &outcome.disks[host];
    let paths = disk.tree().into_iter().map(|(path, ..)| path).filter(|path| path.contains('/'));
    paths.filter_map(|path| disk.read(&path).map(|bytes| (path, bytes))).collect()
}

fn blob(outcome: &ScriptedRun, host: &str) -> (String, Vec<u8>) {
    let mut blobs = blobs(outcome, host);
    assert_eq!(blobs.len(), 1, "{host}");
    blobs.remove(0)
}
