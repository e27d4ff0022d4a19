//! Scrubs: reads the catalog, and compares every blob of the data directory with it, in the background and on demand.
//! A damaged replica is set aside, and sent again by its owner; a damaged own file is fetched from a peer. What no
//! record names is looked for at the end.

mod blob;
mod notes;
mod pace;
mod strays;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::config::Upkeep;
use super::context::Shared;
use super::handle::Reply;
use super::handle::answers::Scrubbed;
use super::holder::verify;
use crate::crypto::{Key, NodeId, ReplicaName};
use crate::event::Event;
use crate::platform::Platform;
use crate::store::{Change, ScrubPosition, ScrubState, StorageError};
use blob::Outcome;
use notes::Notes;
use pace::Pace;

/// Scrubs for as long as the node runs: goes on where an earlier start stopped, and begins anew when the last full
/// scrub ended long enough ago.
pub(super) async fn run<P: Platform>(context: Shared<P>) {
    let Upkeep { scrub_pause, scrub_interval, scrub_save_interval, .. } = context.upkeep;
    loop {
        // A node that starts has its peers to think of first; and a disk that fails is not asked without a pause.
        sleep(scrub_pause).await;
        let Ok(state) = context.blocking(|store| store.scrub_state()).await else { continue };
        sleep(pace::wait(&state, scrub_interval, context.platform.now())).await;
        let Ok(bytes) = context.blocking(|store| store.bytes_to_scrub()).await else { continue };
        Scrub::new(&context, Pace::slow(bytes, scrub_save_interval), None).run(state.position).await;
        compact(&context).await;
    }
}

/// Scrubs once, as fast as the disk goes, while the caller waits for the answer. Sends its progress to `told` after
/// each file, if that has room.
pub(super) async fn now<P: Platform>(
    context: Shared<P>,
    told: mpsc::Sender<Scrubbed>,
    caller: &Reply<Scrubbed>,
) -> Scrubbed {
    Scrub::new(&context, Pace::AtOnce, Some((told, caller))).run(None).await
}

async fn compact<P: Platform>(context: &Shared<P>) {
    // If the disk fails, the catalog is as large as before, and the next scrub tries again.
    let bytes_min = context.upkeep.compact_bytes_min;
    if let Ok(Some(bytes)) = context.blocking(move |store| store.compact_catalog(bytes_min)).await {
        context.tell(&Event::CatalogCompacted { bytes });
    }
}

/// One way through all blobs.
struct Scrub<'a, P: Platform> {
    context: &'a Shared<P>,
    pace: Pace,
    /// Who is told of the progress, and who waits for the end.
    caller: Option<(mpsc::Sender<Scrubbed>, &'a Reply<Scrubbed>)>,
    scrubbed: Scrubbed,
    notes: Notes,
    is_whole: bool,
}

impl<'a, P: Platform> Scrub<'a, P> {
    fn new(context: &'a Shared<P>, pace: Pace, caller: Option<(mpsc::Sender<Scrubbed>, &'a Reply<Scrubbed>)>) -> Self {
        Self { context, pace, caller, scrubbed: Scrubbed::default(), notes: Notes::default(), is_whole: true }
    }

    /// Goes on behind a position, or begins anew without one.
    async fn run(mut self, from: Option<ScrubPosition>) -> Scrubbed {
        // What is compared with the catalog below has to be compared with what was committed last.
        self.scrubbed.failed += u64::from(self.context.blocking(|store| store.verify_catalog()).await.is_err());
        let held_from = match from {
            Some(ScrubPosition::Held(owner, replica_name)) => Some((owner, replica_name)),
            Some(ScrubPosition::Own(key)) => {
                self.own_files(Some(key)).await;
                None
            }
            None => {
                self.own_files(None).await;
                None
            }
        };
        self.notes.save(self.context).await;
        if held_from.is_none() && !self.is_left() {
            self.scrubbed.failed += blob::remove_deleted(self.context).await;
        }
        self.held_replicas(held_from).await;
        if !self.is_left() {
            self.scrubbed.failed += strays::set_aside(self.context).await;
        }
        self.end().await;
        let Scrubbed { checked, damaged, .. } = self.scrubbed;
        self.context.tell(&Event::Scrubbed { checked, damaged });
        self.scrubbed
    }

    async fn own_files(&mut self, mut after: Option<Key>) {
        while !self.is_left()
            && let Some(next) = next_own(self.context, after.as_ref()).await.transpose()
        {
            let Ok((key, bytes)) = next else { return self.broke_off().await };
            let outcome = blob::own(self.context, &key, &mut self.notes).await;
            self.scrubbed.absent += u64::from(matches!(outcome, Outcome::Absent));
            after = Some(key.clone());
            self.note(outcome, bytes, ScrubPosition::Own(key)).await;
        }
    }

    async fn held_replicas(&mut self, mut after: Option<(NodeId, ReplicaName)>) {
        while !self.is_left()
            && let Some(next) = next_held(self.context, after).await.transpose()
        {
            let Ok((owner, replica_name, bytes)) = next else { return self.broke_off().await };
            let outcome = blob::held(self.context, owner, replica_name).await;
            after = Some((owner, replica_name));
            self.note(outcome, bytes, ScrubPosition::Held(owner, replica_name)).await;
        }
    }

    /// Whether the caller has gone away: then nobody waits for the rest.
    fn is_left(&mut self) -> bool {
        let is_left = self.caller.as_ref().is_some_and(|(_, reply)| reply.is_closed());
        self.is_whole &= !is_left;
        is_left
    }

    /// Notes that the catalog could not be read any further.
    async fn broke_off(&mut self) {
        self.is_whole = false;
        self.scrubbed.failed += 1;
        self.scrubbed.checked += 1;
        self.tell();
    }

    async fn note(&mut self, outcome: Outcome, bytes: u64, position: ScrubPosition) {
        count(&mut self.scrubbed, &outcome, bytes);
        self.tell();
        if self.pace.after(bytes).await {
            self.remember(Some(position)).await;
        }
    }

    fn tell(&self) {
        if let Some((told, _)) = &self.caller {
            // A slow listener misses some of the progress.
            told.try_send(self.scrubbed).ok();
        }
    }

    /// Makes durable how far the scrub has come, and what it has found good.
    async fn remember(&mut self, position: Option<ScrubPosition>) {
        self.notes.save(self.context).await;
        let before = self.context.blocking(|store| store.scrub_state()).await.unwrap_or_default();
        self.commit(ScrubState { position, ..before }).await;
    }

    /// Makes durable that the scrub has seen everything.
    async fn end(&self) {
        let now = self.context.platform.now();
        match self.is_whole {
            true => self.commit(ScrubState { position: None, ended: Some(now) }).await,
            false => verify::save(self.context).await,
        }
    }

    async fn commit(&self, state: ScrubState) {
        verify::save(self.context).await;
        // If the disk fails, the next start begins where it did before.
        drop(self.context.commit(Change::Scrub(state)).await);
    }
}

fn count(scrubbed: &mut Scrubbed, outcome: &Outcome, bytes: u64) {
    let is_read = !matches!(outcome, Outcome::Absent);
    scrubbed.checked += u64::from(is_read);
    scrubbed.bytes += if is_read { bytes } else { 0 };
    let is_good = matches!(outcome, Outcome::Absent | Outcome::Good | Outcome::Failed);
    scrubbed.damaged += u64::from(!is_good);
    scrubbed.set_aside += u64::from(matches!(outcome, Outcome::SetAside));
    scrubbed.gone += u64::from(matches!(outcome, Outcome::Gone));
    scrubbed.missing += u64::from(matches!(outcome, Outcome::Missing));
    scrubbed.restored += u64::from(matches!(outcome, Outcome::Restored));
    scrubbed.failed += u64::from(matches!(outcome, Outcome::Failed));
}

async fn next_own<P: Platform>(context: &Shared<P>, after: Option<&Key>) -> Result<Option<(Key, u64)>, StorageError> {
    let after = after.cloned();
    let page = context.blocking(move |store| store.list_own("", after.as_ref(), 1)).await?;
    Ok(page.into_iter().next().map(|(key, record)| (key, record.seal.size)))
}

async fn next_held<P: Platform>(
    context: &Shared<P>,
    after: Option<(NodeId, ReplicaName)>,
) -> Result<Option<(NodeId, ReplicaName, u64)>, StorageError> {
    let page = context.blocking(move |store| store.list_held(after, 1)).await?;
    Ok(page.into_iter().next().map(|(owner, replica_name, known)| {
        let bytes = known.file().map_or(0, |record| record.seal.sealed_bytes());
        (owner, replica_name, bytes)
    }))
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::node::tests::{Idle, run};

    #[test]
    fn a_scrub_whose_caller_has_left_does_not_count_as_one_that_has_seen_everything() {
        run(async {
            let node = Idle::new();
            let has_ended = || node.context.store.scrub_state().expect("a good disk").ended.is_some();
            for stays in [false, true] {
                let (reply, answer) = oneshot::channel();
                let answer = Some(answer).filter(|_| stays);
                now(node.context.clone(), mpsc::channel(1).0, &reply).await;
                assert_eq!(has_ended(), answer.is_some());
            }
        });
    }

    #[test]
    fn each_outcome_is_counted_as_what_it_is() {
        let all = [
            Outcome::Absent,
            Outcome::Good,
            Outcome::Damaged,
            Outcome::SetAside,
            Outcome::Gone,
            Outcome::Gone,
            Outcome::Restored,
            Outcome::Restored,
            Outcome::Missing,
            Outcome::Failed,
            Outcome::Failed,
        ];
        let mut scrubbed = Scrubbed::default();
        all.iter().for_each(|outcome| count(&mut scrubbed, outcome, 10));
        let own = Scrubbed { checked: 10, bytes: 100, restored: 2, missing: 1, failed: 2, ..Scrubbed::default() };
        assert_eq!(scrubbed, Scrubbed { damaged: 7, set_aside: 1, gone: 2, ..own });
    }
}
