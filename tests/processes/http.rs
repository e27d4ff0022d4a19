//! A node that is asked over HTTP: what it answers, whom it answers, and what it does with callers that misbehave.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::bench::{Bench, Node, wait_until};

/// An answer.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).is_some();
        self.head.lines().find(|line| of(line)).map(|line| line.split_once(": ").expect("a header").1)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A node that is served over HTTP.
struct Face {
    node: Node,
    address: String,
}

impl Face {
    fn new(bench: &Bench, name: &str, peers: &[&Node]) -> Self {
        Self::with(bench, name, peers, &["--http", ":0"])
    }

    fn with(bench: &Bench, name: &str, peers: &[&Node], more: &[&str]) -> Self {
        let node = bench.node_with(name, peers, more);
        let mut address = String::new();
        wait_until("HTTP is served", || {
            address = node.printed().lines().nth(1).unwrap_or_default().trim_start_matches("http://").to_owned();
            !address.is_empty()
        });
        Self { node, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        stream
    }

    /// Asks and reads the answer to its end.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let host = &self.address;
        let length = if method == "PUT" { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{length}{headers}\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        // An answer may come before all is sent.
        drop(stream.write_all(body));
        read_answer(&mut stream)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }
}

/// Reads an answer until the connection ends. Pieces of a content without a length are joined.
fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes));
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8(bytes[..split].to_vec()).expect("text");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut body = bytes[split + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = joined(&body);
    }
    Answer { status, head, body }
}

/// Joins the chunks of a content (RFC 9112, 7.1), as far as they came.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunks.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&chunks[..end]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("a size");
        let content = &chunks[end + 2..];
        if size == 0 || content.len() < size + 2 {
            break;
        }
        body.extend(&content[..size]);
        chunks = &content[size + 2..];
    }
    body
}

const CONTENT: &[u8] = b"my big data file here!";

#[test]
fn a_file_is_stored_got_listed_and_deleted_over_http() {
    let bench = Bench::new();
    let peer = bench.node("n1", &[]);
    let face = Face::new(&bench, "n2", &[&peer]);
    face.node.connected(&bench, 1);
    let stored = face.ask("PUT", "/v1/files/a/b%20%C3%A4", "", CONTENT);
    assert_eq!((stored.status, &stored.json()["key"], &stored.json()["replicas"]), (200, &"a/b ä".into(), &1.into()));
    let version = stored.json()["version"].to_string();
    assert_eq!(stored.header("etag"), Some(format!("\"{version}\"").as_str()));
    let got = face.get("/v1/files/a/b%20%C3%A4");
    assert_eq!((got.status, got.body.as_slice()), (200, CONTENT));
    assert_eq!((got.header("content-length"), got.header("accept-ranges")), (Some("22"), Some("bytes")));
    assert_eq!(got.header("content-type"), Some("application/octet-stream"));
    assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
    assert!(got.header("date").is_some_and(|date| date.ends_with(" GMT")), "{}", got.head);
    // The command line sees the same file.
    assert_eq!(bench.succeed(&face.node.data, &["get", "a/b ä"]).as_bytes(), CONTENT);

    let head = face.ask("HEAD", "/v1/files/a/b%20%C3%A4", "", b"");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("22"), 0));
    let unchanged = face.ask("GET", "/v1/files/a/b%20%C3%A4", &format!("If-None-Match: \"{version}\"\r\n"), b"");
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));

    let stat = face.get("/v1/stat/a/b%20%C3%A4").json();
    assert_eq!((&stat["size"], &stat["local"]), (&22.into(), &true.into()));
    let holders = face.get("/v1/holders/a/b%20%C3%A4?verify=true").json();
    assert_eq!((&holders[0]["holds"], &holders[0]["fresh"]), (&"current".into(), &true.into()));

    assert_eq!(face.ask("DELETE", "/v1/copies/a/b%20%C3%A4?min_replicas=2", "", b"").status, 409);
    assert_eq!(face.ask("DELETE", "/v1/copies/a/b%20%C3%A4", "", b"").status, 200);
    let back = face.get("/v1/files/a/b%20%C3%A4");
    assert_eq!((back.status, back.body.as_slice()), (200, CONTENT));
    assert_eq!(back.header("dacapo-from").map(str::len), Some(64));

    let changed = face.ask("DELETE", "/v1/files/a/b%20%C3%A4", "If-Match: \"1\"\r\n", b"");
    assert_eq!(changed.status, 412, "{}", changed.text());
    let deleted = face.ask("DELETE", "/v1/files/a/b%20%C3%A4", &format!("If-Match: \"{version}\"\r\n"), b"");
    assert_eq!((deleted.status, &deleted.json()["peers"]), (200, &1.into()), "{}", deleted.text());
    let gone = face.get("/v1/files/a/b%20%C3%A4");
    assert_eq!((gone.status, &gone.json()["outcome"]), (410, &"rejected".into()));
    assert_eq!(face.get("/v1/files/never").status, 404);
}

#[test]
fn a_part_of_a_file_is_that_part() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let content: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(face.ask("PUT", "/v1/files/a", "", &content).status, 200);
    let size = content.len();
    for (range, part) in [
        ("0-0", 0..1),
        ("262143-262144", 262_143..262_145),
        ("1000000-", 1_000_000..size),
        ("-5", size - 5..size),
        ("0-99999999", 0..size),
    ] {
        let got = face.ask("GET", "/v1/files/a", &format!("Range: bytes={range}\r\n"), b"");
        let expected = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!((got.status, got.header("content-range")), (206, Some(expected.as_str())), "{range}");
        assert!(got.body == content[part], "{range}");
    }
    let outside = face.ask("GET", "/v1/files/a", "Range: bytes=2800000-\r\n", b"");
    assert_eq!((outside.status, outside.header("content-range")), (416, Some("bytes */2800000")));
    let several = face.ask("GET", "/v1/files/a", "Range: bytes=0-1,5-6\r\n", b"");
    assert_eq!((several.status, several.body.len()), (200, size));
    let other = face.ask("GET", "/v1/files/a", "Range: bytes=0-0\r\nIf-Range: \"1\"\r\n", b"");
    assert_eq!((other.status, other.body.len()), (200, size), "a part of another version does not fit");
    let twice = face.ask("GET", "/v1/files/a", "Range: bytes=0-0\r\nIf-Range: \"1\"\r\nIf-Range: \"2\"\r\n", b"");
    assert_eq!((twice.status, twice.body.len()), (200, size), "nor does one of two others");
}

#[test]
fn a_listing_comes_in_pages() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    for key in ["a/1", "a/2", "a/3", "b"] {
        assert_eq!(face.ask("PUT", &format!("/v1/files/{key}"), "", key.as_bytes()).status, 200);
    }
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let page = face.get(&format!("/v1/files?prefix=a/&limit=2{after}")).json();
        keys.extend(page["files"].as_array().expect("a list").iter().map(|file| file["key"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(keys, ["a/1", "a/2", "a/3"]);
    for query in ["limit=0", "limit=1025", "limit=x", "after=", "page=3", "prefix=a&prefix=b"] {
        let refused = face.get(&format!("/v1/files?{query}"));
        assert_eq!((refused.status, &refused.json()["outcome"]), (400, &"rejected".into()), "{query}");
    }
}

#[test]
fn content_that_breaks_off_is_not_stored() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let stored = face.ask("PUT", "/v1/files/a", "", b"the first");
    let put = |rest: &str| {
        let mut stream = face.connect();
        let head = format!("PUT /v1/files/a HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{rest}", face.address);
        stream.write_all(head.as_bytes()).expect("sent");
        stream
    };
    for rest in [
        "Content-Length: 10\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n",
    ] {
        let mut stream = put(rest);
        stream.shutdown(std::net::Shutdown::Write).expect("ended");
        drop(stream.read_to_end(&mut Vec::new()));
    }
    // A later store of the same file waits for those before it.
    let version = |answer: &Answer| answer.json()["version"].as_u64().expect("a version");
    let later = face.ask("PUT", "/v1/files/a", "", b"the second");
    assert!(version(&later) > version(&stored));
    let written = face.node.events().matches("received and written").count();
    assert_eq!(written, 2, "{}", face.node.events());
    let mut whole = put("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n4\r\nmore\r\n0\r\n\r\n");
    assert_eq!(read_answer(&mut whole).status, 200);
    assert_eq!(face.get("/v1/files/a").text(), "halfmore");
    let mut lengthless = put("\r\n");
    assert_eq!(read_answer(&mut lengthless).status, 411, "a content that was forgotten replaces nothing");
    let mut packed = put("Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n");
    assert_eq!(read_answer(&mut packed).status, 501);
    assert_eq!(face.get("/v1/files/a").text(), "halfmore");
}

#[test]
fn an_empty_file_is_a_file() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    assert_eq!(face.ask("PUT", "/v1/files/empty", "", b"").status, 200);
    let got = face.get("/v1/files/empty");
    assert_eq!((got.status, got.header("content-length"), got.body.len()), (200, Some("0"), 0));
    let part = face.ask("GET", "/v1/files/empty", "Range: bytes=0-\r\n", b"");
    assert_eq!((part.status, part.header("content-range")), (416, Some("bytes */0")));
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    assert_eq!(face.ask("PUT", "/v1/files/a", "", b"the first").status, 200);
    for (header, status) in [
        ("If-None-Match: *", 501),
        ("If-Match: \"1\"", 501),
        ("Content-Range: bytes 0-4/9", 400),
        ("Content-Encoding: gzip", 415),
    ] {
        let refused = face.ask("PUT", "/v1/files/a", &format!("{header}\r\n"), b"other");
        assert_eq!((refused.status, &refused.json()["outcome"]), (status, &"rejected".into()), "{header}");
    }
    let long = "k".repeat(1025);
    // A question mark that was not encoded would name another file.
    for (method, path) in
        [("PUT", "/v1/files/a?.txt"), ("DELETE", "/v1/files/a?min_replicas=2"), ("GET", "/v1/stat/a?b")]
    {
        assert_eq!(face.ask(method, path, "", b"other").status, 400, "{method} {path}");
    }
    let (match_one, since) = ("If-Match: \"1\"\r\n", "If-Unmodified-Since: Sun, 29 Nov 2026 00:00:00 GMT\r\n");
    for (method, path, header, status) in [
        ("GET", "/v1/files/a", match_one, 412),
        ("HEAD", "/v1/files/a", match_one, 412),
        ("DELETE", "/v1/copies/a?min_replicas=0", match_one, 501),
        ("DELETE", "/v1/files/a", since, 501),
        ("DELETE", "/v1/files/a", "If-None-Match: *\r\n", 501),
    ] {
        assert_eq!(face.ask(method, path, header, b"").status, status, "{method} {path} {header}");
    }
    for path in ["/v1/files/%00", "/v1/files/%ff", "/v1/files/a%0ab", &format!("/v1/files/{long}")] {
        assert_eq!(face.ask("PUT", path, "", b"other").status, 400, "{path}");
    }
    for (method, path, status) in [
        ("GET", "/page", 404),
        ("GET", "/v1/files/", 404),
        ("GET", "/v2/files", 404),
        ("POST", "/v1/files/a", 405),
        ("GET", "/v1/scrub", 405),
        ("DELETE", "/v1/files/a", 400),
    ] {
        let refused = face.ask(method, path, "If-Match: nothing\r\n", b"");
        assert_eq!((refused.status, &refused.json()["outcome"]), (status, &"rejected".into()), "{method} {path}");
    }
    assert_eq!(face.get("/v1/files/a").text(), "the first");
}

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
