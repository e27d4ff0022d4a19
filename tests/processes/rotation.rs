//! All files of a node go to a new identity, whatever happens in between.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use super::recovery::{cluster, content, listing, store, text};
use crate::support::bench::{Bench, wait_until};

#[test]
fn a_new_identity_takes_all_files_and_nothing_is_left_of_the_old_one() {
    let bench = Bench::new();
    let [mut first, second] = cluster(&bench);
    store(&bench, &first, 8);
    let names = |listing: BTreeMap<String, serde_json::Value>| listing.into_keys().collect::<Vec<_>>();
    let before = names(listing(&bench, &first.data));
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let new = bench.path("new");
    let rotate = ["identity", "rotate", "--to", text(&new), "--listen", &first.address, "--wait-for", "1"];
    // The rotation is killed somewhere in between, and the second command goes on with it.
    let mut running = bench.spawn(&first.data, &rotate, Stdio::null());
    wait_until("the command has begun", || new.join("members").exists());
    sleep(Duration::from_millis(50));
    drop(running.child().kill());
    running.end();
    let ended = bench.run(&first.data, &rotate);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let node = bench.member("new");
    node.connected(&bench, 1);
    assert_eq!(names(listing(&bench, &new)), before);
    for index in 0..8 {
        bench.succeed(&new, &["rm", "--force", &format!("file {index}")]);
        let got = bench.run(&new, &["get", &format!("file {index}")]);
        assert!(got.stdout == content(index), "file {index} comes back from the peer");
    }
    let held = bench.succeed(&second.data, &["peers", "--json"]);
    let rows: Vec<serde_json::Value> = held.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let held: Vec<_> = rows
        .iter()
        .map(|row| (&row["connected"], &row["held_files"]))
        .map(|(is, files)| (is.clone(), files.clone()))
        .collect();
    assert!(held.contains(&(true.into(), 8.into())) && held.contains(&(false.into(), 0.into())), "{held:?}");
}

#[test]
fn a_new_identity_takes_nobody_elses_directory() {
    let bench = Bench::new();
    let [mut first, mut second] = cluster(&bench);
    store(&bench, &first, 1);
    for node in [&mut first, &mut second] {
        bench.succeed(&node.data, &["stop"]);
        node.wait();
    }
    let holder = bench.member_at("n2", &second.address);
    let other = bench.path("n4");
    bench.succeed(&other, &["--quiet", "init"]);
    let rotate = [
        "identity",
        "rotate",
        "--to",
        text(&other),
        "--listen",
        &first.address,
        "--peer",
        &holder.address,
        "--wait-for",
        "1",
    ];
    let refused = bench.run(&first.data, &rotate);
    assert!(
        refused.code == Some(1) && refused.stderr.contains("is the directory of another node"),
        "{}",
        refused.stderr
    );
    let kept = bench.member_at("n1", &first.address);
    assert_eq!(listing(&bench, &kept.data).len(), 1);
}
