//! Taking a newer version of a file from the one peer that has it, before the one that is here stops to count.

use std::rc::Rc;

use super::{Search, ask};
use crate::crypto::Key;
use crate::node::peers::Peer;
use crate::node::{Shared, Stream};
use crate::platform::Platform;
use crate::store::layout::BlobId;

/// Makes a peer's version the local copy and the one that counts, both or neither; false where it is not newer.
pub(in crate::node) async fn take_newer<P: Platform>(
    inner: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    key: &Key,
) -> Result<bool, String> {
    let (blob, looked_up) = (BlobId::Own(key.path_name()), key.clone());
    let _locked = inner.locks.lock(blob).await;
    let record = inner.with_keys(move |store, keys| {
        store.settle(keys, &blob)?;
        store.own(&looked_up)
    });
    let record = record.await.map_err(|error| error.to_string())?;
    let search = Search::of_nobody(inner, key, record, false);
    let found = ask::ask(inner, peer, search.hashed).await.map_err(|answer| answer.to_string())?;
    if search.record.as_ref().is_some_and(|record| record.seal.version >= found.seal.version) {
        return Ok(false);
    }
    let taken = search.take(inner, found).await.map_err(|error| format!("{error:?}"))?;
    search.finish(inner, taken, peer);
    Ok(true)
}
