//! Takes a newer version of a file from the one peer that has it, while the version that is here still counts.

use std::rc::Rc;

use tokio_util::sync::CancellationToken;

use super::ask;
use super::purpose::Purpose;
use super::receive::{ReceiveError, Wanted};
use crate::crypto::Key;
use crate::event::FetchAnswer;
use crate::node::context::{Shared, Stream};
use crate::node::peers::peer::Peer;
use crate::node::peers::pool;
use crate::platform::Platform;
use crate::store::StorageError;

/// Why a newer version was not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::node) enum NewerError {
    /// The catalog could not be read.
    #[error(transparent)]
    Disk(StorageError),
    /// The peer does not have the file.
    #[error("{0}")]
    Answer(FetchAnswer),
    /// The replica did not become the local copy.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
}

/// Makes a peer's version the local copy and the version that counts, both or neither. Returns false if it is not
/// newer. A get that searches meanwhile does not wait: whichever comes later to the local disk looks what is there.
pub(in crate::node) async fn take_newer<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    key: &Key,
) -> Result<bool, NewerError> {
    let looked_up = key.clone();
    let record = context.with_keys(move |store, keys| store.proved(keys, &looked_up));
    let wanted = Wanted::new(context, key, record.await.map_err(NewerError::Disk)?, Purpose::Copy);
    let slot = pool::slot(peer).await;
    let found = ask::ask(context, peer, slot, wanted.replica_name).await.map_err(NewerError::Answer)?;
    if wanted.record.as_ref().is_some_and(|record| record.seal.version >= found.seal.version) {
        return Ok(false);
    }
    // No caller waits for the content.
    drop(wanted.receive(context, found, &CancellationToken::new()).await?.hand_over(context, peer.id));
    Ok(true)
}
