//! A node: its peers, its files, and the calls on its [`Handle`].
//!
//! All of a node runs on one thread, as local tasks, in production as in simulation: the order in which tasks run
//! is then a function of the seed. What blocks leaves the thread through the disk seam. Stopping drops every task
//! at its next wait; what was not acknowledged by then stays as it is, and the next start finishes or drops it.

mod bomb;
mod calls;
mod commit;
mod config;
mod connection;
mod dial;
mod everywhere;
mod fetch;
mod files;
mod handle;
mod inbound;
mod lanes;
pub mod link;
mod locks;
mod members;
mod open;
mod peers;
mod placing;
mod pump;
mod quota;
mod refused;
mod repair;
mod replicate;
mod scrub;
mod serve;

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::crypto::{ClusterSecret, Keys, NodeId, Print, Summary};
use crate::disk::Disk;
use crate::event::{Event, EventSink};
use crate::limits::{CALLS_MAX, HEARTBEAT_PRINT_WAIT, HEARTBEAT_PRINTS_MAX, INBOUND_CONNECTIONS_MAX, REPAIRS_MAX};
use crate::platform::Platform;
use crate::store::{Origin, Recovered, Store};
use crate::transport::Transport;
use bomb::Bomb;
use lanes::Lanes;

pub use lanes::Lane;

pub use config::{Config, Mode, StartError};
pub use handle::answers::{Fetched, FileInfo, Holder, Holding, PeerInfo, Progress, Receipt, Scrubbed, Stored};
pub use handle::errors::{
    DeleteError, GetError, MemberError, ReadError, ReplicaError, StatError, StoreError, StoreFault,
};
pub use handle::{Content, Handle};
pub use placing::Replicas;
pub use quota::Quota;

/// A task of the node panicked, which is a defect. The node has stopped; its data directory is as after a crash.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task of the node panicked")]
pub struct Panicked;

/// A running node. It stops when [`Handle::stop`] is called, and when this value is dropped.
pub struct Node {
    handle: Handle,
    tasks: TaskTracker,
    stop: CancellationToken,
    panicked: Rc<Cell<bool>>,
    finish: Box<dyn FnOnce()>,
}

impl Node {
    /// Opens the data directory, listens, and begins to dial. Needs a tokio `LocalSet`, or a local runtime.
    ///
    /// # Errors
    /// Where the data directory or the address cannot be used.
    pub async fn start<P: Platform>(platform: P, config: Config) -> Result<Self, StartError> {
        let disk = platform.disk().clone();
        let mut identity_lane = config.seed.rng(Lane::Identity);
        let now = platform.now();
        let opened = disk.clone().run(move || open::open(disk, config.layout, &mut identity_lane, now)).await?;
        let transport = platform.transport();
        let (listener, address) = transport
            .bind(&config.listen)
            .await
            .map_err(|source| StartError::Listen { address: config.listen.clone(), source })?;
        let dials = opened.members.dials_and(&config.peers);
        let (calls, incoming_calls) = mpsc::channel(CALLS_MAX);
        let (commits, incoming_commits) = mpsc::channel(CALLS_MAX + INBOUND_CONNECTIONS_MAX);
        let stop = CancellationToken::new();
        let handle = Handle { calls, node: opened.keys.node(), address, stop: stop.clone() };
        let inner = Rc::new(Inner {
            lanes: Lanes::new(&config.seed),
            platform,
            keys: opened.keys,
            cluster: config.cluster,
            replicas: config.replicas,
            quota: config.quota,
            mode: config.mode,
            reserved: quota::Reserved::default(),
            started: Instant::now(),
            store: opened.store,
            events: config.events,
            peers: peers::Peers::new(dials.iter().map(|dial| dial.address.clone()).collect()),
            membership: Rc::new(members::Membership::new(opened.members)),
            locks: locks::Locks::default(),
            commits,
            listen_port: address.port(),
            inbound: inbound::Inbound::default(),
            on_their_way: repair::OnTheirWay::default(),
            repairs: Arc::new(Semaphore::new(REPAIRS_MAX)),
            heartbeat_prints: Arc::new(Semaphore::new(HEARTBEAT_PRINTS_MAX)),
            tasks: TaskTracker::new(),
            stop,
            panicked: Rc::default(),
        });
        inner.tell(&Event::Started { node: handle.node, address, is_new: opened.is_new });
        inner.tell_recovered(&opened.recovered, opened.is_new);
        inner.spawn(commit::run(inner.clone(), incoming_commits));
        inner.spawn(inbound::run(inner.clone(), listener));
        for dial in dials {
            inner.spawn(dial::keep_connected(inner.clone(), dial));
        }
        inner.spawn(scrub::run(inner.clone()));
        inner.spawn(calls::run(inner.clone(), incoming_calls));
        Ok(Self {
            handle,
            tasks: inner.tasks.clone(),
            stop: inner.stop.clone(),
            panicked: inner.panicked.clone(),
            finish: Box::new(move || inner.tell(&Event::Stopped)),
        })
    }

    /// A handle on this node.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until the node has been stopped, every task has ended and the data directory is closed.
    ///
    /// # Errors
    /// Where a task panicked.
    pub async fn stopped(mut self) -> Result<(), Panicked> {
        self.stop.cancelled().await;
        self.tasks.close();
        self.tasks.wait().await;
        // Drops the last reference to the open data directory.
        std::mem::replace(&mut self.finish, Box::new(|| ()))();
        if self.panicked.get() { Err(Panicked) } else { Ok(()) }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

type Stream<P> = <<P as Platform>::Transport as Transport>::Stream;
type Shared<P> = Rc<Inner<P>>;

/// What the tasks of a node share.
struct Inner<P: Platform> {
    platform: P,
    keys: Arc<Keys>,
    cluster: ClusterSecret,
    replicas: Replicas,
    quota: Quota,
    mode: Mode,
    reserved: quota::Reserved,
    started: Instant,
    store: Arc<Store<P::Disk>>,
    events: EventSink,
    lanes: Lanes,
    peers: peers::Peers<Stream<P>>,
    membership: Rc<members::Membership>,
    locks: locks::Locks,
    commits: mpsc::Sender<commit::Commit>,
    listen_port: u16,
    inbound: inbound::Inbound,
    on_their_way: repair::OnTheirWay,
    repairs: Arc<Semaphore>,
    heartbeat_prints: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
    panicked: Rc<Cell<bool>>,
}

impl<P: Platform> Inner<P> {
    fn tell(&self, event: &Event) {
        (self.events)(event);
    }

    fn tell_recovered(&self, recovered: &Recovered, is_new: bool) {
        let &Recovered { finished, dropped, catalog } = recovered;
        if finished + dropped > 0 {
            self.tell(&Event::Recovered { finished, dropped });
        }
        if catalog != Origin::Found && !is_new {
            self.tell(&Event::CatalogLost { is_damaged: catalog == Origin::MadeForDamaged });
        }
    }

    /// Runs a task until it ends or the node stops. A panic stops the node.
    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        // On the heap from the start: the runtime moves a task several times before its first poll.
        let task = Box::pin(task);
        let stop = self.stop.clone();
        let bomb = Bomb { stop: self.stop.clone(), panicked: self.panicked.clone() };
        self.tasks.spawn_local(async move {
            let bomb = bomb;
            // The stop comes first: no task may see that another one, which it waits for, has been dropped.
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
            drop(bomb);
        });
    }

    /// What this node holds for an owner; nothing where its disk fails or is slow: no link is lost to a disk that hangs.
    async fn held_of(&self, owner: NodeId) -> Option<Print> {
        let slot = self.heartbeat_prints.clone().try_acquire_owned().ok()?;
        let look = self.blocking(move |store| {
            let print = store.summary(Some(owner), Summary::print);
            drop(slot);
            print
        });
        tokio::time::timeout(HEARTBEAT_PRINT_WAIT, look).await.ok()?.ok()
    }

    /// Runs blocking work on the data directory, away from the node's thread.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Store<P::Disk>) -> T + Send + 'static) -> T {
        let store = self.store.clone();
        self.offload(move || {
            let result = work(&store);
            drop(store);
            result
        })
        .await
    }

    /// The same with the node's keys.
    async fn with_keys<T: Send + 'static>(&self, work: impl FnOnce(&Store<P::Disk>, &Keys) -> T + Send + 'static) -> T {
        let keys = self.keys.clone();
        self.blocking(move |store| work(store, &keys)).await
    }

    /// Runs blocking work away from the node's thread. A node that stops waits for work that has begun.
    async fn offload<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let token = self.tasks.token();
        let work = move || {
            let result = work();
            drop(token);
            result
        };
        self.platform.disk().run(work).await
    }
}
