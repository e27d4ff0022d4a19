//! One client of a node: reads its request, calls the node, and writes the answer. Any bytes may come.

use dacapo::crypto::Key;
use dacapo::node::{Content, Handle};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::message::{Answer, FoundFile, Request};
use super::wire::{ControlError, read_message, read_version, send, within, write_content};
use super::{calls, content};
use crate::cli::limits::{CLIENT_IDLE_TIMEOUT, CONTROL_VERSION, REQUEST_BYTES_MAX, REQUEST_TIMEOUT};

/// The node that sessions serve.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) handle: Handle,
    /// Cancelled when a client wants the node to stop.
    pub(super) stop_wanted: CancellationToken,
    /// Cancelled when the node has stopped.
    pub(super) stopped: CancellationToken,
}

/// Serves one client to its end. A client that sends something wrong is told so, as far as it still listens.
pub(super) async fn serve(served: &Served, mut reader: impl AsyncRead + Unpin, mut writer: impl AsyncWrite + Unpin) {
    match exchange(served, &mut reader, &mut writer).await {
        // A command that was interrupted is no news.
        Ok(()) | Err(ControlError::Closed) => {}
        Err(error) => tracing::debug!("gave up a client: {error}"),
    }
}

async fn exchange(
    served: &Served,
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
        Ok(request) => answer(served, request, reader, writer).await,
        Err(error) => send(writer, &Answer::Failed(Failure::failed(&error))).await,
    }
}

async fn answer(
    served: &Served,
    request: Request,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<(), ControlError> {
    let handle = &served.handle;
    let answer = match request {
        Request::Put { key, size, replicas_min } => put(handle, &key, size, replicas_min, reader).await,
        Request::Get { key } => return get(handle, &key, writer).await,
        Request::List => return list(handle, writer).await,
        Request::Remove { key, replicas_min } => calls::remove(handle, &key, replicas_min).await,
        Request::DeleteEverywhere { key } => calls::delete_everywhere(handle, &key).await,
        Request::Whereis { key } => calls::holders(handle, &key).await,
        Request::Scrub => return calls::scrub(handle, writer).await,
        Request::Stat { key } => handle.stat(&key).await.map(Answer::File).map_err(Failure::from),
        Request::Peers => Ok(calls::peers(handle).await),
        Request::Address => Ok(Answer::Address(handle.address())),
        Request::Members { change } => {
            handle.change_members(change).await.map(|()| Answer::MembersChanged).map_err(Failure::from)
        }
        Request::Stop => {
            served.stop_wanted.cancel();
            served.stopped.cancelled().await;
            Ok(Answer::Stopped)
        }
    };
    send(writer, &answer.unwrap_or_else(Answer::Failed)).await
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
    Ok(Answer::Stored(stored?.at_least(usize::try_from(replicas_min).unwrap_or(usize::MAX))?))
}

async fn get(handle: &Handle, key: &Key, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ControlError> {
    let mut fetched = match handle.get(key).await {
        Ok(fetched) => fetched,
        Err(error) => return send(writer, &Answer::Failed(error.into())).await,
    };
    let found = FoundFile { version: fetched.version, size: fetched.size, from: fetched.from };
    send(writer, &Answer::Found(found)).await?;
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
        send(writer, &Answer::Files(page)).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}
