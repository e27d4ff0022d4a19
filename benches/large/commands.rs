//! The commands of the origin on the one large file.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::time::Instant;

use dacapo::crypto::Key;
use dacapo::node::{Content, Fetched, Handle};

use crate::process::seconds;

thread_local! {
    /// The file that the last get found.
    static FETCHED: RefCell<Option<Fetched>> = const { RefCell::new(None) };
}

/// Carries out one command on the origin, and returns the answer.
pub(crate) async fn obey(handle: &Handle, words: &[&str]) -> String {
    let key: Key = "a large file".parse().expect("a key");
    let start = Instant::now();
    match words {
        ["store", path] => {
            let file = tokio::fs::File::open(path).await.expect("the content is there");
            let size = file.metadata().await.expect("the content is there").len();
            let stored = handle.store(&key, Content::reader(file, Some(size))).await.expect("stored");
            assert_eq!(stored.replicas(), 2, "{:?}", stored.receipts);
            seconds(start)
        }
        ["delete"] => {
            handle.delete(&key).await.expect("deleted");
            "deleted".to_owned()
        }
        ["get"] => {
            let fetched = handle.get(&key).await.expect("found");
            assert!(fetched.from.is_some(), "the local copy was deleted");
            FETCHED.set(Some(fetched));
            seconds(start)
        }
        ["read", path] => read(FETCHED.take().expect("there was a get"), path).await,
        other => panic!("no such command: {other:?}"),
    }
}

async fn read(mut fetched: Fetched, path: &str) -> String {
    let mut content = File::open(path).expect("the content is there");
    let (mut expected, mut len, mut waited) = (Vec::new(), 0, 0.0);
    loop {
        let start = Instant::now();
        let chunk = fetched.chunk().await.expect("the disk works");
        waited += start.elapsed().as_secs_f64();
        let Some(chunk) = chunk else { break };
        expected.resize(chunk.len(), 0);
        content.read_exact(&mut expected).expect("the content is no shorter");
        assert!(chunk == expected, "what came back differs after byte {len}");
        len += chunk.len() as u64;
    }
    assert_eq!(len, content.metadata().expect("the content is there").len());
    waited.to_string()
}
