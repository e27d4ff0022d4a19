//! Strangers send anything to the listening port, and peers of the cluster break the protocol: the node drops them
//! within a deadline, and serves its other peers as before. Time is virtual, so that deadlines cost none.

use std::future::Future;
use std::time::Duration;

use dacapo::crypto::{Digest, NodeId, ReplicaName, Seal, Version};
use dacapo::event::Event;
use dacapo::limits::{EAGER_BYTES_MAX, HANDSHAKE_TIMEOUT, MESSAGE_BYTES_MAX, PROGRESS_TIMEOUT, PROTOCOL_VERSION};
use dacapo::node::link::{LinkError, Records};
use dacapo::protocol::{
    Hello, Message, Purpose, Refusal, Verdict, Welcome, message_frame, read_message, read_stream_header, stream_header,
};
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted::ScriptedRun;
use dacapo_sim::store::walkthrough::star;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use turmoil::net::TcpStream;

use crate::support::scripted::{Failure, try_run};
use crate::support::scripted_peer::{BOOT, Replica, ScriptedPeer, heartbeat, hello, receive, send, store_at};

/// Runs the star, lets a stranger do something to `n3000`, and asserts that files can still be stored and fetched.
fn with_stranger<F>(stranger: impl FnOnce() -> F + 'static) -> ScriptedRun
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let outcome = try_run(&walkthrough::setup(3), async move |cluster, origin| {
        stranger().await?;
        star::cycle(&origin, 2).await?;
        assert_eq!(cluster.node("n3000").await.peers().await.len(), 1, "a stranger is no peer");
        Ok(())
    });
    assert_eq!(outcome.failure, None);
    outcome
}

/// Reads to the end. Returns `None` if the connection is still open after the limit.
async fn closed_within(stream: &mut TcpStream, limit: Duration) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    // A reset is an end like any other.
    timeout(limit, stream.read_to_end(&mut answer)).await.ok().map(|_| answer)
}

async fn dial() -> Result<TcpStream, Failure> {
    Ok(TcpStream::connect(("n3000", 3000)).await?)
}

#[test]
fn garbage_is_dropped_without_a_word() {
    for garbage in [vec![0; 50], vec![0xff; 1000], b"GET / HTTP/1.1\r\nHost: n3000\r\n\r\n".to_vec(), vec![0, 48]] {
        let outcome = with_stranger(async move || {
            let mut stream = dial().await?;
            stream.write_all(&garbage).await?;
            let answer = closed_within(&mut stream, HANDSHAKE_TIMEOUT * 2).await;
            assert_eq!(answer, Some(Vec::new()), "not a byte for a stranger");
            Ok(())
        });
        let dropped = |event: &&Event| matches!(event, Event::InboundDropped { .. });
        assert_eq!(outcome.trace.events("n3000").filter(dropped).count(), 1);
    }
}

#[test]
fn silence_is_dropped_after_the_deadline() {
    with_stranger(async || {
        let mut stream = dial().await?;
        let begun = Instant::now();
        assert_eq!(closed_within(&mut stream, HANDSHAKE_TIMEOUT * 2).await, Some(Vec::new()));
        assert!(begun.elapsed() >= HANDSHAKE_TIMEOUT);
        Ok(())
    });
}

#[test]
fn a_flood_of_silent_connections_does_not_keep_peers_out() {
    with_stranger(async || {
        let mut streams = Vec::new();
        for _ in 0..500 {
            streams.push(dial().await?);
        }
        tokio::time::sleep(HANDSHAKE_TIMEOUT * 2).await;
        for stream in &mut streams {
            assert!(closed_within(stream, Duration::from_secs(1)).await.is_some(), "none is kept");
        }
        Ok(())
    });
}

/// A peer of the cluster with an identity of its own.
fn peer() -> ScriptedPeer {
    ScriptedPeer::new(0xee)
}

/// Opens a link on which this peer asks `n3000`.
async fn asking(peer: &ScriptedPeer) -> Result<Records<TcpStream>, Failure> {
    Ok(peer.link(dial().await?, hello(0, Purpose::DialerAsks)).await?)
}

/// Announces a file of a peer.
fn offer(peer: &ScriptedPeer, sealed_bytes: u64) -> Message {
    Message::StoreFile { owner: peer.node(), replica_name: ReplicaName([7; 16]), version: Version(1), sealed_bytes }
}

async fn is_closed(records: &mut Records<TcpStream>) -> bool {
    let mut rest = Vec::new();
    timeout(PROGRESS_TIMEOUT * 2, records.read_to_end(&mut rest)).await.is_ok()
}

#[test]
fn a_peer_of_another_version_is_told_and_refused() {
    let outcome = with_stranger(async || {
        let hello = Hello { protocol: 99, ..hello(0, Purpose::Control) };
        let refused = peer().link(dial().await?, hello).await;
        assert!(matches!(refused, Err(LinkError::Full)), "the peer is not accepted");
        Ok(())
    });
    let mut reasons = Vec::new();
    for event in outcome.trace.events("n3000") {
        if let Event::InboundDropped { reason, .. } = event {
            reasons.push(reason.as_str());
        }
    }
    assert_eq!(reasons, ["it speaks protocol 99, this node speaks 2"]);
    let welcome = Welcome { protocol: PROTOCOL_VERSION, verdict: Verdict::Full, boot: BOOT };
    assert_eq!(Welcome::decode(&welcome.encode(), 99).map(|told| told.protocol), Ok(PROTOCOL_VERSION));
}

#[test]
fn oversized_and_malformed_frames_end_the_connection() {
    let oversized = {
        let mut frame = vec![1];
        frame.extend_from_slice(&u32::MAX.to_le_bytes());
        frame
    };
    let just_too_long = message_frame(&vec![0; MESSAGE_BYTES_MAX + 1]);
    for frame in [oversized, just_too_long, message_frame(&[0xff; 20]), message_frame(&[]), vec![3], vec![2; 9]] {
        with_stranger(async move || {
            let mut records = asking(&peer()).await?;
            // The node may have closed the connection before the last byte.
            drop(records.write_all(&frame).await);
            drop(records.flush().await);
            assert!(is_closed(&mut records).await);
            Ok(())
        });
    }
}

#[test]
fn messages_out_of_place_are_refused() {
    for message in [Message::Stored, Message::Proceed, heartbeat(None), Message::NotFound] {
        with_stranger(async move || {
            let mut records = asking(&peer()).await?;
            send(&mut records, &message).await?;
            assert_eq!(read_message(&mut records).await?, Message::Refused(Refusal::Unexpected));
            assert!(is_closed(&mut records).await);
            Ok(())
        });
    }
}

#[test]
fn nobody_stores_or_gets_in_the_namespace_of_another() {
    with_stranger(async || {
        let mut records = asking(&peer()).await?;
        let (owner, replica_name) = (NodeId([1; 32]), ReplicaName([7; 16]));
        send(&mut records, &Message::GetFile { owner, replica_name }).await?;
        assert_eq!(read_message(&mut records).await?, Message::Refused(Refusal::NotOwner));
        let sealed_bytes = EAGER_BYTES_MAX + 17;
        send(&mut records, &Message::StoreFile { owner, replica_name, version: Version(1), sealed_bytes }).await?;
        assert_eq!(read_message(&mut records).await?, Message::Refused(Refusal::NotOwner));
        Ok(())
    });
}

#[test]
fn a_length_that_no_file_has_is_refused() {
    with_stranger(async || {
        let peer = peer();
        let mut records = asking(&peer).await?;
        send(&mut records, &offer(&peer, u64::MAX)).await?;
        assert_eq!(read_message(&mut records).await?, Message::Refused(Refusal::TooLarge));
        Ok(())
    });
}

#[test]
fn a_peer_that_stops_in_the_middle_leaves_nothing_behind() {
    let outcome = with_stranger(async || {
        let peer = peer();
        let mut records = asking(&peer).await?;
        send(&mut records, &offer(&peer, 100_016)).await?;
        assert_eq!(read_message(&mut records).await?, Message::Proceed);
        records.write_all(&stream_header(100_016)).await?;
        records.write_all(&[0; 50_000]).await?;
        records.flush().await?;
        // The peer keeps the connection open and sends nothing more.
        assert!(is_closed(&mut records).await, "the node gives up");
        Ok(())
    });
    let owner = peer().node().to_string();
    let left = outcome.disks["n3000"].tree().into_iter().filter(|(path, ..)| path.contains(&owner)).count();
    assert_eq!(left, 0, "no part of a replica, no folder, no temporary file");
}

#[test]
fn bytes_that_do_not_match_their_digest_are_not_stored() {
    with_stranger(async || {
        let peer = peer();
        let mut records = asking(&peer).await?;
        let replica = Replica::unsealed(peer.node(), ReplicaName([7; 16]), Version(1), vec![5; 38]);
        let seal = Seal { digest: Digest([1; 32]), ..replica.seal };
        records.write_all(&message_frame(&offer(&peer, 38).encode())).await?;
        records.write_all(&stream_header(38)).await?;
        records.write_all(&[5; 38]).await?;
        send(&mut records, &Message::Sealed(seal)).await?;
        assert_eq!(read_message(&mut records).await?, Message::Refused(Refusal::Damaged));
        send(&mut records, &Message::GetFile { owner: peer.node(), replica_name: ReplicaName([7; 16]) }).await?;
        assert_eq!(read_message(&mut records).await?, Message::NotFound);
        Ok(())
    });
}

#[test]
fn an_older_version_does_not_replace_a_newer_one() {
    with_stranger(async || {
        let peer = peer();
        let mut records = asking(&peer).await?;
        let (owner, replica_name) = (peer.node(), ReplicaName([7; 16]));
        for (version, bytes, answer) in [
            (5, [5; 38], Message::Stored),
            (5, [5; 38], Message::Stored),
            (4, [4; 38], Message::Refused(Refusal::Stale { held: Version(5) })),
            (5, [6; 38], Message::Refused(Refusal::Stale { held: Version(5) })),
            (6, [6; 38], Message::Stored),
        ] {
            let replica = Replica::unsealed(owner, replica_name, Version(version), bytes.to_vec());
            assert_eq!(store_at(&mut records, &replica).await?, answer);
        }
        send(&mut records, &Message::GetFile { owner, replica_name }).await?;
        assert!(matches!(read_message(&mut records).await?, Message::Found(seal) if seal.version == Version(6)));
        read_stream_header(&mut records, 38).await?;
        assert_eq!(receive(&mut records, 38).await?, [6; 38]);
        Ok(())
    });
}
