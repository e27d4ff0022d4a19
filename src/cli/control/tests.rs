//! The control protocol against bytes that no client sends.

use std::cell::RefCell;
use std::rc::Rc;

use dacapo::crypto::{ClusterSecret, Key};
use dacapo::disk::dir::DirDisk;
use dacapo::node::{Config, Lane, Node, Stored};
use dacapo::platform::machine::Machine;
use dacapo::seed::{Rng, Seed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::failure::FailureKind;
use super::message::{Answer, Request};
use super::session::{self, Served};
use super::wire::{ControlError, Frame, decode, encode, read_frame, write_content};
use crate::cli::limits::{ANSWER_BYTES_MAX, CONTROL_VERSION, PLACE_BYTES_MIN, REQUEST_BYTES_MAX};

fn key(text: &str) -> Key {
    text.parse().expect("a valid key")
}

/// Returns what a client sees if it sends these bytes and closes, and whether the key "k" is stored after that.
fn exchange(sent: Vec<u8>) -> (Vec<u8>, bool) {
    let seen = Rc::new(RefCell::new((Vec::new(), false)));
    let kept = seen.clone();
    crate::cli::runtime::run(async move {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = Config::new(":0".parse().expect("an address"), ClusterSecret::open(), Seed::from_u64(1));
        let node = Node::start(Machine::new(DirDisk::open(dir.path())?), config).await?;
        let handle = node.handle();
        let served = Served::new(handle.clone());
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(server);
        let serving = tokio::task::spawn_local(async move { session::serve(&served, reader, writer).await });
        // A session that has heard enough reads no more.
        drop(client.write_all(&sent).await);
        drop(client.shutdown().await);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("a duplex reads");
        serving.await.expect("a session does not panic");
        *seen.borrow_mut() = (answer, handle.stat(&key("k")).await.is_ok());
        handle.stop().await;
        Ok(node.stopped().await?)
    })
    .expect("a node runs");
    kept.take()
}

fn failure(answer: &[u8]) -> (FailureKind, String) {
    assert_eq!(answer[0], CONTROL_VERSION);
    match decode(&answer[6..]) {
        Ok(Answer::Failed(failure)) => (failure.kind, failure.message),
        other => panic!("expected a failure, got {other:?}"),
    }
}

/// A request in its frame, after the version byte.
fn request(request: &Request) -> Vec<u8> {
    [vec![CONTROL_VERSION], encode(request)].concat()
}

fn put(size: Option<u64>) -> Vec<u8> {
    request(&Request::Put { key: key("k"), size, attributes: None })
}

const CHUNK: &[u8] = &[2, 3, 0, 0, 0, b'a', b'b', b'c'];
const END: &[u8] = &[2, 0, 0, 0, 0];

#[test]
fn a_whole_content_is_stored_and_one_without_its_end_is_not() {
    let (answer, is_stored) = exchange([&put(Some(3)), CHUNK, END].concat());
    assert!(matches!(decode(&answer[6..]), Ok(Answer::Stored(Stored { size: 3, .. }))) && is_stored);
    for size in [Some(3), None] {
        let (answer, is_stored) = exchange([put(size).as_slice(), CHUNK].concat());
        let expected = "not stored: the content could not be read: the client went away before its end";
        assert_eq!(failure(&answer), (FailureKind::Failed, expected.to_owned()));
        assert!(!is_stored);
    }
    let (answer, is_stored) = exchange([&put(Some(4)), CHUNK, END].concat());
    assert_eq!(failure(&answer).1, "not stored: the content has 3 bytes, 4 were announced");
    assert!(!is_stored);
}

#[test]
fn requests_follow_each_other_on_one_connection_until_something_else_comes() {
    let get = encode(&Request::Get { key: key("k"), takes_place: true, is_kept: true });
    let (answer, _) = exchange([&put(Some(3)), CHUNK, END, &get, &get].concat());
    let found = [CHUNK, END].concat();
    assert_eq!(answer.windows(found.len()).filter(|window| *window == found).count(), 2);
    // What follows a content that broke off is not taken for a request.
    let (answer, is_stored) = exchange([&put(Some(3)), CHUNK, &get, &get].concat());
    let expected = "not stored: the content could not be read: a control frame of 5 bytes is longer than 0";
    assert_eq!(failure(&answer).1, expected);
    let first = 6 + usize::try_from(u32::from_le_bytes(answer[2..6].try_into().expect("four bytes"))).expect("small");
    assert_eq!((answer.len(), is_stored), (first, false));
}

#[test]
fn a_large_content_is_placed_for_a_client_that_can_read_it_there() {
    let mut content = Vec::new();
    block_on(write_content(&mut content, &vec![7; usize::try_from(PLACE_BYTES_MIN).expect("small")])).expect("taken");
    let get = |takes_place| encode(&Request::Get { key: key("k"), takes_place, is_kept: true });
    let sent = |takes_place| [put(None).as_slice(), &content, END, &get(takes_place), &get(false)].concat();
    let frames = |(answer, _): (Vec<u8>, bool)| {
        let mut reader = &answer[1..];
        let frames = std::iter::from_fn(|| block_on(read_frame(&mut reader, ANSWER_BYTES_MAX)).ok());
        frames
            .filter_map(|frame| match frame {
                Frame::Chunk(chunk) => Some(if chunk.is_empty() { "end" } else { "content" }.to_owned()),
                Frame::Message(payload) => match decode(&payload) {
                    Ok(Answer::Found(found)) => Some(format!("found {}", found.place.is_some())),
                    _ => None,
                },
            })
            .collect::<Vec<_>>()
    };
    let mut placed = frames(exchange(sent(true)));
    placed.dedup();
    assert_eq!(placed, ["found true", "found false", "content", "end"]);
    let mut unplaced = frames(exchange(sent(false)));
    unplaced.dedup();
    assert_eq!(unplaced, ["found false", "content", "end", "found false", "content", "end"]);
}

#[test]
fn a_key_of_10_mb_is_refused_before_it_is_read() {
    let mut bytes = vec![CONTROL_VERSION, 1];
    bytes.extend_from_slice(&10_000_004_u32.to_le_bytes());
    bytes.resize(10_000_000, b'k');
    let (answer, _) = exchange(bytes);
    let expected = format!("a control frame of 10000004 bytes is longer than {REQUEST_BYTES_MAX}");
    assert_eq!(failure(&answer), (FailureKind::Failed, expected));
}

#[test]
fn a_node_says_which_version_it_speaks() {
    let (answer, _) = exchange(vec![CONTROL_VERSION + 1, 1, 0, 0, 0, 0]);
    assert_eq!(failure(&answer).1, "the other side speaks control protocol 13, this side speaks 12");
}

#[test]
fn a_key_that_is_none_does_not_decode() {
    let valid = postcard::to_stdvec(&Request::Stat { key: key("a") }).expect("encodes");
    assert_eq!(decode::<Request>(&valid).ok(), Some(Request::Stat { key: key("a") }));
    let control = [&valid[..valid.len() - 1], &[0x1b]].concat();
    assert!(matches!(decode::<Request>(&control), Err(ControlError::Malformed)));
    let trailing = [valid.as_slice(), &[0]].concat();
    assert!(matches!(decode::<Request>(&trailing), Err(ControlError::Malformed)));
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

#[test]
fn content_of_any_length_reads_back_in_bounded_chunks() {
    let content = vec![7; 600 * 1024];
    let mut wire = Vec::new();
    block_on(write_content(&mut wire, &content)).expect("a vector takes all");
    let (mut reader, mut found) = (wire.as_slice(), Vec::new());
    while let Ok(Frame::Chunk(chunk)) = block_on(read_frame(&mut reader, 0)) {
        found.extend_from_slice(&chunk);
    }
    assert!(found == content);
}

#[test]
fn any_bytes_are_a_frame_or_an_error() {
    let mut lane = Seed::from_u64(1).rng(Lane::Iv);
    for round in 0..20_000_usize {
        let mut bytes = vec![0; round % 200];
        lane.fill_bytes(&mut bytes);
        // Half of them begin like a frame of a plausible length, or they would hardly ever get past it.
        if let ([tag, _, high @ .., _], true) = (bytes.get_mut(..6).unwrap_or_default(), round.is_multiple_of(2)) {
            *tag = 1;
            high.fill(0);
        }
        let mut reader = bytes.as_slice();
        if let Ok(Frame::Message(payload)) = block_on(read_frame(&mut reader, ANSWER_BYTES_MAX)) {
            drop(decode::<Request>(&payload));
            drop(decode::<Answer>(&payload));
        }
        drop(decode::<Request>(&bytes));
        drop(decode::<Answer>(&bytes));
    }
}
