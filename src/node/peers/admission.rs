//! Changes which nodes may be peers. A change is durable before it is in force, and takes effect at once: every
//! connection of a peer that is no longer admitted ends at its next wait.

use crate::event::Event;
use crate::membership::{MemberChange, MembersError};
use crate::node::context::Shared;
use crate::node::handle::errors::MemberError;
use crate::platform::Platform;

/// Changes the list of members. A lock admits all nodes that are peers, or were a short time ago; of the others that
/// were ever connected, [`locked_out`](super::status::locked_out) tells. See
/// [`Handle::change_members`](crate::node::Handle::change_members).
pub(in crate::node) async fn change<P: Platform>(context: &Shared<P>, change: MemberChange) -> Result<(), MemberError> {
    let in_force = &context.members;
    let _changing = in_force.changing().await;
    let mut members = in_force.list();
    let address = match &change {
        MemberChange::ForgetAddress(address) => Some(address.clone()),
        _ => None,
    };
    if change == MemberChange::Lock {
        for peer in context.peers.placement_candidates().into_iter().filter(|peer| in_force.admits(*peer)) {
            members.change(MemberChange::Allow(peer))?;
        }
    }
    match members.change(change.clone()) {
        // An address that the node was started with is on no list.
        Err(MembersError::NotDialled { address }) if context.peers.dials(&address) => {}
        changed => changed?,
    }
    let (saved, disk) = (members.clone(), context.platform.disk().clone());
    context.offload(move || saved.save(&disk)).await?;
    in_force.replace(members);
    if let Some(address) = address {
        context.peers.forget_address(&address);
    }
    context.peers.drop_all_but(|node| in_force.admits(node));
    context.boots.turn_away_all_but(|node| in_force.admits(node));
    context.tell(&Event::MembersChanged { change });
    in_force.tell_all();
    Ok(())
}
