//! A get that is to keep nothing leaves nothing, however it ends.

use std::time::Duration;

use dacapo::limits::CHUNK_BYTES;
use dacapo_sim::disk::SimDisk;
use tokio::time::{sleep, timeout};

use super::crawls::holder;
use crate::support::in_memory::{Network, OWNER, connected, files_below, key, put, run};
use crate::support::scripted_peer::ScriptedPeer;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nothing_stays_of_the_copy_that_comes_second() {
    run(async {
        let mut sooner = 0;
        for lead in 4..16 {
            let network = Network::default();
            let first = holder(&network, 1, Duration::ZERO, 15 * SECOND);
            let second = holder(&network, 2, SECOND, 15 * SECOND - SECOND * lead / 3);
            let disk = SimDisk::new();
            let node = network.start(OWNER, &disk, &[first, second]).await;
            let owner = node.handle();
            connected(&owner, 2).await;
            put(&owner, "a", vec![7; 3 * CHUNK_BYTES]).await;
            owner.delete(&key("a")).await.expect("deleted");
            // Content that has come takes its time to be written.
            disk.set_delay(Some(2 * SECOND));
            let got = owner.get_unkept(&key("a")).await.expect("found");
            sooner += usize::from(got.from == Some(ScriptedPeer::new(2).node()));
            drop(got);
            sleep(30 * SECOND).await;
            assert_eq!(files_below(&disk, "tmp"), Vec::<String>::new(), "{lead}");
        }
        assert!((1..12).contains(&sooner), "one was always the first");
    });
}

#[test]
fn an_unkept_get_ends_with_its_caller() {
    run(async {
        let network = Network::default();
        let slow = holder(&network, 1, Duration::ZERO, 5 * SECOND);
        let disk = SimDisk::new();
        let node = network.start(OWNER, &disk, &[slow]).await;
        let owner = node.handle();
        connected(&owner, 1).await;
        put(&owner, "a", vec![7; 20 * CHUNK_BYTES]).await;
        owner.delete(&key("a")).await.expect("deleted");
        timeout(12 * SECOND, owner.get_unkept(&key("a"))).await.expect_err("it takes longer");
        sleep(SECOND).await;
        let load = owner.status().await.expect("readable").load;
        assert_eq!((load.calls, load.exchanges, load.locked), (0, 0, 0));
        assert_eq!(files_below(&disk, "tmp"), Vec::<String>::new());
    });
}

#[test]
fn nothing_stays_after_a_stop() {
    run(async {
        let disk = SimDisk::new();
        let pair = Network::default().pair(&disk, &SimDisk::new()).await;
        let owner = pair.owner.handle();
        put(&owner, "a", vec![7; 100_000]).await;
        owner.delete(&key("a")).await.expect("deleted");
        let got = owner.get_unkept(&key("a")).await.expect("found");
        assert_eq!(files_below(&disk, "tmp").len(), 1, "until it is read");
        pair.stop().await;
        assert_eq!(files_below(&disk, "tmp"), Vec::<String>::new());
        drop(got);
    });
}
