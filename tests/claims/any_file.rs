//! Any content under any key, on a small cluster: what is stored comes back, from the node itself and from its peers,
//! and none of it can be read on the disk of a peer.

use dacapo::crypto::Key;
use dacapo::node::Content;
use dacapo_sim::store::walkthrough::{self, star};
use proptest::prelude::*;

use crate::support::scripted::try_run;

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{1,40}",
        Just("../../etc/passwd".to_owned()),
        Just("/".to_owned()),
        Just("CON".to_owned()),
        Just("k".repeat(1024)),
        // These two share the first folder of their SHA-1.
        Just("picture_75.png".to_owned()),
        Just("picture_1475.png".to_owned()),
    ]
    .prop_filter("a key has no control characters and at most 1,024 bytes", |text| text.parse::<Key>().is_ok())
}

fn any_content() -> impl Strategy<Value = Vec<u8>> {
    let lengths = prop_oneof![
        4 => 0..100_usize,
        2 => 61_430..61_450_usize,
        2 => 262_140..262_150_usize,
        1 => 1_000_000..1_100_000_usize,
    ];
    (lengths, any::<u8>())
        .prop_map(|(len, start)| (0..=252).cycle().take(len).map(|at: u8| start.wrapping_add(at)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stored_comes_back(
        seed in any::<u64>(),
        files in prop::collection::btree_map(any_key(), any_content(), 1..5),
    ) {
        let stored = files.clone();
        let outcome = try_run(&walkthrough::setup(seed), async move |_, origin| {
            let files: Vec<(Key, Vec<u8>)> =
                stored.into_iter().map(|(key, content)| (key.parse().expect("filtered"), content)).collect();
            for (key, content) in &files {
                let stored = origin.store(key, Content::bytes(content.clone())).await?;
                assert_eq!((stored.size, stored.replicas()), (content.len() as u64, 2));
            }
            for (key, content) in &files {
                assert!(origin.get(key).await?.read_all().await? == *content, "the local copy of {key}");
                origin.delete(key).await?;
                for (other, _) in &files {
                    let is_there = origin.stat(other).await?.is_local;
                    assert_eq!(is_there, other != key, "a delete removes that file only");
                }
                assert!(origin.get(key).await?.read_all().await? == *content, "the replica of {key}");
            }
            Ok(())
        });
        prop_assert_eq!(outcome.failure, None);
        for content in files.values().filter(|content| content.len() >= 16) {
            for host in star::HOLDERS {
                for (path, ..) in outcome.disks[host].tree() {
                    let bytes = outcome.disks[host].read(&path).unwrap_or_default();
                    prop_assert!(!bytes.windows(16).any(|window| window == &content[..16]), "{host} {path}");
                }
            }
        }
    }
}
