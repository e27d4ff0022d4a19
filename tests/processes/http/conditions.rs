//! Conditions over HTTP (RFC 9110, section 13), and requests that nobody should have to guess at.

use std::fs;
use std::io::{Read, Write};

use super::{CONTENT, Face, read_answer};
use crate::support::bench::{Bench, wait_until};

#[test]
fn what_a_condition_decides_is_answered_without_the_content() {
    let bench = Bench::new();
    let peer = bench.node("n1", &[]);
    let face = Face::new(&bench, "n2", &[&peer]);
    face.node.connected(&bench, 1);
    let stored = face.ask("PUT", "/v1/files/a", "", CONTENT);
    let current = stored.header("etag").expect("a version").to_owned();
    assert_eq!(face.ask("DELETE", "/v1/copies/a", "", b"").status, 200);
    let known = format!("If-None-Match: \"1\"\r\nIf-None-Match: {current}\r\n");
    for (headers, status) in [
        ("If-Match: \"1\"\r\n", 412),
        ("Range: bytes=22-\r\n", 416),
        (&known, 304),
        (&format!("If-Match: \"1\"\r\n{known}"), 412),
        ("If-Match: 1\r\n", 400),
    ] {
        for method in ["GET", "HEAD"] {
            let expected = if method == "HEAD" && status == 416 { 200 } else { status };
            assert_eq!(face.ask(method, "/v1/files/a", headers, b"").status, expected, "{method} {headers}");
        }
        assert_eq!(face.get("/v1/stat/a").json()["local"], false, "{headers}");
    }
    assert_eq!(face.ask("HEAD", "/v1/files/a?keep=false", "", b"").status, 200);
    let matching = format!("If-Match: \"1\", {current}\r\nIf-None-Match: \"1\"\r\n");
    assert_eq!(face.ask("GET", "/v1/files/a", &matching, b"").text().as_bytes(), CONTENT);

    assert_eq!(face.ask("DELETE", "/v1/files/a", "If-Match: \"1\", \"2\"\r\n", b"").status, 412);
    assert_eq!(face.ask("DELETE", "/v1/files/b", "If-Match: *\r\n", b"").status, 404);
    let matching = format!("If-Match: \"1\", {current}\r\n");
    assert_eq!(face.ask("DELETE", "/v1/files/a", &matching, b"").status, 200);
    for (method, path) in
        [("GET", "/v1/files/a"), ("HEAD", "/v1/files/a"), ("GET", "/v1/stat/a"), ("GET", "/v1/holders/a")]
    {
        assert_eq!(face.ask(method, path, "If-Match: *\r\n", b"").status, 410, "{method} {path}");
    }
    assert_eq!(face.ask("PUT", "/v1/files/a", "", CONTENT).status, 200);
    assert_eq!(face.ask("DELETE", "/v1/files/a", "If-Match: *\r\n", b"").status, 200);
}

#[test]
fn who_waits_to_be_told_to_go_on_is_told_at_once_if_not() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let put = |headers: &str| {
        let mut stream = face.connect();
        let head =
            format!("PUT /v1/files/a HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 4\r\n", face.address);
        stream.write_all(format!("{head}Expect: 100-continue\r\n{headers}\r\n").as_bytes()).expect("sent");
        stream
    };
    for (headers, status) in [("If-Match: \"1\"\r\n", 501), ("Origin: http://stranger.example\r\n", 403)] {
        assert_eq!(read_answer(&mut put(headers)).status, status, "{headers}");
    }
    let mut stream = put("");
    let mut told = [0; 12];
    stream.read_exact(&mut told).expect("told");
    assert_eq!(&told, b"HTTP/1.1 100");
    stream.write_all(b"more").expect("sent");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("answered");
    assert!(String::from_utf8_lossy(&rest).contains("HTTP/1.1 200 "));
}

#[test]
fn a_request_names_one_host() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    for (head, status) in [
        (format!("GET /healthz HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\n", face.address), 400),
        ("GET /healthz HTTP/1.1\r\n".to_owned(), 400),
        ("GET /healthz HTTP/1.0\r\n".to_owned(), 200),
    ] {
        let mut stream = face.connect();
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).expect("sent");
        assert_eq!(read_answer(&mut stream).status, status, "{head}");
    }
}

#[test]
fn a_node_whose_disk_takes_nothing_is_not_ready() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let (temporaries, away) = (face.node.data.join("tmp"), face.node.data.join("away"));
    assert_eq!(face.get("/readyz").status, 200);
    assert_eq!(fs::read_dir(&temporaries).expect("a folder").count(), 0, "nothing is left of the look");
    fs::rename(&temporaries, &away).expect("moved");
    wait_until("the node is not ready", || face.get("/readyz").status == 503);
    assert!(face.get("/readyz").text().contains("the node is not ready"));
    assert_eq!(face.get("/healthz").status, 200);
    fs::rename(&away, &temporaries).expect("moved");
    wait_until("the node is ready", || face.get("/readyz").status == 200);
}
