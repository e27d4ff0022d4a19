//! What a program does with a node: a plain, cloneable handle that sends calls to it and waits for the answers.

pub(super) mod answers;
pub(super) mod errors;
pub(super) mod fetched;

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::crypto::{Attributes, Key, NodeId, Version};
use crate::limits::DISK_CHECK_TIMEOUT;
use crate::membership::MemberChange;
use crate::store::Usage;
use answers::{FileInfo, Holder, PeerInfo, Receipt, Remembered, Repairs, Scrubbed, Status, Stored};
use errors::{DeleteError, DiskCheckError, GetError, MemberError, StatError, Stopped, StoreError};
use fetched::Fetched;

/// A handle on a running node. Clones are handles on the same node; any thread may use them. Once the node has stopped,
/// every call that can fail returns an error that says so.
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
    /// Says whether a copy that comes from a peer is kept.
    Get(Key, bool, Reply<Result<Fetched, GetError>>),
    Delete(Key, Reply<Result<(), DeleteError>>),
    DeleteIfHeld(Key, usize, Reply<Result<(), DeleteError>>),
    List(String, Option<Key>, Reply<Result<Vec<FileInfo>, StatError>>),
    Stat(Key, Reply<Result<FileInfo, StatError>>),
    Peers(Reply<Vec<PeerInfo>>),
    Repairs(Reply<Result<Repairs, StatError>>),
    Holders(Key, Look, Reply<Result<Vec<Holder>, StatError>>),
    DeleteEverywhere(Key, Option<Version>, Reply<Result<Vec<Receipt>, DeleteError>>),
    Scrub(mpsc::Sender<Scrubbed>, Reply<Scrubbed>),
    Status(Reply<Result<Status, StatError>>),
    CheckDisk(Reply<Result<(), DiskCheckError>>),
    ChangeMembers(MemberChange, Reply<Result<(), MemberError>>),
    Forgotten(Reply<Vec<NodeId>>),
    Remembered(Reply<Remembered>),
    HeldFor(NodeId, Reply<Result<Usage, StatError>>),
}

/// How thoroughly peers look before they answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Peers compare the whole of small replicas only.
    Quick,
    /// Peers compare the whole of every replica.
    Whole,
}

pub(super) type Reply<T> = oneshot::Sender<T>;

/// The content of a file that is to be stored.
pub struct Content {
    pub(super) size: Option<u64>,
    pub(super) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) attributes: Option<Attributes>,
}

impl Content {
    /// Returns content that is in memory.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { size: Some(bytes.len() as u64), reader: Box::new(std::io::Cursor::new(bytes)), attributes: None }
    }

    /// Returns content that is read while it is stored. If the size is known, the replicas travel at the same time; if
    /// not, they follow once the content has ended.
    #[must_use]
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, size: Option<u64>) -> Self {
        Self { size, reader: Box::new(reader), attributes: None }
    }

    /// Has what the file has beside its content kept with it, sealed as its name is.
    #[must_use]
    pub fn with_attributes(self, attributes: Option<Attributes>) -> Self {
        Self { attributes, ..self }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({:?} bytes)", self.size)
    }
}

impl Handle {
    /// Returns the id of the node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Returns the address that the node listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stores a file under a key, in place of an older version, and sends sealed replicas to every connected peer that
    /// is to hold the file. `Ok` means that the file is durable on this node's disk; the receipts say which peers have
    /// it durably. Of two acknowledged stores under one key that overlap, the one that ends last counts.
    ///
    /// # Errors
    /// Returns [`StoreError::Rejected`] if the file is certainly not stored and the old version stands, and
    /// [`StoreError::Unconfirmed`] if the old or the new version stands, never a mixture. A crash leaves no mixture
    /// either.
    pub async fn store(&self, key: &Key, content: Content) -> Result<Stored, StoreError> {
        self.call(|reply| Call::Store(key.clone(), content, reply)).await.unwrap_or_else(Err)
    }

    /// Gets a file: from the local copy if that is good, otherwise from the first peer with a good copy. The file is
    /// then on the local disk again. The returned content has been verified against what was stored.
    ///
    /// # Errors
    /// Returns an error that tells apart that nobody has the file, that some peers could not be asked, and that copies
    /// are damaged.
    pub async fn get(&self, key: &Key) -> Result<Fetched, GetError> {
        self.call(|reply| Call::Get(key.clone(), true, reply)).await.unwrap_or_else(Err)
    }

    /// Gets a file like [`get`](Self::get), and keeps nothing of it here: what comes from a peer lies in a temporary
    /// file until what is returned is dropped. A local copy that is damaged stays as it is. After a crash, a start
    /// removes the temporary file.
    ///
    /// # Errors
    /// The same as those of [`get`](Self::get).
    pub async fn get_unkept(&self, key: &Key) -> Result<Fetched, GetError> {
        self.call(|reply| Call::Get(key.clone(), false, reply)).await.unwrap_or_else(Err)
    }

    /// Removes the local copy of a file, durably. Peers keep theirs, and a later `get` brings it back.
    ///
    /// # Errors
    /// Returns [`DeleteError::NotFound`] if there is no local copy, and another error if the disk fails.
    pub async fn delete(&self, key: &Key) -> Result<(), DeleteError> {
        self.call(|reply| Call::Delete(key.clone(), reply)).await.unwrap_or_else(Err)
    }

    /// Removes the local copy of a file, durably, if at least `replicas_min` connected peers hold the current version.
    /// Each peer compares the whole of its replica with what was stored before it answers, which takes as long as it
    /// takes to read. A version that is stored meanwhile is not removed in the place of the one that was asked for.
    ///
    /// # Errors
    /// Returns [`DeleteError::TooFewReplicas`] or [`DeleteError::Changed`], and removes nothing, if too few peers hold
    /// the current version, or another version is current. Otherwise fails as [`delete`](Self::delete) does.
    pub async fn delete_if_held(&self, key: &Key, replicas_min: usize) -> Result<(), DeleteError> {
        self.call(|reply| Call::DeleteIfHeld(key.clone(), replicas_min, reply)).await.unwrap_or_else(Err)
    }

    /// Deletes a file here and at every peer, durably. The receipts say which connected peers have deleted it; repair
    /// tells the peers that are away when they are back. No version older than the deletion comes back.
    ///
    /// # Errors
    /// Returns [`DeleteError::Unconfirmed`] or [`DeleteError::Stopped`] if the file may be deleted, and another error
    /// if nothing was deleted.
    pub async fn delete_everywhere(&self, key: &Key) -> Result<Vec<Receipt>, DeleteError> {
        self.call(|reply| Call::DeleteEverywhere(key.clone(), None, reply)).await.unwrap_or_else(Err)
    }

    /// Deletes a file here and at every peer, durably, if its current version is still `version`.
    ///
    /// # Errors
    /// Returns [`DeleteError::Changed`], and deletes nothing, if another version is current. Otherwise fails as
    /// [`delete_everywhere`](Self::delete_everywhere) does.
    pub async fn delete_version_everywhere(&self, key: &Key, version: Version) -> Result<Vec<Receipt>, DeleteError> {
        self.call(|reply| Call::DeleteEverywhere(key.clone(), Some(version), reply)).await.unwrap_or_else(Err)
    }

    /// Returns what each connected peer has of a file. A peer compares its replica with what was stored before it
    /// answers, if that has at most [`CHECK_BYTES_MAX`](crate::limits::CHECK_BYTES_MAX) bytes; of a larger one it says
    /// when it did so last.
    ///
    /// # Errors
    /// Returns [`StatError::NotFound`] if this node knows no such file, and [`StatError::Disk`] if its disk fails.
    pub async fn holders(&self, key: &Key) -> Result<Vec<Holder>, StatError> {
        self.call(|reply| Call::Holders(key.clone(), Look::Quick, reply)).await.unwrap_or_else(Err)
    }

    /// Returns what each connected peer has of a file, as [`holders`](Self::holders) does, after each peer has compared
    /// the whole of its replica with what was stored. That takes as long as it takes to read.
    ///
    /// # Errors
    /// Fails as [`holders`](Self::holders) does.
    pub async fn verified_holders(&self, key: &Key) -> Result<Vec<Holder>, StatError> {
        self.call(|reply| Call::Holders(key.clone(), Look::Whole, reply)).await.unwrap_or_else(Err)
    }

    /// Compares every file and replica on this disk with the catalog, sets aside what is damaged, and fetches damaged
    /// own files from the peers. Sends its progress to `told` whenever that has room.
    ///
    /// # Errors
    /// Returns [`StatError::Stopped`] if the node stops before the end. A file that cannot be read is counted instead.
    pub async fn scrub(&self, told: mpsc::Sender<Scrubbed>) -> Result<Scrubbed, StatError> {
        self.call(|reply| Call::Scrub(told, reply)).await
    }

    /// Returns what the node knows of itself.
    ///
    /// # Errors
    /// Returns [`StatError::Disk`] if the disk fails.
    pub async fn status(&self) -> Result<Status, StatError> {
        self.call(Call::Status).await.unwrap_or_else(Err)
    }

    /// Looks whether the disk gives what is on it and keeps what is written. Within a second all get the same answer.
    ///
    /// # Errors
    /// Returns [`DiskCheckError::Failed`] if it does not, and [`DiskCheckError::Silent`] if it does not answer in time.
    pub async fn check_disk(&self) -> Result<(), DiskCheckError> {
        let checked = tokio::time::timeout(DISK_CHECK_TIMEOUT, self.call(Call::CheckDisk)).await;
        checked.map_or(Err(DiskCheckError::Silent), |called| called.unwrap_or_else(Err))
    }

    /// Returns a page of this node's own files in the order of their keys, from the first key after `after`: 1,024,
    /// or fewer at the end.
    ///
    /// # Errors
    /// Returns [`StatError::Disk`] if the disk fails.
    pub async fn list(&self, after: Option<&Key>) -> Result<Vec<FileInfo>, StatError> {
        self.list_under("", after).await
    }

    /// Returns a page of this node's own files whose keys begin with `prefix`, as [`list`](Self::list) does.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    pub async fn list_under(&self, prefix: &str, after: Option<&Key>) -> Result<Vec<FileInfo>, StatError> {
        self.call(|reply| Call::List(prefix.to_owned(), after.cloned(), reply)).await.unwrap_or_else(Err)
    }

    /// Returns what this node knows of one of its own files.
    ///
    /// # Errors
    /// Returns [`StatError::NotFound`] if the node knows no such file, [`StatError::Deleted`] if it was deleted
    /// everywhere, and [`StatError::Disk`] if its disk fails.
    pub async fn stat(&self, key: &Key) -> Result<FileInfo, StatError> {
        self.call(|reply| Call::Stat(key.clone(), reply)).await.unwrap_or_else(Err)
    }

    /// Returns the peers of this node, the connected ones first. There are none once the node has stopped.
    pub async fn peers(&self) -> Vec<PeerInfo> {
        self.call::<_, Stopped>(Call::Peers).await.unwrap_or_default()
    }

    /// Returns how the repairs of the peers go on, and what peers list of this node's files and could not give.
    ///
    /// # Errors
    /// Returns [`StatError::Disk`] if the disk fails.
    pub async fn repairs(&self) -> Result<Repairs, StatError> {
        self.call(Call::Repairs).await.unwrap_or_else(Err)
    }

    /// Changes which nodes may be peers. On return the change is durable and in force: the connections of a peer that
    /// is forgotten end at once. What this node holds for that peer stays held.
    ///
    /// # Errors
    /// Returns [`MemberError::List`] if the list has no room, has no such address or cannot be written; the list is
    /// then as before.
    pub async fn change_members(&self, change: MemberChange) -> Result<(), MemberError> {
        self.call(|reply| Call::ChangeMembers(change, reply)).await.unwrap_or_else(Err)
    }

    /// Returns the nodes that were forgotten. There are none once the node has stopped.
    pub async fn forgotten(&self) -> Vec<NodeId> {
        self.call::<_, Stopped>(Call::Forgotten).await.unwrap_or_default()
    }

    /// Returns what there is to tell of the nodes that were ever connected; nothing once the node has stopped.
    pub async fn remembered(&self) -> Remembered {
        self.call::<_, Stopped>(Call::Remembered).await.unwrap_or_default()
    }

    /// Returns what another node's replicas take up on this disk.
    ///
    /// # Errors
    /// Returns [`StatError::Disk`] if the disk fails.
    pub async fn held_for(&self, owner: NodeId) -> Result<Usage, StatError> {
        self.call(|reply| Call::HeldFor(owner, reply)).await.unwrap_or_else(Err)
    }

    /// Tells the node to stop, ahead of all calls that wait. [`Node::stopped`](super::Node::stopped) waits until it
    /// has.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_content_is_its_length() {
        assert_eq!(format!("{:?}", Content::bytes("secret")), "Content(Some(6) bytes)");
        assert_eq!(format!("{:?}", Content::reader(tokio::io::empty(), None)), "Content(None bytes)");
    }
}
