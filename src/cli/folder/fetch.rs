//! The content of one stored file, on a connection that is used again: to write it, or to compare it.

use std::io::{self, Read};

use bytes::Bytes;
use dacapo::crypto::Key;

use super::pool::Pool;
use crate::cli::control::{Answer, Client, ControlError, FoundFile, Frame, Request};
use crate::cli::error::CliError;

/// A content on its way.
pub(super) struct Fetch {
    pub(super) found: FoundFile,
    client: Client,
    key: Key,
    left: u64,
}

impl Fetch {
    /// Asks for a file. `is_kept` says whether the node keeps what comes from a peer.
    pub(super) async fn begin(pool: &Pool<'_>, key: &Key, is_kept: bool) -> Result<Self, CliError> {
        let request = Request::Get { key: key.clone(), takes_place: false, is_kept };
        let (client, answer) = pool.ask(&request, None).await?;
        match answer? {
            Answer::Found(found) => Ok(Self { left: found.size, found, client, key: key.clone() }),
            answer => Err(CliError::unexpected_about(key.clone(), answer)),
        }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Returns the next piece of the content; none at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, CliError> {
        let chunk = match self.client.frame().await? {
            Frame::Chunk(chunk) => chunk,
            Frame::Message(payload) => return Err(CliError::broken_off(&self.key, &payload)),
        };
        let (expected, left) = (self.found.size, self.left);
        match chunk.len() as u64 {
            0 if left > 0 => Err(ControlError::Short { expected, found: expected - left }.into()),
            0 => Ok(None),
            bytes if bytes > left => Err(ControlError::Unexpected.into()),
            bytes => {
                self.left -= bytes;
                Ok(Some(chunk))
            }
        }
    }

    /// Gives the connection back at the end of the content.
    pub(super) fn end(self, pool: &Pool<'_>) {
        pool.give_back(self.client);
    }
}

/// Tells whether a file is what is stored. No more of it is read than is the same.
pub(super) async fn is_same(pool: &Pool<'_>, key: &Key, is_kept: bool, mut file: impl Read) -> Result<bool, CliError> {
    let mut fetch = Fetch::begin(pool, key, is_kept).await?;
    let mut here = Vec::new();
    while let Some(chunk) = fetch.chunk().await? {
        here.resize(chunk.len(), 0);
        match file.read_exact(&mut here) {
            Ok(()) if here == chunk => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(source) => return Err(CliError::Compared { key: key.clone(), source }),
        }
    }
    fetch.end(pool);
    let more = file.read(&mut [0]).map_err(|source| CliError::Compared { key: key.clone(), source })?;
    Ok(more == 0)
}
