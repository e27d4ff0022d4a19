//! One client of a node: reads its request, calls the node, and writes the answer. Any bytes may come.

use std::time::Duration;

use dacapo::crypto::Key;
use dacapo::node::{Content, Handle};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::message::{Answer, Failure, FileRow, PeerRow, Request};
use super::wire::{ControlError, read_message, read_version, write_content, write_message};
use super::{content, copies};
use crate::cli::limits::{CLIENT_IDLE_TIMEOUT, CONTROL_VERSION, REQUEST_BYTES_MAX, REQUEST_TIMEOUT};

/// What the sessions of a node share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) handle: Handle,
    /// Cancelled when a client wants the node to stop.
    pub(super) stop_wanted: CancellationToken,
    /// Cancelled when the node has stopped.
    pub(super) stopped: CancellationToken,
}

/// Serves one client to its end. What it sent wrong it is told, as far as it still listens.
pub(super) async fn serve(shared: &Shared, mut reader: impl AsyncRead + Unpin, mut writer: impl AsyncWrite + Unpin) {
    match exchange(shared, &mut reader, &mut writer).await {
        // A command that was interrupted is no news.
        Ok(()) | Err(ControlError::Closed) => {}
        Err(error) => tracing::debug!("gave up a client: {error}"),
    }
}

async fn exchange(
    shared: &Shared,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<(), ControlError> {
    let request = within(REQUEST_TIMEOUT, async {
        read_version(reader).await?;
        read_message(reader, REQUEST_BYTES_MAX).await
    });
    let request = request.await;
    within(CLIENT_IDLE_TIMEOUT, async { Ok(writer.write_u8(CONTROL_VERSION).await?) }).await?;
    match request {
        Ok(request) => answer(shared, request, reader, writer).await,
        Err(error) => send(writer, &Answer::Failed(Failure::failed(&error))).await,
    }
}

async fn answer(
    shared: &Shared,
    request: Request,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<(), ControlError> {
    let handle = &shared.handle;
    let answer = match request {
        Request::Put { key, size, replicas_min } => put(handle, &key, size, replicas_min, reader).await,
        Request::Get { key } => return get(handle, &key, writer).await,
        Request::List => return list(handle, writer).await,
        Request::Remove { key, replicas_min } => copies::remove(handle, &key, replicas_min).await,
        Request::Erase { key } => copies::erase(handle, &key).await,
        Request::Whereis { key } => copies::holders(handle, &key).await,
        Request::Scrub => return copies::scrub(handle, writer).await,
        Request::Stat { key } => {
            handle.stat(&key).await.map(|info| Answer::File(FileRow::from(info))).map_err(Failure::from)
        }
        Request::Peers => Ok(peers(handle).await),
        Request::Address => Ok(Answer::Address(handle.address())),
        Request::Members { change } => {
            handle.change_members(change).await.map(|()| Answer::MembersChanged).map_err(Failure::from)
        }
        Request::Stop => {
            shared.stop_wanted.cancel();
            shared.stopped.cancelled().await;
            Ok(Answer::Stopped)
        }
    };
    send(writer, &answer.unwrap_or_else(Answer::Failed)).await
}

async fn peers(handle: &Handle) -> Answer {
    let peers = handle.peers().await.into_iter().map(PeerRow::from);
    let forgotten = handle.forgotten().await.into_iter().map(PeerRow::forgotten);
    let mut rows: Vec<_> = peers.chain(forgotten).collect();
    for row in &mut rows {
        if let Some(peer) = row.peer {
            row.held = handle.held_for(peer).await.ok().map(|held| (held.files, held.bytes));
        }
    }
    Answer::Peers(rows)
}

async fn put(
    handle: &Handle,
    key: &Key,
    size: Option<u64>,
    replicas_min: u32,
    reader: &mut (impl AsyncRead + Unpin),
) -> Result<Answer, Failure> {
    let (feed, content) = content::channel();
    let mut store = Box::pin(handle.store(key, Content::reader(content, size)));
    let stored = tokio::select! {
        biased;
        // A store that fails early does not wait for the client to go on.
        stored = &mut store => stored,
        () = feed.run(reader) => store.await,
    };
    Ok(stored?.at_least(usize::try_from(replicas_min).unwrap_or(usize::MAX))?.into())
}

async fn get(handle: &Handle, key: &Key, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ControlError> {
    let mut fetched = match handle.get(key).await {
        Ok(fetched) => fetched,
        Err(error) => return send(writer, &Answer::Failed(error.into())).await,
    };
    send(writer, &Answer::Found { version: fetched.version, size: fetched.size, from: fetched.from }).await?;
    loop {
        let chunk = match fetched.chunk().await {
            Ok(chunk) => chunk.unwrap_or_default(),
            Err(error) => return send(writer, &Answer::Failed(error.into())).await,
        };
        within(CLIENT_IDLE_TIMEOUT, write_content(writer, &chunk)).await?;
        if chunk.is_empty() {
            return Ok(());
        }
    }
}

async fn list(handle: &Handle, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ControlError> {
    let mut after = None;
    loop {
        let page = match handle.list(after.as_ref()).await {
            Ok(page) => page,
            Err(error) => return send(writer, &Answer::Failed(error.into())).await,
        };
        after = page.last().map(|info| info.key.clone());
        send(writer, &Answer::Files(page.into_iter().map(FileRow::from).collect())).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

pub(super) async fn send(writer: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> Result<(), ControlError> {
    within(CLIENT_IDLE_TIMEOUT, write_message(writer, answer)).await
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, ControlError>>) -> Result<T, ControlError> {
    let stalled = |_| ControlError::Stalled { seconds: limit.as_secs() };
    timeout(limit, work).await.map_err(stalled)?
}
