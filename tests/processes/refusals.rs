//! What the program refuses, with which exit code, and with which message.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::bench::{Bench, wait_until, without_versions};

/// Runs a node that must not start, and returns the last line that it prints.
fn refused(bench: &Bench, data: &Path, listen: &str) -> String {
    let ended = bench.run(data, &["node", "--open-cluster", "--listen", listen]);
    assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0));
    ended.stderr.lines().last().expect("a message").replace(bench.path("").to_str().expect("plain"), "…/")
}

#[test]
fn a_node_that_cannot_start_says_why() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    assert_eq!(refused(&bench, &node.data, ":0"), "error: …/n1 is in use by a node or another command");
    let port_in_use = refused(&bench, &bench.path("n2"), &node.address);
    assert!(port_in_use.starts_with(&format!("error: cannot listen on {}: ", node.address)), "{port_in_use}");
    bench.succeed(&node.data, &["ls", "--quiet"]);

    fs::create_dir(bench.path("foreign")).expect("a new directory");
    bench.file("foreign/thesis.txt", b"mine");
    let foreign = refused(&bench, &bench.path("foreign"), ":0");
    assert_eq!(foreign, "error: …/foreign is not empty and was not made by a node");
    assert_eq!(fs::read_dir(bench.path("foreign")).expect("listed").count(), 1);

    let file = bench.file("file", b"");
    assert_eq!(refused(&bench, &file, ":0"), "error: …/file is not a directory");
    // Nobody creates directories there, not even the superuser.
    let unwritable = refused(&bench, Path::new("/proc/dacapo"), ":0");
    assert!(unwritable.starts_with("error: /proc/dacapo cannot be read and written: "), "{unwritable}");
}

#[test]
fn a_damaged_identity_stops_a_node_and_is_left_alone() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.succeed(&node.data, &["stop"]);
    let identity = node.data.join("identity");
    let mut text = fs::read(&identity).expect("an identity");
    text[30] ^= 1;
    fs::write(&identity, &text).expect("written");
    let message = refused(&bench, &node.data, ":0");
    assert!(message.starts_with("error: the identity file is damaged: "), "{message}");
    assert_eq!(fs::read(&identity).expect("still there"), text);
    fs::remove_file(&identity).expect("removed");
    let message = refused(&bench, &node.data, ":0");
    assert!(message.starts_with("error: the data directory holds files but no identity"), "{message}");
}

#[test]
fn keys_that_are_none_are_wrong_usage() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for (key, why) in [
        (b"".to_vec(), "a key cannot be empty"),
        (b"ab\xff".to_vec(), "a key is UTF-8 text, byte 2 of this one is not"),
        (b"a\x1b[2J".to_vec(), "a key cannot contain the control character '\\u{1b}'"),
        (vec![b'k'; 1025], "a key has at most 1024 bytes, this one has 1025"),
        (vec![b'k'; 100_000], "a key has at most 1024 bytes, this one has 100000"),
    ] {
        for command in ["put", "get", "rm", "stat"] {
            let ended = bench.run(&node.data, &[OsString::from(command), OsString::from_vec(key.clone())]);
            assert_eq!((ended.code, ended.stderr), (Some(2), format!("error: invalid KEY: {why}\n")));
        }
    }
    bench.run_with_input(&node.data, &["put", &"k".repeat(1024)], b"longest");
    assert_eq!(bench.succeed(&node.data, &["get", &"k".repeat(1024)]), "longest");
}

#[test]
fn an_address_that_nobody_can_dial_is_wrong_usage() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for arguments in
        [&["invite", "a:0"][..], &["node", "--listen", ":0", "--peer", "a:0"], &["doctor", "--peer", "a:0"]]
    {
        let ended = bench.run(&node.data, arguments);
        assert!(ended.code == Some(2) && ended.stderr.contains("port 0 cannot be dialled"), "{}", ended.stderr);
    }
}

#[test]
fn exit_codes_tell_usage_from_absence_and_from_failure() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let code = |arguments: &[&str]| bench.run(&node.data, arguments).code;
    for wrong in [&[][..], &["frobnicate"], &["put"], &["ls", "--frobnicate"], &["node", "--listen", "nowhere"]] {
        assert_eq!(code(wrong), Some(2), "{wrong:?}");
    }
    assert_eq!(code(&["put", "k", "/"]), Some(2));
    for absent in [&["get", "k"][..], &["stat", "k"], &["rm", "k"], &["rm", "--force", "k"]] {
        let ended = bench.run(&node.data, absent);
        assert_eq!(ended.code, Some(3), "{absent:?}");
        assert!(!ended.stderr.contains("local copy"), "{}", ended.stderr);
    }
    assert_eq!(code(&["put", "k", "/no/such/file"]), Some(1));
    let nobody = bench.run(&bench.path("nowhere"), &["ls"]);
    let expected = "nowhere; start one with `dacapo node`\n";
    assert!(nobody.code == Some(1) && nobody.stderr.ends_with(expected), "{}", nobody.stderr);
}

#[test]
fn the_only_copy_is_deleted_by_force_only() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let put = bench.run_with_input(&node.data, &["put", "k"], b"only");
    assert_eq!(without_versions(put.stdout), "stored k v#, 4 bytes, no peer is connected\n");
    let kept = bench.run(&node.data, &["rm", "k"]);
    assert_eq!(kept.code, Some(4));
    assert!(kept.stderr.starts_with("error: k: not deleted: no peer is connected"), "{}", kept.stderr);
    assert_eq!(bench.succeed(&node.data, &["get", "k"]), "only");
    bench.succeed(&node.data, &["rm", "--force", "k"]);
    let gone = bench.run(&node.data, &["get", "k"]);
    assert!(gone.code == Some(1) && gone.stderr.contains("no copy was found"), "{}", gone.stderr);
    for again in [&["rm", "k"][..], &["rm", "--force", "k"]] {
        let again = bench.run(&node.data, again);
        assert_eq!((again.code, again.stderr.as_str()), (Some(1), "error: k: there is no local copy of it\n"));
    }
}

#[test]
fn a_cluster_secret_is_read_from_a_file() {
    let bench = Bench::new();
    let secret = bench.file("secret", format!("{}\n", "5a".repeat(32)).as_bytes());
    let wrong = bench.file("wrong", b"hunter2\n");
    let init = |secret: &Path| {
        let arguments = ["--quiet", "init", "--cluster-secret-file", secret.to_str().expect("plain")];
        bench.run(&bench.path("n1"), &arguments)
    };
    let message = init(&wrong).stderr;
    assert!(message.ends_with("expected 64 hex digits, found 7 characters\n"), "{message}");
    assert!(!bench.path("n1").exists(), "no directory was made");
    assert_eq!(init(&secret).code, Some(0));
    assert!(bench.succeed(&bench.path("n1"), &["invite", ":1"]).contains(&"5a".repeat(32)));
}

#[test]
fn clients_that_hang_do_not_stop_a_node() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut hung: Vec<_> = (0..256).map(|_| UnixStream::connect(node.socket()).expect("there is room")).collect();
    let turned_away = bench.run(&node.data, &["status"]);
    let expected = "error: the node has 256 other commands; try again later\n";
    assert_eq!((turned_away.code, turned_away.stderr.as_str()), (Some(1), expected));
    // The clients say nothing, and so the node closes their connections after a while, and says why.
    for client in &mut hung {
        client.read_to_end(&mut Vec::new()).expect("the node ends them");
    }
    let listed = bench.run(&node.data, &["ls"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), "no files\n"));
}

#[test]
fn a_command_waits_for_its_turn() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    // More than is read before a store begins, and not all of it.
    let put = |place: usize| {
        let mut put = bench.spawn(&node.data, &["put", &format!("k{place}")], Stdio::piped());
        put.child().stdin.as_ref().expect("a pipe").write_all(&[7; 128 * 1024]).expect("it is read");
        put
    };
    let mut puts: Vec<_> = (0..32).map(put).collect();
    wait_until("32 stores are under way", || bench.succeed(&node.data, &["status"]).contains("busy      32 calls, "));
    let mut last = put(32);
    drop(last.child().stdin.take());
    // One whose user has lost patience.
    let mut gone = put(33);
    drop(gone.child().stdin.take());
    let mut list = bench.spawn(&node.data, &["ls"], Stdio::null());
    assert_eq!(bench.run(&node.data, &["peers"]).code, Some(0));
    assert!(last.child().try_wait().expect("it is ours").is_none(), "it waits");
    assert!(list.child().try_wait().expect("it is ours").is_none(), "it waits");
    // It has sent all that it has by now, or sends it never; a node that goes by it alone would store it.
    sleep(Duration::from_millis(300));
    gone.signal(Signal::KILL);
    assert_eq!(gone.end().code, None);
    for put in &mut puts {
        drop(put.child().stdin.take());
    }
    puts.push(last);
    for put in puts {
        let ended = put.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_eq!(list.end().code, Some(0));
    assert_eq!(bench.succeed(&node.data, &["ls", "--json"]).lines().count(), 33, "what is not waited for is not done");
}
