//! The commands of the origin on the many small files.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use dacapo::crypto::Key;
use dacapo::node::{Content, Handle};

/// The content of each file, as in the five workflows.
pub(crate) const CONTENT: &[u8] = b"my big data file here!";

/// Returns the key of a file, as in the five workflows.
pub(crate) fn key(index: u32) -> Key {
    format!("picture_{index}.png").parse().expect("a key")
}

/// Carries out one command on the origin, and returns the answer.
pub(crate) async fn obey(handle: &Handle, words: &[&str]) -> String {
    match words {
        ["store", count, callers] => {
            let store = async |handle: Handle, key: Key| {
                let stored = handle.store(&key, Content::bytes(CONTENT)).await.expect("stored");
                assert_eq!(stored.replicas(), 2, "{:?}", stored.receipts);
            };
            for_each(handle, count, callers, store).await
        }
        ["delete", count] => {
            for index in 0..number(count) {
                handle.delete(&key(index)).await.expect("deleted");
            }
            "deleted".to_owned()
        }
        ["get", count, callers] => {
            let get = async |handle: Handle, key: Key| {
                let fetched = handle.get(&key).await.expect("found");
                assert!(fetched.from.is_some(), "the local copy was deleted");
                assert_eq!(fetched.read_all().await.expect("the disk works"), CONTENT);
            };
            for_each(handle, count, callers, get).await
        }
        ["read", count, callers] => {
            let read = async |handle: Handle, key: Key| {
                let fetched = handle.get(&key).await.expect("found");
                assert!(fetched.from.is_none(), "it came back just now");
                assert_eq!(fetched.read_all().await.expect("the disk works"), CONTENT);
            };
            for_each(handle, count, callers, read).await
        }
        other => panic!("no such command: {other:?}"),
    }
}

/// Has the callers take file after file until none is left. Returns how many seconds that took.
async fn for_each(
    handle: &Handle,
    count: &str,
    callers: &str,
    call: impl AsyncFn(Handle, Key) + Clone + 'static,
) -> String {
    let (count, next) = (number(count), Rc::new(Cell::new(0)));
    let start = Instant::now();
    let callers: Vec<_> = (0..number(callers))
        .map(|_| {
            let (handle, next, call) = (handle.clone(), next.clone(), call.clone());
            tokio::task::spawn_local(async move {
                while next.get() < count {
                    let index = next.replace(next.get() + 1);
                    call(handle.clone(), key(index)).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller panicked");
    }
    start.elapsed().as_secs_f64().to_string()
}

fn number(word: &str) -> u32 {
    word.parse().expect("a number")
}
