//! Tells an owner what this node holds of the owner's files, coarsely or in detail.

use crate::crypto::{NodeId, ReplicaName};
use crate::limits::LEAF_PAGE_MAX;
use crate::node::context::Context;
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};
use crate::replication::Leaf;

/// Answers with the prints of all groups, or of the leaves of one group.
pub(super) async fn summarise<P: Platform>(context: &Context<P>, owner: NodeId, group: Option<u8>) -> Message {
    let prints = context.blocking(move |store| {
        store.summary(Some(owner), |summary| match group {
            Some(group) => summary.group(group),
            None => Some(summary.groups()),
        })
    });
    match prints.await {
        Ok(Some(prints)) => Message::Summary(prints),
        Ok(None) => Message::Refused(Refusal::Unexpected),
        Err(error) => context.refuse(owner, error),
    }
}

/// Answers with the next page of one leaf.
pub(super) async fn list_leaf<P: Platform>(
    context: &Context<P>,
    owner: NodeId,
    leaf: u16,
    after: Option<ReplicaName>,
) -> Message {
    let Some(leaf) = Leaf::from_number(leaf) else { return Message::Refused(Refusal::Unexpected) };
    match context.blocking(move |store| store.leaf(Some(owner), leaf, after, LEAF_PAGE_MAX)).await {
        Ok(page) => Message::Leaf(page),
        Err(error) => context.refuse(owner, error),
    }
}
