//! Receives a replica, verifies it, and keeps its plaintext as the local copy.

use tokio_util::sync::CancellationToken;

use crate::crypto::{ContentCipher, FileName, IV_BYTES, Iv, Key, Keys, NodeId, ReplicaName, Seal};
use crate::disk::Disk;
use crate::event::Event;
use crate::node::commit::KeepError;
use crate::node::context::{Context, Shared, Stream};
use crate::node::handle::fetched::Fetched;
use crate::node::transfer::{self, TransferError, Work};
use crate::platform::Platform;
use crate::protocol::{Message, WireError};
use crate::replication::Entry;
use crate::store::layout::BlobId;
use crate::store::{BlobWriter, Change, OwnRecord, PASSING, StorageError, Store};

use super::super::local_copy::{self, Origin, Reader};
use super::super::rollback;
use super::ask::{Body, Found};
use super::purpose::Purpose;

/// A file that is wanted from the peers, and what the catalog knew of it when the search began.
pub(super) struct Wanted {
    pub(super) key: Key,
    pub(super) file: FileName,
    pub(super) replica_name: ReplicaName,
    pub(super) record: Option<OwnRecord>,
    pub(super) purpose: Purpose,
}

/// A replica that was received, and has become the local copy unless it is for the caller alone.
pub(super) struct Received<P: Platform> {
    file: FileName,
    reader: Reader<P>,
    seal: Seal,
    iv: Iv,
    is_passing: bool,
}

/// Decrypts sealed bytes, computes their digest and writes the plaintext to the local disk.
struct Opening<D: Disk> {
    writer: BlobWriter<D>,
    cipher: ContentCipher,
}

impl<D: Disk> Work for Opening<D> {
    fn chunk(&mut self, bytes: &mut [u8]) -> Result<(), StorageError> {
        self.cipher.open(bytes);
        self.writer.write(bytes)
    }

    fn is_quick(&self, bytes: usize) -> bool {
        self.writer.is_quick(bytes)
    }
}

/// Why a replica did not become the local copy.
#[derive(Debug, thiserror::Error)]
pub(in crate::node) enum ReceiveError {
    /// The bytes are not what was stored.
    #[error("it sent a damaged copy")]
    Damaged,
    /// The catalog has meanwhile learnt of a newer version.
    #[error("a newer version came first")]
    Outdated,
    /// The local copy that it was to replace has been deleted.
    #[error("the copy here is deleted")]
    Deleted,
    /// The exchange broke off.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The local disk failed.
    #[error(transparent)]
    Disk(#[from] StorageError),
}

impl Wanted {
    pub(super) fn new<P: Platform>(
        context: &Context<P>,
        key: &Key,
        record: Option<OwnRecord>,
        purpose: Purpose,
    ) -> Self {
        Self { key: key.clone(), file: key.file_name(), replica_name: context.keys.replica_name(key), record, purpose }
    }

    /// Takes a found replica for what it is wanted for, if it is what was stored. Gives up if it is told to stop before
    /// that.
    pub(super) async fn receive<P: Platform>(
        &self,
        context: &Shared<P>,
        found: Found<Stream<P>>,
        stop: &CancellationToken,
    ) -> Result<Received<P>, ReceiveError> {
        let Found { seal, body } = found;
        let version = if self.purpose.is_passing() { PASSING } else { seal.version };
        let blob = BlobId::Own(self.file);
        // The local file is begun once the first bytes are here, so that an earlier failure leaves nothing behind.
        let begin = async |iv| {
            let writer = context.begin(blob, version).await?;
            Ok::<_, ReceiveError>(Opening { writer, cipher: ContentCipher::new(&context.keys, iv) })
        };
        let (opened, iv) = match body {
            Body::Here(bytes) => {
                let (iv, sealed) = bytes.split_first_chunk().ok_or(ReceiveError::Damaged)?;
                let iv = Iv(*iv);
                let opening = begin(iv).await?;
                let mut sealed = sealed.to_vec();
                let source = async |_| Ok::<_, WireError>(std::mem::take(&mut sealed));
                (transfer::run(context, opening, source, async |buffer| buffer).await, iv)
            }
            Body::Waiting(mut lease) => {
                let connection = &mut lease.connection;
                connection.send(&Message::Proceed).await?;
                connection.receive_stream_header(seal.sealed_bytes()).await?;
                let mut iv = Iv([0; IV_BYTES]);
                connection.receive_bytes(&mut iv.0).await?;
                let opening = begin(iv).await?;
                let opened = {
                    let mut next = transfer::from_connection(connection, seal.size);
                    let source = async |buffer| {
                        tokio::select! {
                            biased;
                            () = stop.cancelled() => Err(WireError::Closed),
                            chunk = next(buffer) => chunk,
                        }
                    };
                    transfer::run(context, opening, source, async |buffer| buffer).await
                };
                if opened.is_ok() {
                    lease.done();
                }
                (opened, iv)
            }
        };
        let (opening, error) = match opened {
            Ok(opening) if opening.cipher.digest() == seal.digest => {
                return self.take(context, opening.writer, (seal, iv), stop).await;
            }
            Ok(opening) => (opening, ReceiveError::Damaged),
            Err((opening, TransferError::Source(error))) => (opening, ReceiveError::Wire(error)),
            Err((opening, TransferError::Disk(error))) => (opening, ReceiveError::Disk(error)),
        };
        context.discard(opening.writer).await;
        Err(error)
    }

    /// Takes received content for what it is wanted for.
    async fn take<P: Platform>(
        &self,
        context: &Shared<P>,
        writer: BlobWriter<P::Disk>,
        (seal, iv): (Seal, Iv),
        stop: &CancellationToken,
    ) -> Result<Received<P>, ReceiveError> {
        let is_passing = self.purpose.is_passing();
        let reader = match is_passing {
            true if stop.is_cancelled() => return Err(gives_up(context, writer).await),
            true => context.store.read_temporary(writer),
            false => self.keep(context, writer, (&seal, iv), stop).await?,
        };
        Ok(Received { file: self.file, reader, seal, iv, is_passing })
    }

    /// Makes received content the local copy, unless the catalog has meanwhile learnt of something newer.
    async fn keep<P: Platform>(
        &self,
        context: &Shared<P>,
        writer: BlobWriter<P::Disk>,
        (seal, iv): (&Seal, Iv),
        stop: &CancellationToken,
    ) -> Result<Reader<P>, ReceiveError> {
        let _locked = context.locks.lock(BlobId::Own(self.file)).await;
        if self.purpose.is_gone() {
            context.discard(writer).await;
            return Err(ReceiveError::Deleted);
        }
        if stop.is_cancelled() {
            // The get has ended with another copy, which may have been deleted since.
            return Err(gives_up(context, writer).await);
        }
        let mut kept = context.keep(writer, self.look(seal, iv)).await;
        if let Err(KeepError::Refused(InTheWay::Older(record), writer)) = kept {
            kept = match self.replace(context, record, seal, iv).await {
                Ok(change) => context.keep(writer, |_, _| Ok(Some(change))).await,
                Err(error) => {
                    context.discard(writer).await;
                    return Err(error);
                }
            };
        }
        match kept {
            Ok(reader) => Ok(reader),
            Err(KeepError::Refused(in_the_way, writer)) => {
                context.discard(writer).await;
                Err(match in_the_way {
                    InTheWay::Newer | InTheWay::Older(_) => ReceiveError::Outdated,
                    InTheWay::Disk(error) => self.tell_if_full(context, error).into(),
                })
            }
            Err(KeepError::Outdated(writer)) => {
                context.discard(writer).await;
                Err(ReceiveError::Outdated)
            }
            Err(KeepError::NotStored(error) | KeepError::PerhapsStored(error)) => Err(error.into()),
        }
    }
}

/// Drops what came after its get had ended.
async fn gives_up<P: Platform>(context: &Shared<P>, writer: BlobWriter<P::Disk>) -> ReceiveError {
    context.discard(writer).await;
    WireError::Closed.into()
}

/// What is in the way of a received version that does not count already.
enum InTheWay {
    /// Something newer.
    Newer,
    /// A version that counts, or nothing at all: the received one is to count instead.
    Older(Option<Box<OwnRecord>>),
    /// The disk failed.
    Disk(StorageError),
}

impl From<StorageError> for InTheWay {
    fn from(error: StorageError) -> Self {
        Self::Disk(error)
    }
}

impl Wanted {
    /// Returns a look at what the catalog knows of the file now: whether the received version counts already. If it
    /// does, the look moves a local copy out of the way that is neither that version nor the one of the catalog. The
    /// caller holds the lock of the file.
    fn look<D: Disk>(
        &self,
        seal: &Seal,
        iv: Iv,
    ) -> impl FnOnce(&Store<D>, &Keys) -> Result<Option<Change>, InTheWay> + Send + use<D> {
        let (blob, key, replica_name) = (BlobId::Own(self.file), self.key.clone(), self.replica_name);
        let received = seal.clone();
        move |store, keys| {
            store.settle(keys, &blob)?;
            let deleted = store.proved_tombstone(keys, replica_name)?.map(|tombstone| tombstone.version);
            let record = store.proved(keys, &key)?;
            if record.as_ref().map(|record| record.seal.version).max(deleted) > Some(received.version) {
                return Err(InTheWay::Newer);
            }
            // The peers know more than the catalog if the catalog was lost, or if a store broke off before its commit.
            // An IV that was learnt from a peer is proved only here, by the digest.
            match record {
                Some(record) if record.seal.version >= received.version && record.iv == iv => {
                    local_copy::set_strange_aside(store, keys, &blob, &[(iv, &received), (record.iv, &record.seal)])?;
                    Ok(None)
                }
                record => Err(InTheWay::Older(record.map(Box::new))),
            }
        }
    }

    /// Makes way for a version that does not count yet: takes note of it, and moves a local copy out of the way that is
    /// neither that version nor the one that counts. Returns the change by which the received version will count.
    async fn replace<P: Platform>(
        &self,
        context: &Shared<P>,
        record: Option<Box<OwnRecord>>,
        seal: &Seal,
        iv: Iv,
    ) -> Result<Change, ReceiveError> {
        let metadata = seal.metadata.open(&context.keys).map_err(|_| ReceiveError::Damaged)?;
        self.meet(context, seal).await?;
        let (blob, received) = (BlobId::Own(self.file), seal.clone());
        let aside = context.with_keys(move |store, keys| {
            let of_record = record.as_ref().map(|record| (record.iv, &record.seal));
            let known: Vec<_> = [(iv, &received)].into_iter().chain(of_record).collect();
            local_copy::set_strange_aside(store, keys, &blob, &known)
        });
        aside.await.map_err(|error| self.tell_if_full(context, error))?;
        let newer = OwnRecord { seal: seal.clone(), iv, modified: metadata.modified };
        Ok(Change::Own(self.key.clone(), self.replica_name, Box::new(newer)))
    }

    fn tell_if_full<P: Platform>(&self, context: &Context<P>, error: StorageError) -> StorageError {
        if matches!(error, StorageError::QuarantineFull) {
            context.tell(&Event::QuarantineFull { file: self.file });
        }
        error
    }

    /// Takes note of a version that a peer has and the catalog does not know. If it comes from another life of this
    /// data directory, keeps the local copy that gives way to it, or does not let it take the place of a file that must
    /// not.
    async fn meet<P: Platform>(&self, context: &Shared<P>, met: &Seal) -> Result<(), ReceiveError> {
        if !rollback::meet(context, self.replica_name, met.version).await? {
            return Ok(());
        }
        if rollback::renew(context, Entry::file(self.replica_name, met)).await? {
            return Err(ReceiveError::Outdated);
        }
        let key = self.key.clone();
        Ok(context.blocking(move |store| rollback::keep_copy(store, &key)).await?)
    }
}

impl<P: Platform> Received<P> {
    /// Tells that the file came back from a peer, and hands it to the caller.
    pub(super) fn hand_over(self, context: &Shared<P>, peer: NodeId) -> Fetched {
        let Self { file, reader, seal, iv, is_passing } = self;
        let origin = if is_passing { Origin::Passing(peer) } else { Origin::Peer(peer) };
        context.tell(&Event::FileFetched { file, peer, bytes: seal.size, is_kept: !is_passing });
        local_copy::open(context, reader, (&seal, iv), origin)
    }
}

#[cfg(test)]
mod tests;
