//! What an attacker in the middle of a connection, or with a recording of one, can do to it: end it.

use tokio::io::DuplexStream;
use tokio::time::timeout;

use super::*;

/// The lengths of the dialer's two handshake messages, with their prefixes, and of its hello in a record.
const DIALER_BYTES: usize = 50 + 66 + 36;
/// The lengths of the acceptor's handshake message, and of its welcome in a record.
const ACCEPTOR_BYTES: usize = 98 + 34;

/// Passes bytes on until the end, changes the byte at `position`, and returns what passed.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    position: Option<usize>,
) -> Vec<u8> {
    let mut passed = Vec::new();
    while let Ok(byte) = from.read_u8().await {
        let byte = if position == Some(passed.len()) { byte ^ 0x10 } else { byte };
        passed.push(byte);
        if to.write_u8(byte).await.is_err() {
            break;
        }
    }
    // The other side may be gone.
    drop(to.shutdown().await);
    passed
}

/// Links two nodes through an attacker that changes one byte of what the dialer or the acceptor says. Returns whether
/// each side believes in the link, and what the dialer said.
async fn through(change_dialer: Option<usize>, change_acceptor: Option<usize>) -> (bool, bool, Vec<u8>) {
    let (a, b, open) = (keys(1), keys(2), ClusterSecret::open());
    let (near, middle_near) = duplex(1000);
    let (middle_far, far) = duplex(1000);
    let (dialer, acceptor) = (credentials(&a, &open, 1), credentials(&b, &open, 2));
    // A side that is told of more bytes than come waits for its deadline, as in a node.
    let dialing = async { matches!(timeout(HANDSHAKE_TIMEOUT, dial(near, &dialer, HELLO)).await, Ok(Ok(_))) };
    let accepting = async {
        match timeout(HANDSHAKE_TIMEOUT, accept(far, &acceptor)).await {
            Ok(Ok((mut records, ..))) => welcome(&mut records, Verdict::Accepted, BOOT).await.is_ok(),
            _ => false,
        }
    };
    let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
        (tokio::io::split(middle_near), tokio::io::split(middle_far));
    let forward = pass(&mut near_read, &mut far_write, change_dialer);
    let backward = pass(&mut far_read, &mut near_write, change_acceptor);
    let (dialed, accepted, said, _) = tokio::join!(dialing, accepting, forward, backward);
    (dialed, accepted, said)
}

#[tokio::test(start_paused = true)]
async fn a_byte_changed_anywhere_in_a_handshake_ends_it() {
    let (dialed, accepted, said) = through(None, None).await;
    assert!(dialed && accepted && said.len() == DIALER_BYTES);
    for position in 0..DIALER_BYTES {
        let (dialed, accepted, _) = through(Some(position), None).await;
        assert!(!dialed && !accepted, "byte {position} of the dialer");
    }
    for position in 0..ACCEPTOR_BYTES {
        let (dialed, ..) = through(None, Some(position)).await;
        assert!(!dialed, "byte {position} of the acceptor");
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorded_connection_opens_no_other_one() {
    let (_, _, said) = through(None, None).await;
    let (b, open) = (keys(2), ClusterSecret::open());
    let replay = |ephemeral| {
        let (mut near, far) = duplex(1000);
        let (b, open, said) = (&b, &open, &said);
        async move {
            near.write_all(said).await.expect("there is room");
            let credentials = credentials(b, open, ephemeral);
            let knock = knock(far, &credentials).await.expect("a recorded first message stays valid");
            knock.open(&credentials).await.is_ok()
        }
    };
    assert!(replay(2).await, "the same ephemeral key, which no node draws twice, replays");
    assert!(!replay(3).await);
}

#[tokio::test(start_paused = true)]
async fn what_a_node_says_is_no_answer_to_itself() {
    let (a, open) = (keys(1), ClusterSecret::open());
    let (near, far) = duplex(1000);
    let (mut read, mut write) = tokio::io::split(far);
    let dialer = credentials(&a, &open, 1);
    let (dialed, _) = tokio::join!(dial(near, &dialer, HELLO), pass(&mut read, &mut write, None));
    assert!(matches!(dialed, Err(LinkError::Handshake)));
}

#[tokio::test(start_paused = true)]
async fn who_stands_in_the_middle_is_seen_as_itself() {
    let (a, b, thief, open) = (keys(1), keys(2), keys(3), ClusterSecret::open());
    let meet = async |near: DuplexStream, far: DuplexStream, dialer: &Keys, acceptor: &Keys| {
        let (dialer, acceptor) = (credentials(dialer, &open, 1), credentials(acceptor, &open, 2));
        let accepting = async {
            let (mut records, peer, _) = accept(far, &acceptor).await.expect("accepted");
            welcome(&mut records, Verdict::Accepted, BOOT).await.expect("welcomed");
            peer
        };
        let (dialed, peer) = tokio::join!(dial(near, &dialer, HELLO), accepting);
        (dialed.expect("dialed").1, peer)
    };
    let ((near, thief_far), (thief_near, far)) = (duplex(1000), duplex(1000));
    let (seen_by_a, _) = meet(near, thief_far, &a, &thief).await;
    let (_, seen_by_b) = meet(thief_near, far, &thief, &b).await;
    assert_eq!([seen_by_a, seen_by_b], [thief.node(); 2], "a member cannot pass for another node either");
}
