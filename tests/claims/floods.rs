//! Strangers flood a node: its peers come in all the same, those that are connected notice nothing, and no log fills.

use std::time::Duration;

use dacapo::crypto::{ClusterSecret, Keys, MasterSecret};
use dacapo::event::Event;
use dacapo::limits::{DROP_LOG_INTERVAL, DROP_LOG_TOLD_MAX, HANDSHAKE_TIMEOUT};
use dacapo::node::Lane;
use dacapo::node::link::{self, Credentials};
use dacapo::protocol::Purpose;
use dacapo::seed::Seed;
use dacapo_sim::disk::SimDisk;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::support::in_memory::{Network, connected, get, key, put, run};
use crate::support::scripted_peer::{ScriptedPeer, hello};

const SECOND: Duration = Duration::from_secs(1);

/// The port of the node that is flooded.
const PORT: u16 = 3000;

/// Opens a connection each millisecond, sends these bytes on each of them, one byte a second, and closes none.
fn flood(network: &Network, words: &'static [u8]) -> JoinHandle<()> {
    let network = network.clone();
    tokio::task::spawn_local(async move {
        loop {
            if let Ok(mut stream) = network.dial(PORT) {
                tokio::task::spawn_local(async move {
                    for byte in words {
                        // The node may have closed it.
                        drop(stream.write_all(&[*byte]).await);
                        sleep(SECOND).await;
                    }
                    sleep(60 * SECOND).await;
                });
            }
            sleep(Duration::from_millis(1)).await;
        }
    })
}

/// Asserts that a node serves its peers under a flood: one peer that was connected before it, and one that comes during
/// it.
fn serves_under(words: &'static [u8]) {
    run(async move {
        let network = Network::default();
        let disks = [SimDisk::new(), SimDisk::new(), SimDisk::new()];
        let _flooded = network.start(PORT, &disks[0], &[]).await;
        let old = network.start(5000, &disks[1], &[PORT]).await;
        connected(&old.handle(), 1).await;
        let flood = flood(&network, words);
        sleep(10 * SECOND).await;
        let new = network.start(7000, &disks[2], &[PORT]).await;
        timeout(SECOND, connected(&new.handle(), 1)).await.expect("the new peer comes in within a second");
        for node in [&old, &new] {
            let handle = node.handle();
            for name in ["a", "b", "c"] {
                assert_eq!(put(&handle, name, vec![7; 100_000]).await.replicas(), 1);
                handle.delete(&key(name)).await.expect("deleted");
                assert_eq!(get(&handle, name).await.len(), 100_000);
            }
        }
        sleep(60 * SECOND).await;
        let lost = |event: &Event| matches!(event, Event::PeerLost { .. });
        assert!(!network.events.borrow().iter().any(lost), "no peer is lost");
        flood.abort();
    });
}

#[test]
fn silent_strangers_keep_no_peer_out() {
    serves_under(&[]);
}

#[test]
fn strangers_who_say_garbage_keep_no_peer_out() {
    serves_under(&[0xd5; 100]);
}

#[test]
fn strangers_who_shake_hands_slowly_keep_no_peer_out() {
    serves_under(&[0, 48, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn a_slow_newcomer_keeps_its_place_from_the_flood_of_another_address() {
    run(async {
        let network = Network::default();
        let _flooded = network.start(PORT, &SimDisk::new(), &[]).await;
        let flood = flood(&network, &[]);
        sleep(SECOND).await;
        let stream = network.dial_from(([127, 0, 0, 2], 0).into(), PORT).expect("it listens");
        sleep(HANDSHAKE_TIMEOUT - SECOND).await;
        let linked = ScriptedPeer::new(9).link(stream, hello(0, Purpose::Control)).await;
        assert!(linked.is_ok(), "{:?}", linked.err());
        flood.abort();
    });
}

#[test]
fn a_flood_fills_no_log() {
    run(async {
        let network = Network::default();
        let _flooded = network.start(PORT, &SimDisk::new(), &[]).await;
        let flood = flood(&network, &[]);
        sleep(10 * DROP_LOG_INTERVAL).await;
        flood.abort();
        sleep(2 * DROP_LOG_INTERVAL).await;
        let events = network.events.borrow();
        let one_by_one = events.iter().filter(|event| matches!(event, Event::InboundDropped { .. })).count() as u64;
        let together = events.iter().filter_map(|event| match event {
            Event::InboundFlooded { dropped } => Some(*dropped),
            _ => None,
        });
        let together: Vec<u64> = together.collect();
        assert!(one_by_one <= 12 * DROP_LOG_TOLD_MAX && together.len() <= 12, "{one_by_one} and {}", together.len());
        let opened = 10 * 1000 * DROP_LOG_INTERVAL.as_secs();
        let told = one_by_one + together.iter().sum::<u64>();
        assert!((opened - opened / 20..=opened).contains(&told), "the events tell of {told} of {opened} connections");
    });
}

#[test]
fn a_recorded_first_message_is_good_for_one_connection() {
    run(async {
        let network = Network::default();
        let _node = network.start(PORT, &SimDisk::new(), &[]).await;
        let (keys, open) = (Keys::derive(&MasterSecret([7; 32])), ClusterSecret::open());
        let credentials = Credentials::draw(&keys, &open, &mut Seed::from_u64(1).rng(Lane::Handshake));
        let hello = hello(0, Purpose::Control);
        let (near, mut listener) = duplex(1000);
        let mut message = [0; 50];
        tokio::select! {
            biased;
            _ = link::dial(near, &credentials, hello) => panic!("nobody answers the message"),
            read = listener.read_exact(&mut message) => drop(read.expect("a first message")),
        }
        let mut answers = Vec::new();
        for _ in 0..3 {
            let mut stream = network.dial(PORT).expect("it listens");
            stream.write_all(&message).await.expect("it listens");
            let mut answer = [0; 98];
            answers.push(stream.read_exact(&mut answer).await.is_ok());
        }
        assert_eq!(answers, [true, false, false]);
    });
}
