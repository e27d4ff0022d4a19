//! A node: its peers, its files, and the calls on its [`Handle`]. This file starts, stops and wires a node.
//!
//! All of a node runs on one thread, as local tasks, in production as in simulation: the order in which tasks run is
//! then a function of the seed. Blocking work leaves the thread through the disk seam. Stopping drops every task at its
//! next wait; work that was not acknowledged by then stays as it is, and the next start finishes or drops it.
//!
//! A node has two roles over one set of connections. The *owner* stores, gets, deletes and repairs its own files; the
//! *holder* takes, gives back, checks and releases replicas for others. Neither names the other.

mod boots;
mod commit;
mod config;
mod connection;
mod context;
mod data_dir;
mod dial;
mod disk_check;
mod dispatch;
mod eviction_queue;
mod follow;
mod handle;
mod heartbeat;
mod holder;
mod inbound;
mod lanes;
pub mod link;
mod locks;
mod members;
mod mending;
mod meter;
mod owner;
mod panic_guard;
mod peers;
mod repair_log;
mod scrub;
mod status;
mod tally;
mod transfer;

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use crate::disk::Disk;
use crate::event::Event;
use crate::limits::{CALLS_MAX, HEARTBEAT_PRINTS_MAX};
use crate::platform::Platform;
use crate::protocol::BootId;
use crate::store::{Origin, Recovered};
use crate::transport::Transport;
use context::{Context, HolderState, OwnerState, Tasks};

pub use crate::replication::Replicas;
pub use config::{Config, Mode, StartError, Upkeep};
pub use handle::answers::{
    FileInfo, Holder, Holding, Load, Names, PeerInfo, Progress, Receipt, Refusing, Remembered, Repairs, Scrubbed,
    Status, Stored, Unlearnt,
};
pub use handle::errors::{
    DeleteError, DiskCheckError, GetError, MemberError, ReadError, ReplicaError, StatError, StoreError, StoreFault,
    Unasked,
};
pub use handle::fetched::Fetched;
pub use handle::{Content, Handle};
pub use holder::quota::Quota;
pub use lanes::Lane;

/// The error of a node that has stopped because one of its tasks panicked, which is a defect. The data directory is as
/// after a crash.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task of the node panicked")]
pub struct Panicked;

/// A running node. It stops when [`Handle::stop`] is called, and when this value is dropped.
pub struct Node {
    handle: Handle,
    tasks: Tasks,
    finish: Pin<Box<dyn Future<Output = ()>>>,
}

impl Node {
    /// Starts a node: opens its data directory, listens, and begins to dial. Needs a tokio `LocalSet`, or a local
    /// runtime.
    ///
    /// # Errors
    /// Returns an error if the data directory or the address cannot be used.
    pub async fn start<P: Platform>(platform: P, config: Config) -> Result<Self, StartError> {
        let disk = platform.disk().clone();
        let mut identity_lane = config.seed.rng(Lane::Identity);
        let now = platform.now();
        let opened = disk.clone().run(move || data_dir::open(disk, config.layout, &mut identity_lane, now)).await?;
        let transport = platform.transport();
        let (listener, address) = transport
            .bind(&config.listen)
            .await
            .map_err(|source| StartError::Listen { address: config.listen.clone(), source })?;
        let dials = opened.members.dials_and(&config.peers);
        let (calls, incoming_calls) = mpsc::channel(CALLS_MAX);
        let (commits, incoming_commits) = commit::queue::CommitQueue::new();
        let tasks = Tasks::default();
        let handle = Handle { calls, node: opened.keys.node(), address, stop: tasks.stop.clone() };
        let context = Rc::new(Context {
            platform,
            keys: opened.keys,
            cluster: config.cluster,
            listen_port: address.port(),
            events: config.events,
            lanes: lanes::Lanes::new(&config.seed),
            store: opened.store,
            locks: locks::Locks::default(),
            searches: locks::Locks::default(),
            mending: mending::Mending::default(),
            commits,
            peers: peers::Peers::new(dials.clone(), peers::met::Met::new(opened.met)),
            boot: BootId::draw(&mut config.seed.rng(Lane::Boot)),
            boots: boots::Boots::default(),
            members: Rc::new(members::MembersInForce::new(opened.members)),
            upkeep: config.upkeep,
            owner: OwnerState::new(config.replicas, config.mode, config.deletions_kept),
            holder: HolderState::new(config.quota),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            heartbeat_looks: Arc::new(Semaphore::new(HEARTBEAT_PRINTS_MAX)),
            disk_check: disk_check::DiskCheck::default(),
            tasks: tasks.clone(),
        });
        context.tell(&Event::Started { node: handle.node, address, is_new: opened.is_new });
        if tell_recovered(&context, &opened.recovered, opened.is_new) {
            context.forget_told().await;
        }
        context.spawn(commit::run(context.clone(), incoming_commits));
        context.spawn(inbound::run(context.clone(), listener));
        for dial in dials {
            context.spawn(dial::keep_connected(context.clone(), dial));
        }
        context.spawn(follow::run(context.clone()));
        context.spawn(scrub::run(context.clone()));
        context.spawn(holder::verify::run(context.clone()));
        context.spawn(dispatch::run(context.clone(), incoming_calls));
        Ok(Self { handle, tasks, finish: Box::pin(finish(context)) })
    }

    /// Returns a handle on this node.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until the node has been stopped, every task has ended and the data directory is closed.
    ///
    /// # Errors
    /// Returns [`Panicked`] if a task panicked.
    pub async fn stopped(mut self) -> Result<(), Panicked> {
        self.tasks.stop.cancelled().await;
        self.tasks.tracker.close();
        self.tasks.tracker.wait().await;
        self.finish.as_mut().await;
        if self.tasks.panicked.get() { Err(Panicked) } else { Ok(()) }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.tasks.stop.cancel();
    }
}

/// Ends what the tasks have left, after the last of them. Has the last reference to the open data directory.
async fn finish<P: Platform>(context: context::Shared<P>) {
    // If this fails, the next start drops them.
    drop(context.blocking(|store| store.drop_passing()).await);
    context.tell(&Event::Stopped);
}

/// Tells what a start has found. Returns whether that was anything about the catalog.
fn tell_recovered<P: Platform>(context: &Context<P>, recovered: &Recovered, is_new: bool) -> bool {
    let &Recovered { finished, dropped, catalog } = recovered;
    if finished + dropped > 0 {
        context.tell(&Event::Recovered { finished, dropped });
    }
    let news = catalog.news().filter(|_| !(is_new && catalog == Origin::MadeForNone));
    let is_told = news.is_some();
    context.tell_news(news.into_iter().collect());
    context.tell_news(context.store.take_news());
    is_told
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;

    use tokio::runtime::Builder;
    use tokio::sync::oneshot;
    use tokio::task::LocalSet;

    use super::*;
    use crate::crypto::ClusterSecret;
    use crate::limits::DELETIONS_KEPT;
    use crate::platform::machine::Machine;
    use crate::seed::Seed;
    use crate::store::layout::Layout;
    use crate::store::tests::Place;

    /// What the tasks of a node share, without the tasks, but for the one that commits.
    pub(super) struct Idle {
        pub(super) context: context::Shared<Machine>,
        pub(super) place: Place,
        told: Rc<RefCell<Vec<Event>>>,
    }

    impl Idle {
        /// Opens a directory of its own. Is called in [`run`].
        pub(super) fn new() -> Self {
            Self::with_quota(Quota::default())
        }

        pub(super) fn with_quota(quota: Quota) -> Self {
            let (place, seed, told) = (Place::new(), Seed::from_u64(1), Rc::new(RefCell::new(Vec::new())));
            let (commits, incoming_commits) = commit::queue::CommitQueue::new();
            let heard = told.clone();
            let context = Rc::new(Context {
                platform: Machine::new(place.disk.clone()),
                keys: Arc::new(place.keys.clone()),
                cluster: ClusterSecret::open(),
                listen_port: 0,
                events: Rc::new(move |event: &Event| heard.borrow_mut().push(event.clone())),
                lanes: lanes::Lanes::new(&seed),
                store: Arc::new(place.open(Layout::Folders).0),
                locks: locks::Locks::default(),
                searches: locks::Locks::default(),
                mending: mending::Mending::default(),
                commits,
                peers: peers::Peers::new(Vec::new(), peers::met::Met::default()),
                boot: BootId::default(),
                boots: boots::Boots::default(),
                members: Rc::default(),
                upkeep: Upkeep::default(),
                owner: OwnerState::new(Replicas::default(), Mode::Normal, DELETIONS_KEPT),
                holder: HolderState::new(quota),
                calls: Arc::new(Semaphore::new(1)),
                heartbeat_looks: Arc::new(Semaphore::new(1)),
                disk_check: disk_check::DiskCheck::default(),
                tasks: Tasks::default(),
            });
            context.spawn(commit::run(context.clone(), incoming_commits));
            Self { context, place, told }
        }

        /// Returns what was told since the last call.
        pub(super) fn told(&self) -> Vec<Event> {
            self.told.take()
        }

        /// Has all blocking work wait for the end of what was begun before, and then until the second value is dropped.
        /// The first value says when that wait begins.
        pub(super) async fn hold_up(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
            let ((begins, begun), (go_on, waits)) = (oneshot::channel(), oneshot::channel::<()>());
            let work = move || drop((begins.send(()), waits.blocking_recv()));
            assert!(poll_once(&mut Box::pin(self.place.disk.run(work))).await.is_pending());
            (begun, go_on)
        }
    }

    /// Runs a test with an idle node. There is one thread for blocking work.
    pub(super) fn run(test: impl Future<Output = ()>) {
        let runtime = Builder::new_current_thread().max_blocking_threads(1).enable_time().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, test);
    }

    /// Has a future go on as far as it comes without a wait.
    pub(super) async fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
        poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
    }
}
