//! A connection that the other side closes at the moment at which it is used, because another one needs its place: what
//! was asked on it is asked once more, and a caller notices nothing.

use dacapo::limits::HEARTBEAT_INTERVAL;
use dacapo::node::ReplicaError;
use dacapo::node::link::LinkError;
use dacapo::protocol::{Message, Purpose, read_message};
use dacapo_sim::disk::SimDisk;
use dacapo_sim::store::scripted_peer::{hand_over, take};
use tokio::io::DuplexStream;
use tokio::time::sleep;

use crate::support::in_memory::{Network, connected, get, key, put, run};
use crate::support::scripted_peer::{Held, Link, ScriptedPeer, alive, send};

/// Listens at port 4000 as a peer that answers one question on each connection, and closes it as the next one comes.
/// Takes so many connections; who dials after that is refused.
fn listen(network: &Network, answers: bool, connections: usize) {
    let (peer, held) = (ScriptedPeer::new(9), Held::default());
    let mut arrived = network.listen(4000);
    tokio::task::spawn_local(async move {
        for _ in 0..connections {
            let Some((stream, _)) = arrived.recv().await else { return };
            let (peer, held) = (peer.clone(), held.clone());
            // The node may go away at any time.
            tokio::task::spawn_local(async move { drop(serve(peer, stream, held, answers).await) });
        }
    });
}

async fn serve(peer: ScriptedPeer, stream: DuplexStream, held: Held, answers: bool) -> Result<(), LinkError> {
    let (mut link, hello) = peer.accept(stream).await?;
    if hello.purpose == Purpose::Control {
        loop {
            read_message(&mut link).await?;
            sleep(HEARTBEAT_INTERVAL).await;
            send(&mut link, &alive(0, None)).await?;
        }
    }
    if answers {
        answer(&mut link, &held).await?;
    }
    read_message(&mut link).await?;
    Ok(())
}

/// Answers one question.
async fn answer(link: &mut Link, held: &Held) -> Result<(), LinkError> {
    match read_message(link).await? {
        Message::StoreFile { owner, replica_name, sealed_bytes, .. } => {
            let replica = take(link, owner, replica_name, sealed_bytes).await?;
            held.borrow_mut().push(replica);
            send(link, &Message::Stored).await?;
        }
        Message::GetFile { replica_name, .. } => {
            let replica = held.borrow().iter().find(|replica| replica.replica_name == replica_name).cloned();
            hand_over(link, &replica.expect("it was stored")).await?;
        }
        Message::DeleteFile { .. } => send(link, &Message::Deleted).await?,
        other => panic!("a node asked with {}", other.name()),
    }
    Ok(())
}

#[test]
fn what_is_asked_on_a_connection_that_is_just_closed_is_asked_on_another_one() {
    for len in [100, 60_000, 200_000] {
        run(async move {
            let network = Network::default();
            listen(&network, true, usize::MAX);
            let node = network.start(3000, &SimDisk::new(), &[4000]).await;
            let handle = node.handle();
            connected(&handle, 1).await;
            for name in ["a", "b", "c"] {
                let stored = put(&handle, name, vec![7; len]).await;
                assert_eq!(stored.replicas(), 1, "{len} bytes as {name}: {:?}", stored.receipts);
            }
            handle.delete(&key("a")).await.expect("deleted");
            assert!(get(&handle, "a").await == vec![7; len], "{len} bytes");
            let receipts = handle.delete_everywhere(&key("b")).await.expect("deleted");
            assert!(receipts.iter().all(|receipt| receipt.outcome.is_ok()), "{receipts:?}");
        });
    }
}

#[test]
fn what_may_have_been_done_is_not_called_undone_because_nobody_can_be_asked_again() {
    // The first file is stored on the connection that closes with the second one, or closes it itself.
    for (answers, connections, names) in [(true, 2, ["a", "b"].as_slice()), (false, usize::MAX, &["b"])] {
        run(async move {
            let network = Network::default();
            listen(&network, answers, connections);
            let node = network.start(3000, &SimDisk::new(), &[4000]).await;
            connected(&node.handle(), 1).await;
            for name in names {
                let stored = put(&node.handle(), name, vec![7; 100]).await;
                let [receipt] = stored.receipts.as_slice() else { panic!("one peer is connected") };
                let is_last = *name == "b";
                let is_unclear = matches!(receipt.outcome, Err(ReplicaError::Unconfirmed { .. }));
                assert!(is_unclear == is_last, "{name}: {receipt:?}");
            }
        });
    }
}
