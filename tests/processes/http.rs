//! A node that is asked over HTTP.

mod callers;
mod conditions;
mod examples;
mod files;
mod openapi;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::support::bench::{Bench, Node, wait_until};

/// An answer.
pub(super) struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).is_some();
        self.head.lines().find(|line| of(line)).map(|line| line.split_once(": ").expect("a header").1)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A node that is served over HTTP.
pub(super) struct Face {
    pub(super) node: Node,
    address: String,
}

impl Face {
    fn new(bench: &Bench, name: &str, peers: &[&Node]) -> Self {
        Self::with(bench, name, peers, &["--http", ":0"])
    }

    fn with(bench: &Bench, name: &str, peers: &[&Node], more: &[&str]) -> Self {
        Self::of(bench.node_with(name, peers, more))
    }

    /// Waits until a node that was started with `--http` says where it is served.
    pub(super) fn of(node: Node) -> Self {
        let mut address = String::new();
        wait_until("HTTP is served", || {
            address = fs::read_to_string(&node.stdout)
                .unwrap_or_default()
                .lines()
                .nth(1)
                .unwrap_or_default()
                .trim_start_matches("http://")
                .to_owned();
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

    pub(super) fn get(&self, path: &str) -> Answer {
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
