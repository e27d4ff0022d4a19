//! Connections to the node that are used again, one for each file that is under way.

use std::cell::RefCell;
use std::path::Path;

use dacapo::crypto::Key;
use dacapo::node::Holding;
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
