//! Takes the calls of the handles and runs each as a task of its own, so many at a time.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::handle::errors::StatError;
use super::handle::{Call, Reply};
use super::{Shared, everywhere, fetch, files, members, replicate, scrub};
use crate::limits::CALLS_MAX;
use crate::platform::Platform;

/// Takes calls until the node stops.
pub(super) async fn run<P: Platform>(inner: Shared<P>, mut calls: mpsc::Receiver<Call>) {
    let slots = Arc::new(Semaphore::new(CALLS_MAX));
    while let Some(call) = calls.recv().await {
        let slot = slots.clone().acquire_owned().await.expect("never closed");
        let task = inner.clone();
        inner.spawn(async move {
            answer(task, call).await;
            drop(slot);
        });
    }
    inner.stop.cancel();
}

async fn answer<P: Platform>(inner: Shared<P>, call: Call) {
    match call {
        Call::Store(key, content, mut reply) => {
            let stored = replicate::store(inner, key, content, reply.closed()).await;
            send(reply, stored);
        }
        Call::Get(key, reply) => send(reply, fetch::get(inner, key).await),
        Call::Delete(key, version, reply) => send(reply, files::delete(inner, key, version).await),
        Call::List(after, reply) => send(reply, files::list(inner, after).await),
        Call::Stat(key, reply) => send(reply, files::stat(inner, key).await),
        Call::Peers(reply) => send(reply, inner.peers.info()),
        Call::Holders(key, reply) => send(reply, everywhere::holders(inner, key).await),
        Call::DeleteEverywhere(key, version, reply) => send(reply, everywhere::delete(inner, key, version).await),
        Call::ChangeMembers(change, reply) => send(reply, members::change(&inner, change).await),
        Call::Forgotten(reply) => send(reply, inner.membership.forgotten()),
        Call::HeldFor(owner, reply) => {
            let usage = inner.blocking(move |store| store.usage(owner)).await;
            send(reply, usage.map_err(StatError::Disk));
        }
        Call::Scrub(told, reply) => send(reply, scrub::now(inner, told).await),
    }
}

/// A caller that has gone away loses the answer, not what was done. A store that still reads its content is given up.
fn send<T>(reply: Reply<T>, answer: T) {
    drop(reply.send(answer));
}
