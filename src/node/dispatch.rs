//! Takes the calls of the handles and runs each call as a task of its own, a bounded number at a time.

use tokio::sync::mpsc;

use super::context::Shared;
use super::handle::errors::StatError;
use super::handle::{Call, Reply};
use super::owner::get::Purpose;
use super::owner::{delete, get, holders, list, repair, store};
use super::peers::{self, admission};
use super::{scrub, status};
use crate::platform::Platform;

/// Takes calls until the node stops.
pub(super) async fn run<P: Platform>(context: Shared<P>, mut calls: mpsc::Receiver<Call>) {
    while let Some(call) = calls.recv().await {
        // Whoever asks whether the disk works is told in time, however many calls wait for it.
        let slot = match call {
            Call::CheckDisk(_) => None,
            _ => Some(context.calls.clone().acquire_owned().await.expect("the semaphore is never closed")),
        };
        let task = context.clone();
        context.spawn(async move {
            answer(task, call).await;
            drop(slot);
        });
    }
    context.tasks.stop.cancel();
}

async fn answer<P: Platform>(context: Shared<P>, call: Call) {
    match call {
        Call::Store(key, content, mut reply) => {
            let stored = store::store(context, key, content, reply.closed()).await;
            send(reply, stored);
        }
        Call::Get(key, is_kept, mut reply) => {
            let purpose = if is_kept { Purpose::Copy } else { Purpose::Pass };
            let got = get::get(context, key, purpose, reply.closed()).await;
            send(reply, got);
        }
        Call::Delete(key, reply) => send(reply, delete::here(context, key, None).await),
        Call::DeleteIfHeld(key, wanted, mut reply) => {
            let deleted = delete::if_held(context, key, wanted, reply.closed()).await;
            send(reply, deleted);
        }
        Call::List(prefix, after, reply) => send(reply, list::list(context, prefix, after).await),
        Call::Stat(key, reply) => send(reply, list::stat(context, key).await),
        Call::Peers(reply) => send(reply, peers::status::info(&context)),
        Call::Holders(key, look, mut reply) => {
            tokio::select! {
                biased;
                held = holders::holders(context, key, look) => send(reply, held),
                () = reply.closed() => {}
            }
        }
        Call::DeleteEverywhere(key, version, reply) => {
            send(reply, delete::everywhere(context, key, version).await);
        }
        Call::ChangeMembers(change, reply) => send(reply, admission::change(&context, change).await),
        Call::Repairs(reply) => send(reply, repair::told(context).await),
        Call::Remembered(reply) => send(reply, peers::status::remembered(&context)),
        Call::Forgotten(reply) => send(reply, context.members.forgotten()),
        Call::HeldFor(owner, reply) => {
            let usage = context.blocking(move |store| store.usage(owner)).await;
            send(reply, usage.map_err(StatError::Disk));
        }
        Call::Scrub(told, reply) => {
            let scrubbed = scrub::now(context, told, &reply).await;
            send(reply, scrubbed);
        }
        Call::Status(reply) => send(reply, status::status(context).await),
        Call::CheckDisk(mut reply) => {
            tokio::select! {
                biased;
                checked = status::check_disk(context) => send(reply, checked),
                () = reply.closed() => {}
            }
        }
    }
}

/// Sends an answer. A caller that has gone away loses the answer, not what was done; a store that still reads
/// its content is given up, a get that waits for another one, a deletion that still waits for the peers, a look at
/// them, and the rest of a scrub.
fn send<T>(reply: Reply<T>, answer: T) {
    drop(reply.send(answer));
}
