//! The search for one file among the connected peers.
//!
//! All of them are asked at once. A small replica comes with the answer; for a large one the first peer with an
//! authentic answer is told to proceed. If the copy of that peer turns out bad or hardly comes, the next peer is told
//! to proceed.

use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::hedge::{Outcome, Receiving};
use super::offer::{self, Answer, Offer};
use super::receive::{ReceiveError, Wanted};
use crate::crypto::{NodeId, Seal, Version};
use crate::event::{Event, FetchAnswer};
use crate::limits::PEERS_MAX;
use crate::node::context::{Context, Shared};
use crate::node::handle::errors::{GetError, Unasked};
use crate::node::handle::fetched::Fetched;
use crate::node::owner::holders;
use crate::node::peers::status::those_away;
use crate::platform::Platform;
use crate::transport::Transport;

/// The search for one file among the peers.
pub(super) struct Search<S> {
    wanted: Rc<Wanted>,
    outstanding: usize,
    asked: Vec<NodeId>,
    damaged: usize,
    stale: usize,
    /// The peers that broke off, and why.
    failed: BTreeMap<NodeId, String>,
    /// The newest version for which a peer gave this owner's own seal while the catalog knew nothing of the file, in
    /// this search or in one before it for the same caller.
    proved: Version,
    /// The answers that came before all peers had answered.
    gathered: Vec<Answer<S>>,
    answers: mpsc::Receiver<Answer<S>>,
    sender: mpsc::Sender<Answer<S>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Search<S> {
    /// Returns a search that waits for the answers of these peers.
    fn new(wanted: Wanted, asked: Vec<NodeId>) -> Self {
        let (sender, answers) = mpsc::channel(PEERS_MAX);
        Self {
            wanted: Rc::new(wanted),
            outstanding: asked.len(),
            asked,
            damaged: 0,
            stale: 0,
            failed: BTreeMap::new(),
            proved: Version(0),
            gathered: Vec::new(),
            answers,
            sender,
        }
    }

    /// Asks every connected peer. `is_damaged` says whether there was a damaged copy here, `proved` is the newest
    /// version that an earlier search for the same caller has met.
    pub(super) fn begin<P: Platform>(context: &Shared<P>, wanted: Wanted, is_damaged: bool, proved: Version) -> Self
    where
        P::Transport: Transport<Stream = S>,
    {
        let peers = context.peers.connected();
        let mut search = Self::new(wanted, peers.iter().map(|peer| peer.id).collect());
        (search.damaged, search.proved) = (usize::from(is_damaged), proved);
        context.tell(&Event::FetchStarted { file: search.wanted.file, peers: peers.len() });
        let replica_name = search.wanted.replica_name;
        for peer in peers {
            offer::ask(context, peer, replica_name, search.sender.clone());
        }
        search
    }

    /// Has a peer set aside a replica that has turned out bad, unless it compares another one for that reason.
    fn have_verified<P: Platform>(&self, context: &Shared<P>, peer: NodeId, seal: Seal)
    where
        P::Transport: Transport<Stream = S>,
    {
        let Some(peer) = context.peers.find(peer) else { return };
        let Ok(place) = peer.comparisons.clone().try_acquire_owned() else { return };
        let (task, replica_name) = (context.clone(), self.wanted.replica_name);
        context.spawn(async move {
            drop(holders::verify(&task, &peer, replica_name, &seal).await);
            drop(place);
        });
    }

    /// Returns the first good copy of the newest version. It is the local copy now, unless it is for the caller alone.
    /// Ends as soon as nobody has a use for it.
    pub(super) async fn run<P: Platform>(
        &mut self,
        context: &Shared<P>,
        is_useless: impl Future<Output = ()>,
    ) -> Result<Fetched, GetError>
    where
        P::Transport: Transport<Stream = S>,
    {
        let mut receiving = Receiving::new();
        let ended = tokio::select! {
            biased;
            ended = self.first_good(context, &mut receiving) => ended,
            () = is_useless => Err(GetError::Stopped),
        };
        receiving.give_up(context);
        ended
    }

    async fn first_good<P: Platform>(
        &mut self,
        context: &Shared<P>,
        receiving: &mut Receiving<P>,
    ) -> Result<Fetched, GetError>
    where
        P::Transport: Transport<Stream = S>,
    {
        let mut is_exhausted = false;
        while !is_exhausted || !receiving.is_empty() {
            tokio::select! {
                biased;
                outcome = receiving.next(), if !receiving.is_empty() => {
                    let Some(Outcome { peer, seal, result }) = outcome else { continue };
                    let answer = match result {
                        Ok(received) => return Ok(received.hand_over(context, peer)),
                        Err(ReceiveError::Disk(error)) => return Err(GetError::Disk(error)),
                        Err(ReceiveError::Deleted) => return Err(GetError::NotFound { asked: self.asked.len() }),
                        Err(ReceiveError::Damaged) => {
                            self.have_verified(context, peer, seal);
                            FetchAnswer::Damaged
                        }
                        Err(ReceiveError::Outdated) => FetchAnswer::Stale(seal.version),
                        Err(ReceiveError::Wire(error)) => {
                            FetchAnswer::Failed(format!("{} broke off: {error}", seal.version))
                        }
                    };
                    self.count(context, peer, answer);
                }
                answer = self.next(), if receiving.wants_more() && !is_exhausted => {
                    let Some(Answer { peer, found }) = answer else {
                        is_exhausted = true;
                        continue;
                    };
                    match self.judge(found) {
                        Ok(offer) => match offer.take() {
                            Some(found) => receiving.begin(context, &self.wanted, peer.id, found),
                            None => {
                                // The peer has waited for long enough while another peer's copy came.
                                self.outstanding += 1;
                                offer::ask(context, peer, self.wanted.replica_name, self.sender.clone());
                            }
                        },
                        Err(FetchAnswer::Deleted(version)) if version > self.newest() => return Err(GetError::Deleted),
                        Err(answer) => self.count(context, peer.id, answer),
                    }
                }
            }
        }
        Err(self.failure(those_away(context, &self.asked)))
    }

    /// Returns why nothing was found while these peers that were not asked are away.
    fn failure(&self, away: Vec<Unasked>) -> GetError {
        let peers = self.asked.len() + away.len();
        let failed = self.failed.iter().map(|(peer, reason)| (Some(*peer), reason.clone()));
        let unasked = failed.map(|(peer, reason)| Unasked { peer, address: None, reason }).chain(away);
        let unasked: Vec<_> = unasked.collect();
        let unreachable = unasked.len();
        match (self.damaged, self.stale) {
            (damaged @ 1.., _) => GetError::Damaged { damaged, unreachable },
            (0, stale @ 1..) => GetError::Stale { stale, unreachable },
            _ if unreachable > 0 => GetError::Unreachable { unasked, peers },
            _ if self.wanted.record.is_some() => GetError::NoCopy { asked: self.asked.len() },
            _ => GetError::NotFound { asked: self.asked.len() },
        }
    }

    /// Returns the newest version that is known, from the catalog or proved by a peer.
    pub(super) fn newest(&self) -> Version {
        self.wanted.record.as_ref().map_or(self.proved, |record| record.seal.version.max(self.proved))
    }

    /// Refuses an older version than the newest one that is known, or another one under the same number, and notes a
    /// newer one.
    fn judge(&mut self, found: Result<Offer<S>, FetchAnswer>) -> Result<Offer<S>, FetchAnswer> {
        let mut found = found?;
        let known = self.wanted.record.as_ref().map(|record| &record.seal);
        let version = found.seal.version;
        if let Some(known) = known.filter(|known| known.has_bytes_of(&found.seal)) {
            // The peer may have them under an earlier number.
            found.seal = known.clone();
        }
        let is_other = known.is_some_and(|known| known.version == found.seal.version && *known != found.seal);
        if is_other || version < self.newest() {
            return Err(FetchAnswer::Stale(found.seal.version));
        }
        // What the catalog knows counts until a newer version is in as many places.
        if self.wanted.record.is_none() {
            self.proved = self.proved.max(version);
        }
        Ok(found)
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
        if self.outstanding == 0 {
            return None;
        }
        let answer = self.answers.recv().await.expect("the search itself holds a sender");
        // Counted only once it is here: the wait for it may be given up.
        self.outstanding -= 1;
        Some(answer)
    }

    fn count<P: Platform>(&mut self, context: &Context<P>, peer: NodeId, answer: FetchAnswer) {
        match &answer {
            FetchAnswer::Damaged => self.damaged += 1,
            FetchAnswer::Stale(_) => self.stale += 1,
            FetchAnswer::Failed(reason) => drop(self.failed.insert(peer, reason.clone())),
            FetchAnswer::NotFound | FetchAnswer::Deleted(_) => {}
        }
        context.tell(&Event::FetchAnswered { peer, file: self.wanted.file, answer });
    }
}

#[cfg(test)]
mod tests;
