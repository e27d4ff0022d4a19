//! Gets a file: from the local disk if the copy is good, otherwise from the first peer whose copy verifies.
//!
//! All connected peers are asked at once. A small replica comes with the answer; for a large one the first peer with an
//! authentic answer is told to proceed. If the copy of that peer turns out bad, the next peer is told to proceed.

mod ask;
mod newer;
mod receive;

use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::local_copy::{self, LocalCopy};
use crate::crypto::{Key, NodeId, Version};
use crate::event::{Event, FetchAnswer};
use crate::limits::{PEERS_MAX, PROGRESS_TIMEOUT};
use crate::node::context::{Context, Shared};
use crate::node::handle::answers::Fetched;
use crate::node::handle::errors::GetError;
use crate::node::peers::peer::Peer;
use crate::node::peers::status::away;
use crate::platform::Platform;
use crate::store::OwnRecord;
use crate::store::layout::BlobId;
use crate::transport::Transport;
use ask::{Body, Found};
use receive::{ReceiveError, Wanted};

pub(super) use newer::{NewerError, take_newer};

/// Gets a file. See [`Handle::get`](crate::node::Handle::get).
pub(in crate::node) async fn get<P: Platform>(context: Shared<P>, key: Key) -> Result<Fetched, GetError> {
    let file = key.file_name();
    let _locked = context.locks.lock(BlobId::Own(file)).await;
    let looked_up = key.clone();
    let replica_name = context.keys.replica_name(&key);
    let local = context.with_keys(move |store, keys| {
        let is_deleted = store.proved_tombstone(keys, replica_name)?.is_some();
        Ok((is_deleted, local_copy::look_up(store, keys, &looked_up)?))
    });
    let (is_deleted, local) = local.await.map_err(GetError::Disk)?;
    if is_deleted {
        return Err(GetError::Deleted);
    }
    let (record, is_damaged) = match local {
        LocalCopy::Good(record, reader) => {
            return Ok(local_copy::open(&context, reader, &record.seal, record.iv, None));
        }
        LocalCopy::Damaged(record) => {
            context.tell(&Event::FileDamaged { file });
            (Some(record), true)
        }
        LocalCopy::Absent(record) => (record, false),
    };
    let mut search = Search::begin(&context, &key, record, is_damaged);
    search.run(&context).await
}

/// The answer of one peer.
struct Answer<S> {
    peer: Rc<Peer<S>>,
    found: Result<Found<S>, FetchAnswer>,
}

/// The search for one file among the peers.
struct Search<S> {
    wanted: Wanted,
    outstanding: usize,
    asked: usize,
    damaged: usize,
    stale: usize,
    failed: usize,
    /// The newest version for which a peer gave this owner's own seal and no good bytes. It counts if the catalog knows
    /// nothing of the file.
    proved: Version,
    /// The answers that came before all peers had answered.
    gathered: Vec<Answer<S>>,
    answers: mpsc::Receiver<Answer<S>>,
    sender: mpsc::Sender<Answer<S>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Search<S> {
    /// Asks every connected peer.
    fn begin<P: Platform>(context: &Shared<P>, key: &Key, record: Option<OwnRecord>, is_damaged: bool) -> Self
    where
        P::Transport: Transport<Stream = S>,
    {
        let peers = context.peers.connected();
        let (sender, answers) = mpsc::channel(PEERS_MAX);
        let search = Self {
            wanted: Wanted::new(context, key, record),
            outstanding: peers.len(),
            asked: peers.len(),
            damaged: usize::from(is_damaged),
            stale: 0,
            failed: 0,
            proved: Version(0),
            gathered: Vec::new(),
            answers,
            sender,
        };
        context.tell(&Event::FetchStarted { file: search.wanted.file, peers: peers.len() });
        for peer in peers {
            search.ask(context, peer);
        }
        search
    }

    fn ask<P: Platform>(&self, context: &Shared<P>, peer: Rc<Peer<S>>)
    where
        P::Transport: Transport<Stream = S>,
    {
        let (task, replica_name, sender) = (context.clone(), self.wanted.replica_name, self.sender.clone());
        context.spawn(async move {
            let found = ask::ask(&task, &peer, replica_name).await;
            // If another peer's answer was taken, this one is dropped, and an exchange that waits is closed with it.
            drop(sender.send(Answer { peer, found }).await);
        });
    }

    async fn run<P: Platform>(&mut self, context: &Shared<P>) -> Result<Fetched, GetError>
    where
        P::Transport: Transport<Stream = S>,
    {
        while let Some(Answer { peer, found }) = self.next().await {
            let newest = self.wanted.record.as_ref().map_or(self.proved, |record| record.seal.version);
            let found = match found {
                Ok(found) if found.seal.version < newest => Err(FetchAnswer::Stale(found.seal.version)),
                // The deletion is newer than the version in the catalog or, if the catalog has none, than every answer.
                Err(FetchAnswer::Deleted(version)) if version > newest => return Err(GetError::Deleted),
                other => other,
            };
            let answer = match found {
                Ok(Found { body: Body::Waiting(_, since), .. }) if since.elapsed() > PROGRESS_TIMEOUT / 2 => {
                    // The peer has waited while another peer's bad copy came, and may not wait any longer.
                    self.outstanding += 1;
                    self.ask(context, peer);
                    continue;
                }
                Ok(found) => {
                    let version = found.seal.version;
                    self.proved = self.proved.max(version);
                    match self.wanted.receive(context, found).await {
                        Ok(received) => return Ok(received.hand_over(context, peer.id)),
                        Err(ReceiveError::Disk(error)) => return Err(GetError::Disk(error)),
                        Err(ReceiveError::Damaged) => FetchAnswer::Damaged,
                        Err(ReceiveError::Outdated) => FetchAnswer::Stale(version),
                        Err(ReceiveError::Wire(error)) => FetchAnswer::Failed(format!("{version} broke off: {error}")),
                    }
                }
                Err(answer) => answer,
            };
            self.count(context, peer.id, answer);
        }
        let unreachable = self.failed + away(context);
        Err(match (self.damaged, self.stale) {
            (damaged @ 1.., _) => GetError::Damaged { damaged, unreachable },
            (0, stale @ 1..) => GetError::Stale { stale, unreachable },
            _ if unreachable > 0 => {
                GetError::Unreachable { unreachable, peers: self.asked - self.failed + unreachable }
            }
            _ if self.wanted.record.is_some() => GetError::NoCopy { asked: self.asked },
            _ => GetError::NotFound { asked: self.asked },
        })
    }

    /// Returns the next answer. If the catalog knows the newest version, answers come as they arrive. If the catalog
    /// knows nothing of the file, all peers have to answer first, and the newest answer comes first.
    async fn next(&mut self) -> Option<Answer<S>> {
        if self.wanted.record.is_some() {
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

    fn count<P: Platform>(&mut self, context: &Context<P>, peer: NodeId, answer: FetchAnswer) {
        match answer {
            FetchAnswer::Damaged => self.damaged += 1,
            FetchAnswer::Stale(_) => self.stale += 1,
            FetchAnswer::Failed(_) => self.failed += 1,
            FetchAnswer::NotFound | FetchAnswer::Deleted(_) => {}
        }
        context.tell(&Event::FetchAnswered { peer, file: self.wanted.file, answer });
    }
}
