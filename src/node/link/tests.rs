//! Tests of the link: both sides learn the id of the other, bytes cross in both directions, and a stranger, another
//! version or a changed byte ends it.

mod attacks;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;
use crate::crypto::MasterSecret;
use crate::protocol::Purpose;

const BOOT: BootId = BootId([7; 8]);

const HELLO: Hello = Hello { protocol: PROTOCOL_VERSION, listen_port: 7000, purpose: Purpose::Control, boot: BOOT };

fn keys(number: u8) -> Keys {
    Keys::derive(&MasterSecret([number; 32]))
}

fn credentials<'a>(keys: &'a Keys, cluster: &'a ClusterSecret, number: u8) -> Credentials<'a> {
    Credentials { keys, cluster, ephemeral: [number; 32] }
}

type Pair<S> = (Result<(Records<S>, NodeId, Welcome), LinkError>, Result<(Records<S>, NodeId, Hello), LinkError>);

async fn link(dialer: &Credentials<'_>, acceptor: &Credentials<'_>, hello: Hello) -> Pair<tokio::io::DuplexStream> {
    let (near, far) = duplex(1000);
    let accepting = async {
        let (mut records, peer, hello) = accept(far, acceptor).await?;
        welcome(&mut records, Verdict::Accepted, BOOT).await?;
        Ok((records, peer, hello))
    };
    tokio::join!(dial(near, dialer, hello), accepting)
}

#[tokio::test]
async fn both_sides_learn_who_the_other_is() {
    let (a, b, open) = (keys(1), keys(2), ClusterSecret::open());
    let (dialed, accepted) = link(&credentials(&a, &open, 1), &credentials(&b, &open, 2), HELLO).await;
    let (_, peer, hello) = accepted.expect("accepted");
    assert_eq!((peer, hello), (a.node(), HELLO));
    let (_, peer, welcome) = dialed.expect("dialed");
    assert_eq!((peer, welcome.boot), (b.node(), BOOT));
}

#[test]
fn copies_of_one_process_with_other_entropy_begin_with_other_keys() {
    let (keys, open) = (keys(1), ClusterSecret::open());
    let first_message = |fresh| {
        let credentials = credentials(&keys, &open, 1).mixed_with(Entropy([fresh; 32]));
        let mut message = [0; HANDSHAKE_BYTES_MAX];
        credentials.handshake(true).write_message(&[], &mut message).expect("it fits");
        message
    };
    assert_eq!(first_message(1), first_message(1));
    assert_ne!(first_message(1), first_message(2));
}

#[tokio::test]
async fn bytes_of_any_length_cross_the_link_in_both_directions() {
    let (a, b, open) = (keys(1), keys(2), ClusterSecret::open());
    let (dialed, accepted) = link(&credentials(&a, &open, 1), &credentials(&b, &open, 2), HELLO).await;
    let (mut near, mut far) = (dialed.expect("dialed").0, accepted.expect("accepted").0);
    for len in [0, 1, 100, 65_518, 65_519, 65_520, 200_000] {
        let sent: Vec<u8> = (0..len).map(|n: u32| (n % 251) as u8).collect();
        let mut received = vec![0; sent.len()];
        let writing = async {
            near.write_all(&sent).await?;
            near.flush().await
        };
        let (wrote, read) = tokio::join!(writing, far.read_exact(&mut received));
        wrote.expect("written");
        read.expect("read");
        assert!(sent == received, "{len} bytes there");
        let writing = async {
            far.write_all(&received).await?;
            far.flush().await
        };
        let mut back = vec![0; sent.len()];
        let (wrote, read) = tokio::join!(writing, near.read_exact(&mut back));
        wrote.expect("written");
        read.expect("read");
        assert!(sent == back, "{len} bytes back");
    }
    drop(near);
    assert_eq!(far.read(&mut [0; 10]).await.expect("a clean end"), 0);
}

#[tokio::test]
async fn another_cluster_secret_fails_on_the_first_message() {
    let (a, b) = (keys(1), keys(2));
    let (open, secret) = (ClusterSecret::open(), ClusterSecret([9; 32]));
    let (dialed, accepted) = link(&credentials(&a, &open, 1), &credentials(&b, &secret, 2), HELLO).await;
    assert!(matches!(accepted, Err(LinkError::Handshake)));
    assert!(matches!(dialed, Err(LinkError::Io(_))), "the acceptor says nothing at all");
}

#[tokio::test]
async fn a_peer_of_another_version_is_told_the_version() {
    let (a, b, open) = (keys(1), keys(2), ClusterSecret::open());
    let hello = Hello { protocol: 9, ..HELLO };
    let (dialed, accepted) = link(&credentials(&a, &open, 1), &credentials(&b, &open, 2), hello).await;
    assert!(matches!(accepted, Err(LinkError::Version { theirs: 9 })));
    assert!(matches!(dialed, Err(LinkError::Full)), "a dialer of this version sees a refusal");
}

#[tokio::test]
async fn a_node_does_not_link_to_itself() {
    let (a, open) = (keys(1), ClusterSecret::open());
    let (dialed, accepted) = link(&credentials(&a, &open, 1), &credentials(&a, &open, 2), HELLO).await;
    assert!(matches!(dialed, Err(LinkError::Itself)));
    assert!(matches!(accepted, Err(LinkError::Itself)));
}

#[tokio::test]
async fn a_changed_record_is_refused() {
    let (a, b, open) = (keys(1), keys(2), ClusterSecret::open());
    for flipped in [0, 1, 2, 20, 40] {
        let (near, middle_near) = duplex(10_000);
        let (middle_far, far) = duplex(10_000);
        let (near_credentials, far_credentials) = (credentials(&a, &open, 1), credentials(&b, &open, 2));
        let talking = async {
            let (mut records, ..) = dial(near, &near_credentials, HELLO).await.expect("dialed");
            records.write_all(&[7; 50]).await.expect("written");
            records.flush().await.expect("flushed");
            records
        };
        let listening = async {
            let (mut records, _, _) = accept(far, &far_credentials).await.expect("accepted");
            welcome(&mut records, Verdict::Accepted, BOOT).await.expect("welcomed");
            records.read_exact(&mut [0; 50]).await
        };
        let relaying = relay(middle_near, middle_far, BEFORE_RECORD + flipped, BEFORE_RECORD + RECORD);
        let (_talker, heard, ()) = tokio::join!(talking, listening, relaying);
        assert!(heard.is_err(), "byte {flipped}");
    }
}

/// The length of two handshake messages and the hello, each with its prefix.
const BEFORE_RECORD: usize = 50 + 66 + 36;
/// The length of a record of fifty bytes, with its tag and its prefix.
const RECORD: usize = 68;

/// Passes bytes on in both directions, `total` of them forward, and flips one bit of the forward byte at `position`.
async fn relay(near: tokio::io::DuplexStream, far: tokio::io::DuplexStream, position: usize, total: usize) {
    let (mut near_read, mut near_write) = tokio::io::split(near);
    let (mut far_read, mut far_write) = tokio::io::split(far);
    let forward = async {
        for index in 0..total {
            let Ok(byte) = near_read.read_u8().await else { break };
            let byte = if index == position { byte ^ 0x01 } else { byte };
            if far_write.write_u8(byte).await.is_err() {
                break;
            }
        }
        // A listener that waits for more bytes sees the end instead.
        drop(far_write.shutdown().await);
    };
    let backward = async {
        let mut buffer = [0; 200];
        while let Ok(count @ 1..) = far_read.read(&mut buffer).await {
            if near_write.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(forward, backward);
}
