//! Getting a file: from the local disk where the copy is good, else from the first peer whose copy verifies.
//!
//! All connected peers are asked at once. A small replica comes with the answer; for a large one the first peer
//! with an authentic answer is told to proceed, and the next one where its copy turns out bad.

mod ask;
pub(super) mod local;
mod newer;
mod taking;

use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::commit::KeepError;
use super::handle::answers::Fetched;
use super::handle::errors::GetError;
use super::peers::Peer;
use super::pump::{self, PumpError};
use super::{Inner, Shared};
use crate::crypto::{ContentCipher, HashedKey, IV_BYTES, Iv, Key, NodeId, PathName, Seal, Version};
use crate::disk::Disk;
use crate::event::{Event, FetchAnswer};
use crate::limits::{PEERS_MAX, PROGRESS_TIMEOUT};
use crate::platform::Platform;
use crate::protocol::{Message, WireError};
use crate::store::layout::BlobId;
use crate::store::{BlobReader, BlobWriter, Change, OwnRecord};
use crate::transport::Transport;
use ask::{Body, Found};
use local::Local;
use taking::{Opening, TakeError, Taken};

pub(super) use newer::take_newer;

type Reader<P> = BlobReader<<<P as Platform>::Disk as Disk>::File>;

/// Gets a file. See [`Handle::get`](super::Handle::get).
pub(super) async fn get<P: Platform>(inner: Shared<P>, key: Key) -> Result<Fetched, GetError> {
    let file = key.path_name();
    let _locked = inner.locks.lock(BlobId::Own(file)).await;
    let looked_up = key.clone();
    let hashed = inner.keys.hashed(&key);
    let local = inner.with_keys(move |store, keys| {
        let is_deleted = store.grave(hashed)?.is_some();
        Ok((is_deleted, local::look_up(store, keys, &looked_up)?))
    });
    let (is_deleted, local) = local.await.map_err(GetError::Disk)?;
    if is_deleted {
        return Err(GetError::Deleted);
    }
    let (record, is_damaged) = match local {
        Local::Good(record, reader) => return Ok(local::open(&inner, reader, &record.seal, record.iv, None)),
        Local::Damaged(record) => {
            inner.tell(&Event::FileDamaged { file });
            (Some(record), true)
        }
        Local::Absent(record) => (record, false),
    };
    let mut search = Search::new(&inner, &key, record, is_damaged);
    search.run(&inner).await
}

/// One peer's answer.
struct Answer<S> {
    peer: Rc<Peer<S>>,
    found: Result<Found<S>, FetchAnswer>,
}

/// The search for one file among the peers.
struct Search<S> {
    key: Key,
    file: PathName,
    hashed: HashedKey,
    record: Option<OwnRecord>,
    outstanding: usize,
    asked: usize,
    damaged: usize,
    stale: usize,
    failed: usize,
    /// Where the catalog knows nothing: the newest version of which this owner's own seal has come without good bytes.
    proved: Version,
    /// What came before all had answered.
    gathered: Vec<Answer<S>>,
    answers: mpsc::Receiver<Answer<S>>,
    sender: mpsc::Sender<Answer<S>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Search<S> {
    fn new<P: Platform>(inner: &Shared<P>, key: &Key, record: Option<OwnRecord>, is_damaged: bool) -> Self
    where
        P::Transport: Transport<Stream = S>,
    {
        let mut search = Self::of_nobody(inner, key, record, is_damaged);
        let peers = inner.peers.connected();
        (search.outstanding, search.asked) = (peers.len(), peers.len());
        inner.tell(&Event::FetchStarted { file: search.file, peers: peers.len() });
        for peer in peers {
            search.ask(inner, peer);
        }
        search
    }

    /// A search that has asked nobody.
    fn of_nobody<P: Platform>(inner: &Shared<P>, key: &Key, record: Option<OwnRecord>, is_damaged: bool) -> Self
    where
        P::Transport: Transport<Stream = S>,
    {
        let (sender, answers) = mpsc::channel(PEERS_MAX);
        Self {
            key: key.clone(),
            file: key.path_name(),
            hashed: inner.keys.hashed(key),
            record,
            outstanding: 0,
            asked: 0,
            damaged: usize::from(is_damaged),
            stale: 0,
            failed: 0,
            proved: Version(0),
            gathered: Vec::new(),
            answers,
            sender,
        }
    }

    fn ask<P: Platform>(&self, inner: &Shared<P>, peer: Rc<Peer<S>>)
    where
        P::Transport: Transport<Stream = S>,
    {
        let (task, hashed, sender) = (inner.clone(), self.hashed, self.sender.clone());
        inner.spawn(async move {
            let found = ask::ask(&task, &peer, hashed).await;
            // Where another answer was taken, this one is dropped, and an exchange that waits is closed with it.
            drop(sender.send(Answer { peer, found }).await);
        });
    }

    async fn run<P: Platform>(&mut self, inner: &Shared<P>) -> Result<Fetched, GetError>
    where
        P::Transport: Transport<Stream = S>,
    {
        while let Some(Answer { peer, found }) = self.next().await {
            let newest = self.record.as_ref().map_or(self.proved, |record| record.seal.version);
            let found = match found {
                Ok(found) if found.seal.version < newest => Err(FetchAnswer::Stale(found.seal.version)),
                // Newer than all that is known here; where nothing is, than all that came.
                Err(FetchAnswer::Deleted(version)) if version > newest => return Err(GetError::Deleted),
                other => other,
            };
            let answer = match found {
                Ok(Found { body: Body::Waiting(_, since), .. }) if since.elapsed() > PROGRESS_TIMEOUT / 2 => {
                    // It has waited for another peer's bad copy and may not wait any longer.
                    self.outstanding += 1;
                    self.ask(inner, peer);
                    continue;
                }
                Ok(found) => {
                    let version = found.seal.version;
                    self.proved = self.proved.max(version);
                    match self.take(inner, found).await {
                        Ok(taken) => return Ok(self.finish(inner, taken, &peer)),
                        Err(TakeError::Disk(error)) => return Err(GetError::Disk(error)),
                        Err(TakeError::Damaged) => FetchAnswer::Damaged,
                        Err(TakeError::Outdated) => FetchAnswer::Stale(version),
                        Err(TakeError::Wire(error)) => FetchAnswer::Failed(format!("{version} broke off: {error}")),
                    }
                }
                Err(answer) => answer,
            };
            self.count(inner, peer.id, answer);
        }
        let unreachable = self.failed + inner.peers.away();
        Err(match (self.damaged, self.stale) {
            (damaged @ 1.., _) => GetError::Damaged { damaged, unreachable },
            (0, stale @ 1..) => GetError::Stale { stale, unreachable },
            _ if unreachable > 0 => {
                GetError::Unreachable { unreachable, peers: self.asked - self.failed + unreachable }
            }
            _ if self.record.is_some() => GetError::NoCopy { asked: self.asked },
            _ => GetError::NotFound { asked: self.asked },
        })
    }

    /// The next answer. Where the catalog knows the newest version they come as they arrive. Where it knows nothing, all
    /// peers have to answer first, and the newest comes first.
    async fn next(&mut self) -> Option<Answer<S>> {
        if self.record.is_some() {
            return self.receive().await;
        }
        while let Some(answer) = self.receive().await {
            self.gathered.push(answer);
        }
        self.gathered.sort_by_key(|answer| match &answer.found {
            Ok(found) => found.seal.version,
            Err(FetchAnswer::Deleted(version)) => *version,
            Err(_) => Version(0),
        });
        self.gathered.pop()
    }

    async fn receive(&mut self) -> Option<Answer<S>> {
        self.outstanding = self.outstanding.checked_sub(1)?;
        Some(self.answers.recv().await.expect("the search itself holds a sender"))
    }

    fn count<P: Platform>(&mut self, inner: &Inner<P>, peer: NodeId, answer: FetchAnswer) {
        match answer {
            FetchAnswer::Damaged => self.damaged += 1,
            FetchAnswer::Stale(_) => self.stale += 1,
            FetchAnswer::Failed(_) => self.failed += 1,
            FetchAnswer::NotFound | FetchAnswer::Deleted(_) => {}
        }
        inner.tell(&Event::FetchAnswered { peer, file: self.file, answer });
    }

    fn finish<P: Platform>(&self, inner: &Shared<P>, taken: Taken<P>, peer: &Peer<S>) -> Fetched {
        let Taken { reader, seal, iv } = taken;
        inner.tell(&Event::FileFetched { file: self.file, peer: peer.id, bytes: seal.size });
        local::open(inner, reader, &seal, iv, Some(peer.id))
    }

    /// Receives, verifies and keeps a replica, in plaintext, as the local copy.
    async fn take<P: Platform>(&self, inner: &Shared<P>, found: Found<S>) -> Result<Taken<P>, TakeError> {
        let Found { seal, body } = found;
        let (blob, version) = (BlobId::Own(self.file), seal.version);
        // The file is begun once its first bytes are here: what fails before leaves nothing behind.
        let begin = async |iv| {
            let writer = inner.begin(blob, version).await?;
            Ok::<_, TakeError>(Opening { writer, cipher: ContentCipher::new(&inner.keys, iv) })
        };
        let (opened, iv) = match body {
            Body::Here(bytes) => {
                let (iv, sealed) = bytes.split_first_chunk().ok_or(TakeError::Damaged)?;
                let iv = Iv(*iv);
                let opening = begin(iv).await?;
                let mut sealed = sealed.to_vec();
                let source = async |_| Ok::<_, WireError>(std::mem::take(&mut sealed));
                (pump::pump(inner, opening, source, async |buffer| buffer).await, iv)
            }
            Body::Waiting(mut asking, _) => {
                let connection = &mut asking.connection;
                connection.send(&Message::Proceed).await?;
                connection.receive_stream_header(seal.sealed_bytes()).await?;
                let mut iv = Iv([0; IV_BYTES]);
                connection.receive_bytes(&mut iv.0).await?;
                let opening = begin(iv).await?;
                let source = pump::from_connection(connection, seal.size);
                let opened = pump::pump(inner, opening, source, async |buffer| buffer).await;
                if opened.is_ok() {
                    asking.done();
                }
                (opened, iv)
            }
        };
        let (opening, error) = match opened {
            Ok(opening) if opening.cipher.digest() == seal.digest => {
                let reader = self.keep(inner, opening.writer, &seal, iv).await?;
                return Ok(Taken { reader, seal, iv });
            }
            Ok(opening) => (opening, TakeError::Damaged),
            Err((opening, PumpError::Source(error))) => (opening, TakeError::Wire(error)),
            Err((opening, PumpError::Disk(error))) => (opening, TakeError::Disk(error)),
        };
        inner.discard(opening.writer).await;
        Err(error)
    }

    async fn keep<P: Platform>(
        &self,
        inner: &Shared<P>,
        writer: BlobWriter<P::Disk>,
        seal: &Seal,
        iv: Iv,
    ) -> Result<Reader<P>, TakeError> {
        // The peers know more than the catalog does where it was lost, or a store broke off before its commit. An IV that was
        // learnt from a peer is proved only now, by the digest.
        let is_known = |record: &OwnRecord| record.seal.version >= seal.version && record.iv == iv;
        let change = if !self.record.as_ref().is_some_and(is_known) {
            let metadata = seal.metadata.open(&inner.keys).map_err(|_| TakeError::Damaged)?;
            let version = seal.version;
            inner.blocking(move |store| store.skip_versions(version)).await?;
            let record = OwnRecord { seal: seal.clone(), iv, modified: metadata.modified };
            Some(Change::Own(self.key.clone(), self.hashed, Box::new(record)))
        } else {
            None
        };
        let blob = BlobId::Own(self.file);
        if self.record.is_none() {
            // What lies here from before the catalog was lost may be newer than all that the peers have.
            let seal = seal.clone();
            let aside = inner.with_keys(move |store, keys| {
                let is_unknown = store.has_blob(&blob)? && !store.is_good_own(&blob, keys, iv, &seal)?;
                if is_unknown { store.set_aside(&blob) } else { Ok(false) }
            });
            aside.await?;
        }
        match inner.keep(writer, change).await {
            Ok(()) => {}
            Err(KeepError::Outdated) => return Err(TakeError::Outdated),
            Err(KeepError::NotStored(error) | KeepError::PerhapsStored(error)) => return Err(error.into()),
        }
        let reader = inner.blocking(move |store| store.read_blob(&blob));
        Ok(reader.await?.expect("it was published under the lock of its name"))
    }
}
