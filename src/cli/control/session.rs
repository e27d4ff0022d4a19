//! One client of a node: reads its requests, calls the node, and writes the answers. Any bytes may come.

use std::pin::Pin;
use std::sync::Arc;

use dacapo::crypto::Key;
use dacapo::node::{Content, Fetched, Handle, ReadError};
use dacapo::view::KnownPeers;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::content::ContentFeed;
use super::failure::Failure;
use super::message::{Answer, FoundFile, Request};
use super::wire::{ControlError, read_message, read_version, send, within, write_content};
use super::{calls, content};
use crate::cli::limits::{
    CLIENT_IDLE_TIMEOUT, CONTROL_REQUESTS_MAX, CONTROL_VERSION, PLACE_BYTES_MIN, REQUEST_BYTES_MAX, REQUEST_TIMEOUT,
    SESSION_IDLE_TIMEOUT, SIGN_INTERVAL, TURN_TIMEOUT,
};

/// The node that sessions serve.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) handle: Handle,
    /// The requests that are worked on at once.
    pub(super) turns: Arc<Semaphore>,
    /// Cancelled when a client wants the node to stop.
    pub(super) stop_wanted: CancellationToken,
    /// Cancelled when the node has stopped.
    pub(super) stopped: CancellationToken,
}

impl Served {
    pub(super) fn new(handle: Handle) -> Self {
        let (stop_wanted, stopped) = (CancellationToken::new(), CancellationToken::new());
        Self { handle, turns: Arc::new(Semaphore::new(CONTROL_REQUESTS_MAX)), stop_wanted, stopped }
    }
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
    let mut request = request.await;
    within(CLIENT_IDLE_TIMEOUT, async { Ok(writer.write_u8(CONTROL_VERSION).await?) }).await?;
    loop {
        let passing = match request {
            Ok(request) => {
                let turn = match turn(served, &request, writer).await? {
                    Ok(turn) => turn,
                    Err(failure) => return send(writer, &Answer::Failed(failure)).await,
                };
                let next = answer(served, request, reader, writer).await?;
                drop(turn);
                match next {
                    Next::End => return Ok(()),
                    Next::Request => None,
                    Next::RequestAfter(passing) => Some(passing),
                }
            }
            Err(error) => return send(writer, &Answer::Failed(Failure::failed(&error))).await,
        };
        request = tokio::select! {
            biased;
            next = within(SESSION_IDLE_TIMEOUT, read_message(reader, REQUEST_BYTES_MAX)) => next,
            () = served.stopped.cancelled() => return Ok(()),
        };
        drop(passing);
        if matches!(request, Err(ControlError::Closed)) {
            return Ok(());
        }
    }
}

/// Waits until a request may be worked on. What takes no time, or ends the node, does not wait.
async fn turn<'a>(
    served: &'a Served,
    request: &Request,
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<Result<Option<SemaphorePermit<'a>>, Failure>, ControlError> {
    use Request::{Address, Peers, Stat, Status, Stop};
    if matches!(request, Status | Peers | Address | Stat { .. } | Stop) {
        return Ok(Ok(None));
    }
    if let Ok(turn) = served.turns.try_acquire() {
        return Ok(Ok(Some(turn)));
    }
    let turn = with_signs(writer, Box::pin(timeout(TURN_TIMEOUT, served.turns.acquire()))).await?;
    // What a client asked that has left meanwhile is not done.
    send(writer, &Answer::Working).await?;
    Ok(match turn {
        // A node that has stopped says so to all that waited.
        Ok(turn) => Ok(turn.ok()),
        Err(_) => {
            let reason = format!(
                "nothing was done: the node is working on {CONTROL_REQUESTS_MAX} other requests; try again later"
            );
            Err(Failure::failed(&reason))
        }
    })
}

/// Whether a session goes on.
enum Next {
    /// The client may ask again. Until it does, or leaves, this lies where it was told.
    RequestAfter(Fetched),
    /// The client may ask again.
    Request,
    /// Something else than a request may come, such as content that nobody takes any more.
    End,
}

async fn answer(
    served: &Served,
    request: Request,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<Next, ControlError> {
    let handle = &served.handle;
    let work: Pin<Box<dyn Future<Output = Result<Answer, Failure>> + '_>> = match request {
        Request::Put { key, size, attributes } => {
            let (feed, content) = content::channel();
            let content = Content::reader(content, size).with_attributes(attributes);
            return put(handle, &key, (feed, content), reader, writer).await;
        }
        Request::Get { key, takes_place, is_kept } => return get(handle, &key, (takes_place, is_kept), writer).await,
        Request::List { prefix } => return list(handle, &prefix, writer).await.map(|()| Next::Request),
        Request::Scrub => return calls::scrub(handle, writer).await.map(|()| Next::Request),
        Request::Remove { key, replicas_min } => {
            Box::pin(async move { calls::remove(handle, &key, replicas_min).await })
        }
        Request::DeleteEverywhere { key, version } => {
            Box::pin(async move { calls::delete_everywhere(handle, &key, version).await })
        }
        Request::Whereis { key, verify } => Box::pin(async move { calls::holders(handle, &key, verify).await }),
        Request::Stat { key } => Box::pin(async move { Ok(Answer::File(handle.stat(&key).await?)) }),
        Request::Peers => Box::pin(async { Ok(Answer::Peers(KnownPeers::of(handle).await?)) }),
        Request::Status => Box::pin(calls::status(handle)),
        Request::Address => Box::pin(async { Ok(Answer::Address(handle.address())) }),
        Request::Members { change } => Box::pin(async move {
            handle.change_members(change).await?;
            Ok(Answer::MembersChanged { locked_out: handle.remembered().await.locked_out })
        }),
        Request::Stop => Box::pin(async {
            served.stop_wanted.cancel();
            served.stopped.cancelled().await;
            Ok(Answer::Stopped)
        }),
    };
    let answer = with_signs(writer, work).await?;
    send(writer, &answer.unwrap_or_else(Answer::Failed).bounded()).await?;
    Ok(Next::Request)
}

/// Works on an answer, and tells the client meanwhile that it does.
async fn with_signs<T>(
    writer: &mut (impl AsyncWrite + Unpin),
    mut work: impl Future<Output = T> + Unpin,
) -> Result<T, ControlError> {
    loop {
        match timeout(SIGN_INTERVAL, &mut work).await {
            Ok(done) => return Ok(done),
            Err(_) => send(writer, &Answer::Working).await?,
        }
    }
}

/// Stores a file. While its content comes, the client hears nothing, because it reads nothing.
async fn put(
    handle: &Handle,
    key: &Key,
    (feed, content): (ContentFeed, Content),
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<Next, ControlError> {
    let mut store = Box::pin(handle.store(key, content));
    let (stored, next) = tokio::select! {
        biased;
        // A store that fails early does not wait for the client to go on.
        stored = &mut store => (stored, Next::End),
        has_ended = feed.run(reader) => {
            let next = if has_ended { Next::Request } else { Next::End };
            (with_signs(writer, &mut store).await?, next)
        }
    };
    let answer = stored.map_or_else(|error| Answer::Failed(error.into()), Answer::Stored);
    send(writer, &answer.bounded()).await?;
    Ok(next)
}

async fn get(
    handle: &Handle,
    key: &Key,
    (takes_place, is_kept): (bool, bool),
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<Next, ControlError> {
    let got = async { if is_kept { handle.get(key).await } else { handle.get_unkept(key).await } };
    let mut fetched = match with_signs(writer, Box::pin(got)).await? {
        Ok(fetched) => fetched,
        Err(error) => {
            send(writer, &Answer::Failed(error.into())).await?;
            return Ok(Next::Request);
        }
    };
    let (version, size, from, attributes) = (fetched.version, fetched.size, fetched.from, fetched.attributes);
    let place = fetched.place.as_ref().filter(|_| takes_place && size >= PLACE_BYTES_MIN);
    let place = place.map(ToString::to_string);
    let (is_placed, is_passing) = (place.is_some(), place.is_some() && fetched.is_passing);
    // What a peer sent was compared as it came.
    let is_compared = from.is_some();
    send(writer, &Answer::Found(FoundFile { version, size, from, attributes, place, is_passing })).await?;
    if is_passing {
        return Ok(Next::RequestAfter(fetched));
    }
    if is_placed {
        let reading = async { if is_compared { Ok(()) } else { read_to_end(&mut fetched).await } };
        let compared = with_signs(writer, Box::pin(reading)).await?;
        let answer = compared.map_or_else(|error| Answer::Failed(error.into()), |()| Answer::Compared);
        send(writer, &answer).await?;
        return Ok(Next::Request);
    }
    loop {
        let chunk = match fetched.chunk().await {
            Ok(chunk) => chunk.unwrap_or_default(),
            Err(error) => {
                send(writer, &Answer::Failed(error.into())).await?;
                return Ok(Next::End);
            }
        };
        within(CLIENT_IDLE_TIMEOUT, write_content(writer, &chunk)).await?;
        if chunk.is_empty() {
            return Ok(Next::Request);
        }
    }
}

/// Reads all of a content, and so compares it.
async fn read_to_end(fetched: &mut Fetched) -> Result<(), ReadError> {
    while fetched.chunk().await?.is_some() {}
    Ok(())
}

async fn list(handle: &Handle, prefix: &str, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ControlError> {
    let mut after = None;
    loop {
        let page = match with_signs(writer, Box::pin(handle.list_under(prefix, after.as_ref()))).await? {
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

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::cli::control::wire::encode;

    #[tokio::test(start_paused = true)]
    async fn a_node_that_works_long_says_so() {
        let mut written = Vec::new();
        let work = Box::pin(sleep(3 * SIGN_INTERVAL + SIGN_INTERVAL / 2));
        with_signs(&mut written, work).await.expect("a vector takes all");
        assert_eq!(written, encode(&Answer::Working).repeat(3));
    }
}
