//! Who is let in over HTTP, what they learn of the node, and what is done with callers that hang.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::{CONTENT, Face, read_answer};
use crate::support::bench::Bench;

#[test]
fn strangers_are_not_let_in() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    for headers in ["Origin: http://stranger.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let refused = face.ask("GET", "/v1/files", headers, b"");
        assert_eq!(refused.status, 403, "{headers}");
    }
    let mut stream = face.connect();
    stream.write_all(b"GET /v1/files HTTP/1.1\r\nHost: stranger.example\r\nConnection: close\r\n\r\n").expect("sent");
    assert_eq!(read_answer(&mut stream).status, 403, "a stranger's name leads here");

    let exposed = bench.run(&bench.path("n2"), &["node", "--open-cluster", "--listen", ":0", "--http", "0.0.0.0:0"]);
    assert_eq!(exposed.code, Some(2));
    assert!(exposed.stderr.contains("other machines may reach 0.0.0.0:0: give a token"), "{}", exposed.stderr);
    let token = bench.file("token", b"0123456789abcdef\n");
    fs::set_permissions(&token, Permissions::from_mode(0o600)).expect("changed");
    let token = token.to_str().expect("a plain path");
    let face = Face::with(&bench, "n3", &[], &["--http", "127.0.0.1:0", "--http-token", token]);
    let nameless = face.get("/v1/files");
    assert_eq!((nameless.status, nameless.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(face.ask("GET", "/v1/files", "Authorization: Bearer 0123456789abcdeX\r\n", b"").status, 401);
    assert_eq!(face.ask("GET", "/v1/files", "Authorization: Bearer 0123456789abcdef\r\n", b"").status, 200);
    assert_eq!(face.get("/healthz").status, 200, "health is no secret");
    let page = face.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("script-src 'self';")));
    let policy = nameless.header("content-security-policy");
    assert_eq!(policy, Some("default-src 'none'; sandbox"), "what is stored does not run");
    let short = bench.file("short", b"secret\n");
    let short = short.to_str().expect("a plain path");
    let arguments = ["node", "--open-cluster", "--listen", ":0", "--http", ":0", "--http-token", short];
    let refused = bench.run(&bench.path("n4"), &arguments);
    assert!(refused.stderr.contains("does not hold a token: a token has 16 to 128"), "{}", refused.stderr);
    let refused = bench.run(&bench.path("n4"), &[&arguments[..6], &["--http-token", "/no/such/file"]].concat());
    assert!(refused.stderr.contains("cannot read the token /no/such/file: "), "{}", refused.stderr);
}

#[test]
fn a_node_tells_how_it_is() {
    let bench = Bench::new();
    let peer = bench.node("n1", &[]);
    let face = Face::new(&bench, "n2", &[&peer]);
    face.node.connected(&bench, 1);
    assert_eq!(face.ask("PUT", "/v1/files/a", "", CONTENT).status, 200);
    assert_eq!((face.get("/healthz").text(), face.get("/readyz").text()), ("alive\n".into(), "ready\n".into()));
    let status = face.get("/v1/status").json();
    assert_eq!((&status["files"], &status["peers_connected"]), (&1.into(), &1.into()));
    assert_eq!(status["attention"], Value::Array(Vec::new()));
    let peers = face.get("/v1/peers").json();
    let id = peers[0]["peer"].as_str().expect("an id").to_owned();
    assert_eq!(peers[0]["connected"], true);
    let scrub = face.ask("POST", "/v1/scrub", "", b"");
    let last: Value = serde_json::from_str(scrub.text().lines().last().expect("a line")).expect("json");
    assert_eq!((&last["done"], &last["checked"], &last["damaged"]), (&true.into(), &1.into(), &0.into()));
    let metrics = face.get("/metrics");
    assert_eq!(metrics.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let text = metrics.text();
    for line in ["dacapo_files 1", "dacapo_connected_peers 1", &format!("dacapo_peer_current{{peer=\"{id}\"}} 1")] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(text.contains("dacapo_last_scrub_timestamp_seconds 1") && text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn events_come_as_they_happen() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let mut stream = face.connect();
    let head = format!("GET /v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", face.address);
    stream.write_all(head.as_bytes()).expect("sent");
    let mut told = Vec::new();
    let mut read = |what: &str| {
        while !String::from_utf8_lossy(&told).contains(what) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).expect("it goes on");
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(&told));
            told.extend(&bytes[..count]);
        }
    };
    read("text/event-stream");
    assert_eq!(face.ask("PUT", "/v1/files/a", "", CONTENT).status, 200);
    read("data: received and written 22 bytes to disk as ");
    // More watchers than there is room for are told so; the others go on.
    let more: Vec<_> = (0..9)
        .map(|_| {
            let mut stream = face.connect();
            stream.write_all(head.as_bytes()).expect("sent");
            let mut bytes = [0; 64];
            let count = stream.read(&mut bytes).expect("answered");
            (stream, String::from_utf8_lossy(&bytes[..count]).contains(" 200 "))
        })
        .collect();
    assert_eq!(more.iter().filter(|(_, is_let_in)| *is_let_in).count(), 7);
}

#[test]
fn a_node_stops_while_callers_wait() {
    let bench = Bench::new();
    let mut face = Face::new(&bench, "n1", &[]);
    let mut watcher = face.connect();
    let head = format!("GET /v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", face.address);
    watcher.write_all(head.as_bytes()).expect("sent");
    let mut slow = face.connect();
    let head = format!("PUT /v1/files/a HTTP/1.1\r\nHost: {}\r\nContent-Length: 10\r\n\r\nhalf", face.address);
    slow.write_all(head.as_bytes()).expect("sent");
    let mut idle = face.connect();
    sleep(Duration::from_millis(200));
    bench.succeed(&face.node.data, &["stop"]);
    assert!(face.node.wait().success());
    let answer = read_answer(&mut slow);
    assert_eq!((answer.status, &answer.json()["outcome"]), (503, &"unconfirmed".into()), "{}", answer.text());
    for stream in [&mut watcher, &mut idle] {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the connection ends");
    }
}

#[test]
fn callers_that_hang_leave_room_for_the_commands() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let head = format!("PUT /v1/files/a HTTP/1.1\r\nHost: {}\r\nContent-Length: 10\r\n\r\nhalf", face.address);
    let hung: Vec<_> = (0..24)
        .map(|_| {
            let mut stream = face.connect();
            stream.write_all(head.as_bytes()).expect("there is room");
            stream
        })
        .collect();
    let turned_away = face.connect().read_to_end(&mut Vec::new());
    assert!(turned_away.is_ok_and(|count| count == 0), "there is no room for one more");
    let (out, status) = (bench.file("b", b"b"), bench.succeed(&face.node.data, &["status"]));
    assert!(status.contains("24 calls"), "{status}");
    bench.succeed(&face.node.data, &["put", "b", out.to_str().expect("a plain path")]);
    drop(hung);
}
