//! Keeps for an owner how many names it has, and tells the owner.

use crate::crypto::{NameCount, NodeId};
use crate::node::context::Context;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::store::{Change, StorageError};

/// Keeps a count, durably, unless a newer one is here. It is kept for owners of whom there is something here, be it an
/// older count.
pub(super) async fn note<P: Platform>(context: &Context<P>, owner: NodeId, count: NameCount) -> Message {
    let looked = context.blocking(move |store| {
        let kept = store.name_count(owner)?;
        let is_newer = kept.is_none_or(|kept| kept.version < count.version);
        Ok((kept.is_some() || store.usage(owner)?.files > 0, is_newer))
    });
    let looked: Result<_, StorageError> = looked.await;
    match looked {
        Ok((false, _)) => return Message::Refused(Refusal::Unexpected),
        Ok((true, false)) => return Message::Noted,
        Ok((true, true)) => {}
        Err(error) => return context.refuse(owner, error),
    }
    match context.commit(Change::Count(owner, count)).await {
        Ok(_) => Message::Noted,
        Err(error) => context.refuse(owner, error),
    }
}

/// Answers with the count that is kept for an owner.
pub(super) async fn tell<P: Platform>(context: &Context<P>, owner: NodeId) -> Message {
    match context.blocking(move |store| store.name_count(owner)).await {
        Ok(Some(count)) => Message::Count(count),
        Ok(None) => Message::NotFound,
        Err(error) => context.refuse(owner, error),
    }
}
