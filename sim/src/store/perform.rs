//! The calls of clients, made on the running nodes.

use std::io::Cursor;
use std::time::Duration;

use dacapo::node::{Content, DeleteError, GetError, StoreError};
use tokio::time::sleep;

use super::call::{self, Call};
use super::files::Files;
use super::history::{self, HistoryEntry, Outcome};
use crate::subject::Scene;

/// How often a call looks whether the node has stopped.
const LOOK: Duration = Duration::from_millis(10);

/// Makes a call on the node of its host and returns the outcome.
pub(super) async fn perform(scene: &Scene<Files>, entry: &HistoryEntry) -> Outcome {
    let call = entry.call;
    let Some(node) = scene.clients.node(entry.host) else { return Outcome::down(call) };
    match call {
        Call::Store { key, size, is_streamed } => {
            let digest = entry.content().expect("a store stores something");
            let content = call::content(entry.number, size);
            let content = match is_streamed {
                true => Content::reader(Cursor::new(content), None),
                false => Content::bytes(content),
            };
            match node.store(&call::key(key), content).await {
                Ok(stored) => Outcome::stored(digest, &stored),
                Err(StoreError::Rejected(_)) => Outcome::Rejected,
                Err(StoreError::Unconfirmed(_)) => Outcome::Unconfirmed,
            }
        }
        Call::Get { key } => match node.get(&call::key(key)).await {
            Ok(fetched) => match fetched.read_all().await {
                Ok(content) => Outcome::Got(history::digest(&content)),
                Err(error) => Outcome::Failed(error.to_string()),
            },
            Err(GetError::NotFound { .. } | GetError::Deleted) => Outcome::NotFound,
            Err(error @ (GetError::Disk(_) | GetError::Stopped)) => Outcome::Failed(error.to_string()),
            Err(error) => Outcome::NoCopy(error.to_string()),
        },
        Call::Delete { key, is_held } => {
            let deleted = match is_held {
                true => node.delete_if_held(&call::key(key), 1).await,
                false => node.delete(&call::key(key)).await,
            };
            match deleted {
                Ok(()) => Outcome::Deleted,
                Err(DeleteError::NotFound | DeleteError::Rejected(_)) => Outcome::NotFound,
                Err(error @ (DeleteError::TooFewReplicas { .. } | DeleteError::Changed)) => {
                    Outcome::Kept(error.to_string())
                }
                Err(error) => Outcome::Failed(error.to_string()),
            }
        }
        Call::Erase { key } => match node.delete_everywhere(&call::key(key)).await {
            Ok(_) => Outcome::Erased,
            Err(DeleteError::NotFound) => Outcome::NotFound,
            Err(DeleteError::Rejected(_)) => Outcome::Rejected,
            Err(_) => Outcome::Unconfirmed,
        },
        Call::List => match node.list(None).await {
            Ok(files) => Outcome::Listed(files.len()),
            Err(error) => Outcome::Failed(error.to_string()),
        },
        Call::Restart => {
            let starts = scene.boots[entry.host].get();
            node.stop().await;
            while scene.clients.node(entry.host).is_some() && scene.boots[entry.host].get() == starts {
                sleep(LOOK).await;
            }
            Outcome::Restarted
        }
    }
}
