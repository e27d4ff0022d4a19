//! The content of one stored file, on a connection that is used again: to write it, or to compare it.

use std::fs::File;
use std::io::{self, Read, Write as _};

use bytes::Bytes;
use dacapo::crypto::Key;

use super::pool::Pool;
use crate::cli::control::{Answer, Client, ControlError, FoundFile, Frame, Request};
use crate::cli::error::CliError;
use crate::cli::placed::Placed;

/// A content on its way.
pub(super) struct Fetch {
    pub(super) found: FoundFile,
    client: Client,
    key: Key,
    left: u64,
}

impl Fetch {
    /// Asks for a file. `takes_place` says whether the place of a large one is wanted instead of its content, `is_kept`
    /// whether the node keeps what comes from a peer.
    pub(super) async fn begin(
        pool: &Pool<'_>,
        key: &Key,
        (takes_place, is_kept): (bool, bool),
    ) -> Result<Self, CliError> {
        let request = Request::Get { key: key.clone(), takes_place, is_kept };
        let (client, answer) = pool.ask(&request, None).await?;
        match answer? {
            Answer::Found(found) => Ok(Self { left: found.size, found, client, key: key.clone() }),
            answer => Err(CliError::unexpected_about(key.clone(), answer)),
        }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Writes the content to an empty file. Returns false if it lies elsewhere by now than where the node has found it.
    pub(super) async fn write(&mut self, pool: &Pool<'_>, file: &mut File) -> Result<bool, CliError> {
        if let Some(place) = &self.found.place {
            let Some(mut placed) = Placed::open(pool.data().join(place)) else { return Ok(false) };
            return Ok(placed.copy(self.found.size, file, |_| {}).await
                && (self.found.is_passing
                    || placed.is_good(&mut self.client, pool.data(), &self.key, self.found.version).await));
        }
        while let Some(chunk) = self.chunk().await? {
            let failed = |source| CliError::NotWritten { key: self.key.clone(), source };
            file.write_all(&chunk).map_err(failed)?;
        }
        Ok(true)
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

    /// Gives the connection back at the end of the content. If that was copied from its place, the node may have waited
    /// for long.
    pub(super) fn end(self, pool: &Pool<'_>) {
        if self.found.place.is_none() {
            pool.give_back(self.client);
        }
    }
}

/// Tells whether a file is what is stored. No more of it is read than is the same.
pub(super) async fn is_same(pool: &Pool<'_>, key: &Key, is_kept: bool, mut file: impl Read) -> Result<bool, CliError> {
    let mut fetch = Fetch::begin(pool, key, (false, is_kept)).await?;
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
