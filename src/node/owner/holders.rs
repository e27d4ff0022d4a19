//! Asks the peers which of them hold a file.

use std::rc::Rc;

use crate::crypto::{Key, ReplicaName, Seal};
use crate::limits::CHECK_BYTES_MAX;
use crate::node::context::{Context, Shared, Stream};
use crate::node::handle::Look;
use crate::node::handle::answers::{Holder, Holding};
use crate::node::handle::errors::{ReplicaError, StatError};
use crate::node::owner::list::find;
use crate::node::peers::peer::Peer;
use crate::node::peers::pool::{AskError, ask_all, ask_each, lease, question};
use crate::platform::Platform;
use crate::protocol::{Message, Refusal};

/// Asks every connected peer what it has of a file. See [`Handle::holders`](crate::node::Handle::holders).
pub(in crate::node) async fn holders<P: Platform>(
    context: Shared<P>,
    key: Key,
    look: Look,
) -> Result<Vec<Holder>, StatError> {
    let (replica_name, known) = (context.keys.replica_name(&key), key.clone());
    let record = context.with_keys(move |store, keys| find(store, keys, &known)).await.map_err(StatError::Disk)?;
    let current = record?.seal;
    Ok(ask_all(&context, move |context, peer| ask(context, peer, replica_name, current.clone(), look)).await)
}

/// Waits until enough connected peers have compared the whole of their replica of a version and found it good, or all
/// have answered. Returns how many have found it good, and how many have answered. A peer that runs twice counts for
/// nothing: nobody knows which of the two answers.
pub(super) async fn count_verified<P: Platform>(
    context: &Shared<P>,
    replica_name: ReplicaName,
    current: Seal,
    wanted: usize,
) -> (usize, usize) {
    let mut answers = ask_each(context, move |context, peer| {
        let current = current.clone();
        async move {
            let holder = ask(context, peer.clone(), replica_name, current, Look::Whole).await;
            matches!(holder.holding, Holding::Current { .. }) && !peer.has_twin()
        }
    });
    let (mut found, mut asked) = (0, 0);
    while found < wanted
        && let Some((_, has_found)) = answers.recv().await
    {
        found += usize::from(has_found);
        asked += 1;
    }
    (found, asked)
}

/// Asks a peer what it has of this version of a file.
async fn ask<P: Platform>(
    context: Shared<P>,
    peer: Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    current: Seal,
    look: Look,
) -> Holder {
    let answer = match look {
        Look::Quick => question(&context, &peer, &Message::CheckFile { replica_name }).await,
        Look::Whole => verify(&context, &peer, replica_name, &current).await,
    };
    let is_fresh = look == Look::Whole || current.size <= CHECK_BYTES_MAX;
    Holder { peer: peer.id, holding: holding(&context, replica_name, &current, answer, is_fresh) }
}

/// Has a peer compare the whole of its replica, part after part, and returns what it says at the end.
pub(super) async fn verify<P: Platform>(
    context: &Shared<P>,
    peer: &Rc<Peer<Stream<P>>>,
    replica_name: ReplicaName,
    current: &Seal,
) -> Result<Message, AskError> {
    let mut lease = lease(context, peer).await?;
    let mut answer = Message::Verifying;
    for _ in 0..exchanges_max(current) {
        answer = lease.exchange(context, &Message::VerifyFile { replica_name }).await?;
        if answer != Message::Verifying {
            break;
        }
    }
    lease.done();
    Ok(answer)
}

/// Returns how many exchanges a peer may take to compare the whole of its replica. The replica may be sent anew
/// meanwhile, and is compared from the start then. A peer that goes on and on is not waited for.
fn exchanges_max(current: &Seal) -> u64 {
    let parts = current.sealed_bytes() / CHECK_BYTES_MAX + 2;
    2 * parts
}

fn holding<P: Platform>(
    context: &Context<P>,
    replica_name: ReplicaName,
    current: &Seal,
    answer: Result<Message, AskError>,
    is_fresh: bool,
) -> Holding {
    match answer {
        Ok(Message::Checked { seal, .. }) if !seal.is_authentic(&context.keys, replica_name) => Holding::Damaged,
        Ok(Message::Checked { seal, verified, .. }) if seal == *current => Holding::Current { verified, is_fresh },
        Ok(Message::Checked { seal, .. }) if seal.version < current.version => Holding::Older { version: seal.version },
        Ok(Message::Checked { seal, .. }) => Holding::Other { version: seal.version },
        Ok(Message::NotFound | Message::Gone(_)) => Holding::Nothing,
        Ok(Message::Refused(Refusal::Rotten)) => Holding::Damaged,
        Ok(Message::Refused(refusal)) => Holding::Unknown { reason: refusal.to_string() },
        Ok(other) => Holding::Unknown { reason: format!("it answered a check with {}", other.name()) },
        Err(error) => Holding::Unknown { reason: ReplicaError::from(error).to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Version;
    use crate::store::tests::{Place, key};

    #[test]
    fn a_peer_has_time_to_begin_once_more_and_not_for_ever() {
        let seal = Place::new().seal(&key("a"), Version(1), &[0; 16]);
        for parts in [0, 1, 10, 1000] {
            let seal = Seal { size: parts * CHECK_BYTES_MAX, ..seal.clone() };
            let exchanges = exchanges_max(&seal);
            assert!((2 * (parts + 1)..=2 * (parts + 2)).contains(&exchanges), "{parts} parts: {exchanges}");
        }
    }
}
