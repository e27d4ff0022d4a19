//! What the tasks of a node share, and how they run: as local tasks, with blocking work away from the node's thread.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::boots::Boots;
use super::commit::queue::CommitQueue;
use super::config::{Mode, Upkeep};
use super::disk_check::DiskCheck;
use super::eviction_queue::EvictionQueue;
use super::holder::quota::{Quota, Reserved};
use super::holder::refusals::Refusals;
use super::holder::verified::Verified;
use super::lanes::{Lanes, draw_iv};
use super::link::{Credentials, LinkError};
use super::locks::{Locked, Locks};
use super::members::MembersInForce;
use super::mending::Mending;
use super::panic_guard::PanicGuard;
use super::peers::Peers;
use super::peers::in_flight::InFlight;
use super::repair_log::RepairLog;
use crate::crypto::{ClusterSecret, Iv, Key, Keys, NodeId, ReplicaName, Version};
use crate::disk::Disk;
use crate::event::{Event, EventSink};
use crate::limits::REPAIRS_MAX;
use crate::platform::Platform;
use crate::protocol::BootId;
use crate::replication::Replicas;
use crate::seed::SeedRng;
use crate::store::layout::BlobId;
use crate::store::{News, StorageError, Store};
use crate::transport::Transport;

/// A connection of the node's network.
pub(super) type Stream<P> = <<P as Platform>::Transport as Transport>::Stream;

/// The context, as every task holds it.
pub(super) type Shared<P> = Rc<Context<P>>;

/// What the tasks of a node share.
pub(super) struct Context<P: Platform> {
    pub(super) platform: P,
    pub(super) keys: Arc<Keys>,
    pub(super) cluster: ClusterSecret,
    pub(super) listen_port: u16,
    pub(super) events: EventSink,
    pub(super) lanes: Lanes,
    pub(super) store: Arc<Store<P::Disk>>,
    pub(super) locks: Locks,
    /// One search among the peers for each file at a time. Taken before the lock of the file.
    pub(super) searches: Locks,
    /// The local copies that a scrub replaces.
    pub(super) mending: Mending,
    pub(super) commits: CommitQueue<P::Disk>,
    pub(super) peers: Peers<Stream<P>>,
    /// What tells this start of the node from every other one.
    pub(super) boot: BootId,
    pub(super) boots: Boots,
    pub(super) members: Rc<MembersInForce>,
    pub(super) upkeep: Upkeep,
    pub(super) owner: OwnerState,
    pub(super) holder: HolderState,
    /// Bounds the calls of handles that are under way.
    pub(super) calls: Arc<Semaphore>,
    /// Bounds the looks at the catalog that heartbeats wait for.
    pub(super) heartbeat_looks: Arc<Semaphore>,
    pub(super) disk_check: DiskCheck,
    pub(super) tasks: Tasks,
}

/// What the tasks of the owner's side share.
pub(super) struct OwnerState {
    pub(super) started: Instant,
    pub(super) replicas: Replicas,
    pub(super) mode: Mode,
    /// How long deletions are remembered at least.
    pub(super) deletions_kept: Duration,
    pub(super) in_flight: InFlight,
    /// The version by which a peer has shown that the data directory was put back from an older copy.
    pub(super) rolled_back: Cell<Option<Version>>,
    pub(super) repair_log: RepairLog,
    /// Bounds how many repairs run at one time.
    pub(super) repairs: Arc<Semaphore>,
    /// Bounds how many of them are for slow peers.
    pub(super) repairs_of_slow: Arc<Semaphore>,
}

/// What the tasks of the holder's side share.
pub(super) struct HolderState {
    pub(super) quota: Quota,
    pub(super) reserved: Reserved,
    /// Replicas of one owner are admitted one after the other.
    pub(super) admissions: Locks<NodeId>,
    pub(super) refusals: Refusals,
    /// The incoming connections on which a peer asks, and asks nothing at the moment.
    pub(super) idle: EvictionQueue,
    pub(super) verified: Verified,
}

/// The tasks of a node, and what ends them.
#[derive(Clone, Default)]
pub(super) struct Tasks {
    pub(super) tracker: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) panicked: Rc<Cell<bool>>,
}

impl Tasks {
    /// Runs a task until it ends or the node stops. A panic stops the node.
    ///
    /// The task is on the heap from the start, because the runtime moves it several times before its first poll. For
    /// the compiler all tasks are one type: the runtime's code for a task is not made anew for each.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        let stop = self.stop.clone();
        let guard = PanicGuard { stop: stop.clone(), panicked: self.panicked.clone() };
        self.tracker.spawn_local(async move {
            let guard = guard;
            // The stop is polled first: no task may see that another task, for which it waits, has been dropped.
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
            drop(guard);
        });
    }
}

impl OwnerState {
    pub(super) fn new(replicas: Replicas, mode: Mode, deletions_kept: Duration) -> Self {
        Self {
            started: Instant::now(),
            replicas,
            mode,
            deletions_kept,
            in_flight: InFlight::default(),
            rolled_back: Cell::default(),
            repair_log: RepairLog::default(),
            repairs: Arc::new(Semaphore::new(REPAIRS_MAX)),
            repairs_of_slow: Arc::new(Semaphore::new(REPAIRS_MAX / 2)),
        }
    }
}

impl HolderState {
    pub(super) fn new(quota: Quota) -> Self {
        Self {
            quota,
            reserved: Reserved::default(),
            admissions: Locks::default(),
            refusals: Refusals::default(),
            idle: EvictionQueue::default(),
            verified: Verified::default(),
        }
    }
}

impl<P: Platform> Context<P> {
    /// Hands an event to the sink.
    pub(super) fn tell(&self, event: &Event) {
        (self.events)(event);
    }

    /// Returns credentials for one handshake.
    pub(super) fn credentials(&self) -> Result<Credentials<'_>, LinkError> {
        let fresh = self.platform.entropy().map_err(LinkError::NoEntropy)?;
        Ok(Credentials::draw(&self.keys, &self.cluster, &mut self.lanes.handshake.borrow_mut()).mixed_with(fresh))
    }

    /// Draws an IV that no other draw gives.
    pub(super) fn draw_iv(&self, lane: &RefCell<SeedRng>) -> io::Result<Iv> {
        Ok(draw_iv(lane, self.platform.entropy()?))
    }

    /// Runs a task until it ends or the node stops. A panic stops the node.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.spawn(Box::pin(task));
    }

    /// Runs blocking work on the data directory, away from the node's thread.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store<P::Disk>) -> T + Send + 'static,
    ) -> T {
        let work = self.with_news(work);
        self.heard(self.platform.disk().run(work).await).await
    }

    /// Runs work on the data directory that is short, or waits for other such work in any case: a look into the
    /// catalog, or a commit. Nothing that reads or writes a large file.
    pub(super) async fn short<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store<P::Disk>, &Keys) -> T + Send + 'static,
    ) -> T {
        let keys = self.keys.clone();
        let work = self.with_news(move |store| work(store, &keys));
        self.heard(self.platform.disk().run_short(work).await).await
    }

    /// Returns work that also gives what the store has done on its own.
    fn with_news<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store<P::Disk>) -> T + Send + 'static,
    ) -> impl FnOnce() -> (T, Vec<News>) + Send + 'static {
        let store = self.store.clone();
        self.counted(move || {
            let result = work(&store);
            let news = store.take_news();
            drop(store);
            (result, news)
        })
    }

    /// Tells what the store has done on its own beside some work, and returns what came of the work.
    async fn heard<T>(&self, (result, news): (T, Vec<News>)) -> T {
        let was_salvaged = news.iter().any(|news| matches!(news, News::Salvaged(_)));
        self.tell_news(news);
        if was_salvaged {
            self.forget_told().await;
        }
        result
    }

    /// Has the store forget what was told of its catalog. If that fails, the next start tells it once more.
    pub(super) async fn forget_told(&self) {
        let store = self.store.clone();
        self.offload(move || drop((store.forget_told(), store))).await;
    }

    /// Tells what the store has done on its own.
    pub(super) fn tell_news(&self, news: Vec<News>) {
        news.into_iter().for_each(|news| self.tell(&news.into()));
    }

    /// Runs blocking work on the data directory that needs the node's keys, away from the node's thread.
    pub(super) async fn with_keys<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store<P::Disk>, &Keys) -> T + Send + 'static,
    ) -> T {
        let keys = self.keys.clone();
        self.blocking(move |store| work(store, &keys)).await
    }

    /// Waits for the lock of an own file, which peers know by this name, and returns it with the key of the file. If
    /// the key is not known, waits for the lock of the name, which a store of the file takes as well.
    pub(super) async fn lock_named(&self, name: ReplicaName) -> Result<(Option<Key>, Locked), StorageError> {
        let look_up = || self.blocking(move |store| store.key_of(name));
        loop {
            let key = look_up().await?;
            let locked = match &key {
                Some(key) => self.locks.lock(BlobId::Own(key.file_name())).await,
                None => self.lock_name(name).await,
            };
            // A store may have ended before the lock of a name was free.
            if key.is_some() || look_up().await?.is_none() {
                return Ok((key, locked));
            }
        }
    }

    /// Waits for the lock of the name of an own file.
    pub(super) async fn lock_name(&self, name: ReplicaName) -> Locked {
        // A node holds no replicas of its own files, so nothing else has this lock.
        self.locks.lock(BlobId::Held(self.keys.node(), name)).await
    }

    /// Runs blocking work away from the node's thread. A node that stops waits for work that has begun.
    pub(super) async fn offload<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.platform.disk().run(self.counted(work)).await
    }

    /// Returns work for which a node that stops waits.
    fn counted<T>(&self, work: impl FnOnce() -> T + Send + 'static) -> impl FnOnce() -> T + Send + 'static {
        let token = self.tasks.tracker.token();
        move || {
            let result = work();
            drop(token);
            result
        }
    }
}
