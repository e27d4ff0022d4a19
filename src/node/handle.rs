//! What a program does with a node: a plain, cloneable handle that sends calls to it and waits for the answers.

pub(super) mod answers;
pub(super) mod errors;

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::crypto::{Key, NodeId, Version};
use crate::membership::MemberChange;
use crate::store::Usage;
use answers::{Fetched, FileInfo, Holder, PeerInfo, Receipt, Scrubbed, Stored};
use errors::{DeleteError, GetError, MemberError, StatError, Stopped, StoreError};

/// A handle on a running node. Clones are the same node; it may be used from any thread. Every call returns an
/// error that says so once the node has stopped.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) calls: mpsc::Sender<Call>,
    pub(super) node: NodeId,
    pub(super) address: SocketAddr,
    pub(super) stop: CancellationToken,
}

/// A call on its way to the node.
pub(super) enum Call {
    Store(Key, Content, Reply<Result<Stored, StoreError>>),
    Get(Key, Reply<Result<Fetched, GetError>>),
    Delete(Key, Option<Version>, Reply<Result<(), DeleteError>>),
    List(Option<Key>, Reply<Result<Vec<FileInfo>, StatError>>),
    Stat(Key, Reply<Result<FileInfo, StatError>>),
    Peers(Reply<Vec<PeerInfo>>),
    Holders(Key, Reply<Result<Vec<Holder>, StatError>>),
    DeleteEverywhere(Key, Option<Version>, Reply<Result<Vec<Receipt>, DeleteError>>),
    Scrub(mpsc::Sender<Scrubbed>, Reply<Scrubbed>),
    ChangeMembers(MemberChange, Reply<Result<(), MemberError>>),
    Forgotten(Reply<Vec<NodeId>>),
    HeldFor(NodeId, Reply<Result<Usage, StatError>>),
}

pub(super) type Reply<T> = oneshot::Sender<T>;

/// The content of a file that is to be stored.
pub struct Content {
    pub(super) size: Option<u64>,
    pub(super) reader: Box<dyn AsyncRead + Send + Unpin>,
}

impl Content {
    /// Content that is in memory.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { size: Some(bytes.len() as u64), reader: Box::new(std::io::Cursor::new(bytes)) }
    }

    /// Content that is read while it is stored. Where the size is known, the replicas travel at the same time;
    /// where it is not, they follow once the end has come.
    #[must_use]
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, size: Option<u64>) -> Self {
        Self { size, reader: Box::new(reader) }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({:?} bytes)", self.size)
    }
}

impl Handle {
    /// Who the node is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stores a file under a key, in place of an older version, and sends sealed replicas to every connected
    /// peer. `Ok` means that it is durable on this node's disk; the receipts say which peers have it durably.
    ///
    /// # Errors
    /// [`StoreError::Rejected`]: certainly not stored, the old version stands. [`StoreError::Unconfirmed`]: the
    /// old or the new version stands, never a mixture. No mixture after a crash either.
    pub async fn store(&self, key: &Key, content: Content) -> Result<Stored, StoreError> {
        self.call(|reply| Call::Store(key.clone(), content, reply)).await.unwrap_or_else(Err)
    }

    /// Finds a file: the local copy where it is good, otherwise the first good one that a peer has, which is
    /// then on the local disk again. What is returned was verified against what was stored.
    ///
    /// # Errors
    /// Tells apart that nobody has the file, that some peers could not be asked, and that copies are damaged.
    pub async fn get(&self, key: &Key) -> Result<Fetched, GetError> {
        self.call(|reply| Call::Get(key.clone(), reply)).await.unwrap_or_else(Err)
    }

    /// Removes the local copy of a file, durably. Peers keep theirs, and a later `get` brings it back.
    ///
    /// # Errors
    /// Where there is no local copy, or the disk fails.
    pub async fn delete(&self, key: &Key) -> Result<(), DeleteError> {
        self.call(|reply| Call::Delete(key.clone(), None, reply)).await.unwrap_or_else(Err)
    }

    /// The same, where just this version is the current one: what was found out about another one does not count.
    ///
    /// # Errors
    /// Also [`DeleteError::Changed`], and nothing was deleted.
    pub async fn delete_version(&self, key: &Key, version: Version) -> Result<(), DeleteError> {
        self.call(|reply| Call::Delete(key.clone(), Some(version), reply)).await.unwrap_or_else(Err)
    }

    /// Deletes a file here and at every peer: for the connected ones the receipts say whether they have done so, and
    /// repair tells those that are away when they are back. Nothing older than this comes back.
    ///
    /// # Errors
    /// [`DeleteError::Rejected`] where nothing was deleted, and [`DeleteError::Unconfirmed`] where it may be.
    pub async fn delete_everywhere(&self, key: &Key) -> Result<Vec<Receipt>, DeleteError> {
        self.call(|reply| Call::DeleteEverywhere(key.clone(), None, reply)).await.unwrap_or_else(Err)
    }

    /// The same, where just this version is the current one.
    ///
    /// # Errors
    /// Also [`DeleteError::Changed`], and nothing was deleted.
    pub async fn delete_version_everywhere(&self, key: &Key, version: Version) -> Result<Vec<Receipt>, DeleteError> {
        self.call(|reply| Call::DeleteEverywhere(key.clone(), Some(version), reply)).await.unwrap_or_else(Err)
    }

    /// What each connected peer has of a file. They compare their copies with what was stored before they answer.
    ///
    /// # Errors
    /// Where this node knows no such file, or its disk fails.
    pub async fn holders(&self, key: &Key) -> Result<Vec<Holder>, StatError> {
        self.call(|reply| Call::Holders(key.clone(), reply)).await.unwrap_or_else(Err)
    }

    /// Compares every file and replica on this disk with the catalog, sets aside what is damaged, and fetches damaged
    /// own files from the peers. Tells how far it is, as often as `told` has room.
    ///
    /// # Errors
    /// [`StatError::Stopped`] where the node stops before the end. What could not be read is counted instead.
    pub async fn scrub(&self, told: mpsc::Sender<Scrubbed>) -> Result<Scrubbed, StatError> {
        self.call(|reply| Call::Scrub(told, reply)).await
    }

    /// A page of this node's own files in the order of their keys, from the first one after `after`. The page
    /// is empty at the end.
    ///
    /// # Errors
    /// Where the disk fails.
    pub async fn list(&self, after: Option<&Key>) -> Result<Vec<FileInfo>, StatError> {
        self.call(|reply| Call::List(after.cloned(), reply)).await.unwrap_or_else(Err)
    }

    /// What this node knows of one of its own files.
    ///
    /// # Errors
    /// Where it knows no such file, or the disk fails.
    pub async fn stat(&self, key: &Key) -> Result<FileInfo, StatError> {
        self.call(|reply| Call::Stat(key.clone(), reply)).await.unwrap_or_else(Err)
    }

    /// The peers of this node, the connected ones first. Empty once the node has stopped.
    pub async fn peers(&self) -> Vec<PeerInfo> {
        self.call::<_, Stopped>(Call::Peers).await.unwrap_or_default()
    }

    /// Changes who may be a peer. Durable on return, and in force: the connections of a peer that is forgotten end at
    /// once. What is held for it stays held.
    ///
    /// # Errors
    /// Where the list has no room or cannot be written; it is then as before.
    pub async fn change_members(&self, change: MemberChange) -> Result<(), MemberError> {
        self.call(|reply| Call::ChangeMembers(change, reply)).await.unwrap_or_else(Err)
    }

    /// Who was forgotten. Empty once the node has stopped.
    pub async fn forgotten(&self) -> Vec<NodeId> {
        self.call::<_, Stopped>(Call::Forgotten).await.unwrap_or_default()
    }

    /// What another node's replicas take up on this disk.
    ///
    /// # Errors
    /// Where the disk fails.
    pub async fn held_for(&self, owner: NodeId) -> Result<Usage, StatError> {
        self.call(|reply| Call::HeldFor(owner, reply)).await.unwrap_or_else(Err)
    }

    /// Tells the node to stop, past all calls that wait. [`Node::stopped`](super::Node::stopped) says when it has.
    pub async fn stop(&self) {
        self.stop.cancel();
    }

    async fn call<T, E: From<Stopped>>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        if self.calls.send(call(reply)).await.is_err() {
            return Err(Stopped::BeforeCall.into());
        }
        answer.await.map_err(|_| Stopped::DuringCall.into())
    }
}
