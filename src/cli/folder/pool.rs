//! Connections to the node that are used again, one for each file that is under way.

use std::cell::RefCell;
use std::path::Path;

use dacapo::crypto::Key;
use dacapo::node::{Holder, Holding};
use tokio::time::Instant;

use crate::cli::control::{Answer, Client, ConnectError, ControlError, Request};
use crate::cli::error::CliError;
use crate::cli::limits::SESSION_IDLE_TIMEOUT;

/// Connections that nobody uses at the moment.
pub(super) struct Pool<'a> {
    data: &'a Path,
    idle: RefCell<Vec<(Instant, Client)>>,
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

    /// Returns how many peers hold the current version of a file, and how many were asked.
    pub(super) async fn count_holders(&self, key: &Key) -> Result<(usize, usize), CliError> {
        let (holders, _) = self.holders(key).await?;
        let held = holders.iter().filter(|holder| matches!(holder.holding, Holding::Current { .. }));
        Ok((held.count(), holders.len()))
    }

    /// Tells whether no peer has the current version of a file. One that cannot be asked may have it.
    pub(super) async fn is_nowhere(&self, key: &Key) -> Result<bool, CliError> {
        let (holders, away) = self.holders(key).await?;
        let may_hold = |holder: &Holder| matches!(holder.holding, Holding::Current { .. } | Holding::Unknown { .. });
        Ok(away == 0 && !holders.iter().any(may_hold))
    }

    /// Returns what each connected peer has of a file, and how many other peers there are.
    async fn holders(&self, key: &Key) -> Result<(Vec<Holder>, usize), CliError> {
        let (client, answer) = self.ask(&Request::Whereis { key: key.clone(), verify: false }, None).await?;
        match answer? {
            Answer::Holders { holders, away } => {
                self.give_back(client);
                Ok((holders, away.len()))
            }
            answer => Err(CliError::unexpected_about(key.clone(), answer)),
        }
    }

    /// Takes a connection back that goes on: all of a successful answer has come.
    pub(super) fn give_back(&self, client: Client) {
        self.idle.borrow_mut().push((Instant::now(), client));
    }
}
