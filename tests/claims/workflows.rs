//! The five workflows of the original document, each as a claim on the scripted star. The snapshots show what happened
//! on every node, in virtual time, and what lies on the disks afterwards.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::Future;

use dacapo::node::Handle;
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted::ScriptedRun;
use dacapo_sim::store::walkthrough::show::disk_tree;
use dacapo_sim::store::walkthrough::star::{self, key};
use dacapo_sim::trace::Fact;
use dacapo_sim::twice;

use crate::support::scripted::{Failure, try_run};
use crate::support::snapshots::assert_snapshot;

const SEED: u64 = 2026;

/// Runs a script on the origin of the star, after a note in the trace that the star is up.
fn run<F>(script: impl FnOnce(Handle) -> F + 'static) -> ScriptedRun
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    try_run(&walkthrough::setup(SEED), async move |cluster, origin| {
        cluster.note("the star is up");
        script(origin).await
    })
}

/// Writes the story of a run and what it left on the disks.
fn show(outcome: &ScriptedRun) -> String {
    assert_eq!(outcome.failure, None);
    let mut text = String::new();
    for line in outcome.trace.story() {
        writeln!(text, "{line}").expect("writing to a String cannot fail");
    }
    for (host, disk) in &outcome.disks {
        write!(text, "\n{host}:\n{}", disk_tree(disk)).expect("writing to a String cannot fail");
    }
    text
}

#[test]
fn start_connects_the_star_and_nothing_else() {
    let outcome = try_run(&walkthrough::setup(SEED), async |cluster, origin| {
        for name in star::HOLDERS {
            let peers = cluster.node(name).await.peers().await;
            assert_eq!(peers.len(), 1, "{name} knows the origin only");
            assert_eq!(peers[0].peer, Some(origin.node()));
        }
        Ok(())
    });
    assert_snapshot("workflow_1_start", &show(&outcome));
}

#[test]
fn store_leaves_plaintext_here_and_the_same_sealed_bytes_on_both_peers() {
    let outcome = run(async |origin| star::store(&origin, 0).await);
    let sealed: Vec<_> = star::HOLDERS.iter().map(|host| blob(&outcome, host)).collect();
    assert_eq!(sealed[0], sealed[1], "the same name and the same bytes");
    assert_eq!(sealed[0].1.len(), 38, "a 16-byte IV and 22 bytes of ciphertext");
    assert_eq!(blob(&outcome, star::ORIGIN).1, star::CONTENT);
    assert_snapshot("workflow_2_store", &show(&outcome));
}

#[test]
fn delete_removes_the_local_copy_and_leaves_the_peers_theirs() {
    let outcome = run(async |origin| {
        star::store(&origin, 0).await?;
        Ok(origin.delete(&key(0)).await?)
    });
    assert!(blobs(&outcome, star::ORIGIN).is_empty());
    assert_eq!(blob(&outcome, "n3000"), blob(&outcome, "n7000"));
    assert_snapshot("workflow_3_delete", &show(&outcome));
}

#[test]
fn get_brings_a_deleted_file_back_from_a_peer() {
    let outcome = run(async |origin| {
        star::store(&origin, 0).await?;
        origin.delete(&key(0)).await?;
        star::get(&origin, 0).await
    });
    assert_eq!(blob(&outcome, star::ORIGIN).1, star::CONTENT);
    assert_snapshot("workflow_4_get", &show(&outcome));
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
    assert_snapshot("workflow_5_whole_cycle", &summary);
}

#[test]
fn the_trace_of_a_seed_is_the_same_on_every_machine() {
    // If this fails on a machine, seeds mean something else there: report the machine and the versions.
    let outcome = walkthrough::run(SEED, 1);
    assert_snapshot("trace_of_seed_2026", &twice::lines(&outcome.trace).join("\n"));
}

/// Returns the path and the content of every file in a folder of a disk.
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
