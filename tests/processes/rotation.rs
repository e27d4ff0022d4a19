//! All files of a node go to a new identity, whatever happens in between.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use super::recovery::{cluster, content, invite, listing, store, text};
use crate::support::bench::{Bench, Ended, Node, free_address, wait_until};

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
    let itself = first.data.join("../n1");
    for (to, code, why) in
        [(&other, 1, "is the directory of another node"), (&itself, 2, "--to names the directory of the old node")]
    {
        let peer = ["--listen", &first.address, "--peer", &holder.address, "--wait-for", "1"];
        let refused = bench.run(&first.data, &[&["identity", "rotate", "--to", text(to)], &peer[..]].concat());
        assert_eq!((refused.code, refused.stderr.contains(why)), (Some(code), true), "{}", refused.stderr);
    }
    let kept = bench.member_at("n1", &first.address);
    assert_eq!(listing(&bench, &kept.data).len(), 1);
}

/// Returns the command that rotates the identity of a stopped node whose only connected peer is the holder.
fn rotation<'a>(first: &'a Node, new: &'a Path, holder: &'a Node) -> Vec<&'a str> {
    let connect = ["--listen", &first.address, "--peer", &holder.address, "--wait-for", "1"];
    [&["identity", "rotate", "--to", text(new)][..], &connect].concat()
}

/// Fails unless a rotation has ended with the error that this peer may still hold old copies.
fn assert_names_left(ended: &Ended, away: &str) {
    let expected = format!("error: {away} may still hold copies under the old keys; the same command tries again\n");
    assert!(ended.code == Some(1) && ended.stderr.ends_with(&expected), "{}", ended.stderr);
}

/// The users of both nodes have stored and deleted files between two calls.
#[test]
fn a_rotation_that_goes_on_overwrites_nothing_that_was_stored_in_between() {
    let bench = Bench::new();
    let [mut first, second] = cluster(&bench);
    store(&bench, &first, 4);
    let stop = |node: &mut Node| {
        bench.succeed(&node.data, &["stop"]);
        node.wait();
    };
    stop(&mut first);
    let new = bench.path("new");
    let rotate = rotation(&first, &new, &second);
    assert_eq!(bench.run(&first.data, &rotate).code, Some(0));
    let put = |data: &Path, name: &str, content: &[u8]| {
        let file = bench.file("content", content);
        bench.succeed(data, &["put", name, text(&file), "--min-replicas", "1"]);
    };
    let mut node = bench.member("new");
    node.connected(&bench, 1);
    put(&new, "file 0", b"newer");
    bench.succeed(&new, &["rm", "--everywhere", "file 2"]);
    stop(&mut node);
    let mut node = bench.member_with("n1", &["--listen", &first.address, "--peer", &second.address]);
    node.connected(&bench, 1);
    for index in 0..5 {
        put(&node.data, &format!("file {index}"), &content(index));
    }
    stop(&mut node);
    let ended = bench.run(&node.data, &rotate);
    let lines: Vec<_> = ended.stderr.lines().collect();
    let [differs, deleted, error] = lines[..] else { panic!("{}", ended.stderr) };
    assert!(differs.starts_with("file 0: not moved, because the new identity has another file under this name"));
    assert!(deleted.starts_with("file 2: not moved, because it was deleted under the new identity"));
    assert!(ended.code == Some(1) && error.starts_with("error: 2 files not moved: "), "{error}");
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("moved 3 files, "));
    let node = bench.member("new");
    assert_eq!(bench.run(&new, &["get", "file 0"]).stdout, b"newer");
    let of_new = listing(&bench, &new).into_keys().collect::<Vec<_>>();
    assert_eq!(of_new, ["file 0", "file 1", "file 3", "file 4"]);
    drop(node);
    let old = bench.member_at("n1", &first.address);
    assert_eq!(listing(&bench, &old.data).into_keys().collect::<Vec<_>>(), ["file 0", "file 2"], "kept");
    assert!(bench.run(&old.data, &["get", "file 0"]).stdout == content(0));
}

#[test]
fn a_rotation_goes_on_without_a_peer_that_is_away_and_names_it() {
    let bench = Bench::new();
    let [mut first, second] = cluster(&bench);
    store(&bench, &first, 3);
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let (new, away) = (bench.path("new"), free_address());
    let rotate = [rotation(&first, &new, &second), vec!["--peer", &away]].concat();
    let ended = bench.spawn(&first.data, &rotate, Stdio::null()).end_late();
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("moved 3 files, "), "{}", ended.stderr);
    assert_names_left(&ended, &away);
}

#[test]
fn a_rotation_moves_nothing_before_every_connected_peer_lets_the_new_identity_in() {
    let bench = Bench::new();
    let [mut first, second] = cluster(&bench);
    store(&bench, &first, 3);
    bench.succeed(&second.data, &["peers", "lock"]);
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let new = bench.path("new");
    let rotate = rotation(&first, &new, &second);
    let ended = bench.spawn(&first.data, &rotate, Stdio::null()).end_late();
    let expected = format!("error: nothing was moved: no connection of the new identity with {}", second.short_id());
    assert!(ended.code == Some(1) && ended.stderr.contains(&expected), "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
    let id = ended.stderr.split("`dacapo peers allow ").nth(1).and_then(|rest| rest.split('`').next());
    let mut node = bench.member_at("n1", &first.address);
    node.connected(&bench, 1);
    let holders = bench.succeed(&node.data, &["whereis", "--verify", "file 2"]);
    assert!(holders.contains("current"), "the old copies are at the peer: {holders}");
    bench.succeed(&node.data, &["stop"]);
    node.wait();
    bench.succeed(&second.data, &["peers", "allow", id.expect("the message says what to do")]);
    let ended = bench.run(&first.data, &rotate);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("moved 3 files, "));
}

#[test]
fn a_rotation_names_a_peer_that_only_dials_in_and_is_away() {
    let bench = Bench::new();
    let [mut first, second] = cluster(&bench);
    invite(&bench, &first, "n3");
    let mut third = bench.member("n3");
    third.connected(&bench, 1);
    store(&bench, &first, 3);
    let away = third.short_id();
    bench.succeed(&third.data, &["stop"]);
    third.wait();
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let new = bench.path("new");
    let ended = bench.spawn(&first.data, &rotation(&first, &new, &second), Stdio::null()).end_late();
    assert_names_left(&ended, &away);
}

#[test]
fn a_rotation_places_files_on_as_many_peers_as_it_is_told() {
    let bench = Bench::new();
    let [mut first, second] = cluster(&bench);
    invite(&bench, &first, "n3");
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let peers = ["--listen", &first.address, "--peer", &second.address, "--replicas", "1"];
    let mut first = bench.member_with("n1", &peers);
    let third = bench.member("n3");
    first.connected(&bench, 2);
    // Which of the two holds a file is chosen by ids, which are new each time.
    store(&bench, &first, 20);
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let new = bench.path("new");
    let mut rotate = rotation(&first, &new, &second);
    rotate.pop();
    rotate.extend(["2", "--replicas", "1"]);
    let ended = bench.spawn(&first.data, &rotate, Stdio::null()).end_late();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let held = [&second, &third].map(|holder| {
        let rows = bench.succeed(&holder.data, &["peers", "--json"]);
        let rows = rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        rows.map(|row| row["held_files"].as_u64().unwrap_or_default()).sum::<u64>()
    });
    assert!(held[0] + held[1] == 20 && held[0] > 0 && held[1] > 0, "{held:?}");
}

#[test]
fn a_new_identity_takes_over_who_is_forgotten_and_that_the_list_is_locked() {
    let bench = Bench::new();
    let [mut first, second] = cluster(&bench);
    store(&bench, &first, 2);
    let stranger = "5a".repeat(32);
    bench.succeed(&first.data, &["peers", "forget", &stranger]);
    bench.succeed(&first.data, &["peers", "lock"]);
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let new = bench.path("new");
    let ended = bench.run(&first.data, &rotation(&first, &new, &second));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let members = fs::read_to_string(new.join("members")).expect("a list");
    assert!(members.contains(&format!("forget {stranger}\n")) && members.contains("locked\n"), "{members}");
}
