//! Connections to the node that are used again, one for each file that is under way.

use std::cell::RefCell;
use std::path::Path;

use dacapo::crypto::Key;
use dacapo::node::{Holding, PeerInfo};
use dacapo::view::KnownPeers;
use tokio::time::Instant;

use crate::cli::control::{Answer, Client, ConnectError, ControlError, Request};
use crate::cli::error::CliError;
use crate::cli::limits::SESSION_IDLE_TIMEOUT;

/// Connections that nobody uses at the moment.
pub(super) struct Pool<'a> {
    data: &'a Path,
    idle: RefCell<Vec<(Instant, Client)>>,
}

/// Which peers hold the current version of a file.
pub(super) struct Holders {
    /// How many hold it.
    pub(super) found: usize,
    /// How many were asked.
    pub(super) asked: usize,
    /// How many are away, or did not answer: they may hold it.
    unknown: usize,
}

impl Holders {
    /// Tells whether no peer has it.
    pub(super) fn is_nowhere(&self) -> bool {
        self.found + self.unknown == 0
    }
}

impl<'a> Pool<'a> {
    pub(super) fn new(data: &'a Path) -> Self {
        Self { data, idle: RefCell::default() }
    }

    /// Returns the data directory of the node.
    pub(super) fn data(&self) -> &Path {
        self.data
    }

    /// Returns a connection to the node.
    pub(super) async fn client(&self) -> Result<Client, ConnectError> {
        let idle = self.idle.borrow_mut().pop();
        match idle {
            // The node gives up who says nothing for long.
            Some((since, client)) if since.elapsed() < SESSION_IDLE_TIMEOUT / 2 => Ok(client),
            _ => Client::connect(self.data).await,
        }
    }

    /// Sends a request, with all of its content if it has any, and waits for the answer.
    pub(super) async fn ask(
        &self,
        request: &Request,
        content: Option<&[u8]>,
    ) -> Result<(Client, Result<Answer, ControlError>), CliError> {
        let mut client = self.client().await?;
        client.request(request, content).await?;
        let answer = client.answer().await;
        Ok((client, answer))
    }

    /// Asks which peers hold the current version of a file.
    pub(super) async fn holders(&self, key: &Key) -> Result<Holders, CliError> {
        let (client, answer) = self.ask(&Request::Whereis { key: key.clone(), verify: false }, None).await?;
        let (holders, away) = match answer? {
            Answer::Holders { holders, away } => (holders, away),
            answer => return Err(CliError::unexpected_about(key.clone(), answer)),
        };
        self.give_back(client);
        let count = |is: fn(&Holding) -> bool| holders.iter().filter(|holder| is(&holder.holding)).count();
        let found = count(|holding| matches!(holding, Holding::Current { .. }));
        let unknown = away.len() + count(|holding| matches!(holding, Holding::Unknown { .. }));
        Ok(Holders { found, asked: holders.len(), unknown })
    }

    /// Takes a connection back that goes on: all of a successful answer has come.
    pub(super) fn give_back(&self, client: Client) {
        self.idle.borrow_mut().push((Instant::now(), client));
    }
}

/// Asks a node whether it may have a file that no peer holds.
pub(super) async fn may_be_nowhere(data: &Path) -> Result<bool, CliError> {
    match Client::ask(data, &Request::Peers).await?.answer().await? {
        Answer::Peers(known) => Ok(lacks_any(&known)),
        answer => Err(CliError::unexpected(answer)),
    }
}

/// Tells whether no peer can be relied on to hold a file. One that is away, or has said nothing so far, may hold it.
/// One that is current holds it, if the file is placed on it.
fn lacks_any(known: &KnownPeers) -> bool {
    let is_behind = |peer: &PeerInfo| peer.is_current() == Some(false);
    match known.wanted {
        None => known.peers.iter().all(is_behind),
        Some(_) if known.peers.iter().any(|peer| peer.is_current().is_none()) => false,
        Some(_) => known.peers.is_empty() || known.peers.iter().any(is_behind),
    }
}

#[cfg(test)]
mod tests {
    use dacapo::node::Progress::{Behind, Current, Unknown};

    use super::*;

    #[test]
    fn a_file_may_be_nowhere_only_if_every_peer_is_there_and_lacks_something() {
        let peer = |(is_connected, progress)| PeerInfo {
            peer: None,
            address: None,
            not_reached_at: None,
            is_dialled: false,
            is_connected,
            progress,
            refused: 0,
            has_twin: false,
            sees_twin: false,
            is_slow: false,
        };
        for (peers, by_all, by_some) in [
            (&[][..], true, true),
            (&[(true, Behind)], true, true),
            (&[(true, Behind), (true, Behind)], true, true),
            // If each file is on some peers only, one of them vouches for its own files alone.
            (&[(true, Behind), (true, Current)], false, true),
            (&[(true, Current)], false, false),
            (&[(true, Behind), (true, Unknown)], false, false),
            (&[(true, Behind), (false, Behind)], false, false),
        ] {
            for (wanted, expected) in [(None, by_all), (Some(2), by_some)] {
                let peers = peers.iter().copied().map(peer).collect();
                let known = KnownPeers { peers, wanted, ..KnownPeers::default() };
                assert_eq!(lacks_any(&known), expected, "{known:?}");
            }
        }
    }
}
