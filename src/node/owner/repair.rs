//! Repairs peers: compares what a peer holds of this node's files with what is current, and sends what the peer lacks.
//!
//! With each heartbeat a peer tells the print of all that it holds of this node's files. If that differs from the print
//! of the own catalog, the two summaries are compared, group by group and leaf by leaf, down to the files that differ.
//! Only the owner repairs, because only the owner knows what is current; it sends its local copy, or passes on the
//! sealed bytes of another peer. Nothing is remembered between two repairs: a repair that broke off is begun anew after
//! the next heartbeat.

mod compare;
mod count;
mod difference;
mod done;
mod error;
mod forget;
mod learn;
mod listing;
mod mend;
mod relay;
mod settle;
mod turns;

use std::rc::Rc;

use super::placement;
use crate::crypto::Version;
use crate::event::Event;
use crate::limits::PLACEMENT_AFTER_START;
use crate::node::config::Mode;
use crate::node::context::{Shared, Stream};
use crate::node::handle::answers::{Names, Progress, Repairs, Unlearnt};
use crate::node::handle::errors::StatError;
use crate::node::peers::control;
use crate::node::peers::peer::Peer;
use crate::platform::Platform;
use crate::replication::{Print, Replicas, Summary};
use crate::store::StorageError;
use done::Done;
use error::RepairError;

/// Hears what a peer holds of this node's files, and starts to repair the peer if that is not what is current.
pub(in crate::node) fn hear<P: Platform>(context: &Shared<P>, peer: &Rc<Peer<Stream<P>>>, held: Option<Print>) {
    let Some(held) = held else { return };
    if peer.repair.begin() {
        context.spawn(run(context.clone(), peer.clone(), held));
    }
}

/// Tells how the repairs go on. See [`Handle::repairs`](crate::node::Handle::repairs).
pub(in crate::node) async fn told<P: Platform>(context: Shared<P>) -> Result<Repairs, StatError> {
    let steps = context.owner.repair_log.steps();
    let (listed, more) = context.owner.repair_log.unlearnt();
    let unlearnt = context.blocking(move |store| {
        let mut unlearnt = Vec::new();
        for (replica_name, peer, version, reason) in listed {
            let key = store.key_of(replica_name)?;
            // Unless another peer gave it, or a caller has stored a newer version.
            if store.newest(key.as_ref(), replica_name)?.is_none_or(|ours| ours < version) {
                unlearnt.push(Unlearnt { replica_name, key, version, peer, reason });
            }
        }
        let (files, deleted) = store.count_own()?;
        Ok((unlearnt, files + deleted))
    });
    let looked: Result<_, StorageError> = unlearnt.await;
    let (unlearnt, known) = looked.map_err(StatError::Disk)?;
    let names = context.owner.repair_log.names().map(|stored| Names { stored, known });
    // Once all are known, other peers have given what some could not.
    let more = if names.is_some_and(|names| names.stored <= names.known) { 0 } else { more };
    let rolled_back = context.owner.rolled_back.get();
    let wanted = context.owner.replicas.count();
    let connected = context.peers.connected();
    let compared = connected.iter().filter(|peer| peer.repair.is_compared()).map(|peer| peer.id).collect();
    let refusing = connected.iter().filter_map(|peer| Some((peer.id, peer.repair.refusing()?))).collect();
    Ok(Repairs { steps, compared, refusing, unlearnt, more, names, rolled_back, wanted })
}

/// Ends a repair of a peer that holds what is current. It has known every deletion up to a version.
async fn has_all<P: Platform>(context: &Shared<P>, peer: &Rc<Peer<Stream<P>>>, last: Version) {
    peer.repair.set_progress(Progress::Current);
    peer.repair.set_knows_deletions(Some(last));
    peer.repair.set_compared(true);
    peer.repair.set_refusing(None);
    match context.owner.mode {
        Mode::Normal => {
            count::tell(context, peer).await;
            forget::consider(context).await;
        }
        Mode::Learning => count::ask(context, peer).await,
    }
    peer.repair.end(false, false);
}

/// Repairs a peer that has told that it holds this.
async fn run<P: Platform>(context: Shared<P>, peer: Rc<Peer<Stream<P>>>, held: Print) {
    if let Some(way) = peer.way() {
        control::note(&context, peer.id, &way).await;
    }
    if context.owner.replicas != Replicas::All && context.owner.started.elapsed() < PLACEMENT_AFTER_START {
        return peer.repair.end(false, false);
    }
    let steps = context.owner.repair_log.steps();
    let expected = compare::Expected { peer: peer.id, placement: placement::long_run(&context) };
    let Ok((last, current)) = expected.look(&context, Summary::print).await else {
        return peer.repair.end(true, false);
    };
    if current == held {
        return has_all(&context, &peer, last).await;
    }
    peer.repair.set_progress(Progress::Behind);
    if peer.repair.is_refused((held, current)) {
        return peer.repair.end(false, false);
    }
    let (done, result) = compare::all(&context, &peer, &expected).await;
    peer.repair.set_compared(result.is_ok() && done.unlearnt == 0);
    peer.repair.set_knows_deletions((result.is_ok() && done.untold == 0).then_some(last));
    let refusing = done.refusing();
    if result.is_ok() || refusing.is_some() {
        peer.repair.set_refusing(refusing);
    }
    let is_refused = result.is_ok() && done.is_all_over_quota();
    peer.repair.set_refused(is_refused.then_some((held, current)));
    let failure = result.as_ref().err().filter(|error| !matches!(error, RepairError::Changed));
    // What another repair has changed is looked at anew after the next heartbeat.
    let is_outrun = failure.is_none() && context.owner.repair_log.steps() > steps;
    let has_failed = (result.is_err() && !is_outrun) || done.failed + done.kept > 0;
    let has_mended = done.sent + done.learnt + done.released > 0;
    peer.repair.set_keeps(done.kept > 0);
    if done.sent > 0 {
        let others = context.peers.connected().into_iter().filter(|other| other.id != peer.id);
        others.for_each(|other| other.repair.hear_of_other());
    }
    match context.owner.mode {
        Mode::Normal => forget::consider(&context).await,
        Mode::Learning => count::ask(&context, &peer).await,
    }
    if context.owner.mode == Mode::Learning && result.is_ok() && !has_failed && done.unlearnt == 0 {
        // What the peer holds is known to this node, whatever the peer lacks.
        peer.repair.set_progress(Progress::Current);
    }
    match done {
        // What differed was on its way to the peer, or is still held in two places.
        Done { sent: 0, learnt: 0, released: 0, failed: 0, .. } => {}
        Done { sent, learnt, released, failed, .. } => {
            context.tell(&Event::PeerRepaired { peer: peer.id, sent, learnt, released, failed });
        }
    }
    if let Some(error) = failure {
        context.tell(&Event::RepairFailed { peer: peer.id, reason: error.to_string() });
    }
    peer.repair.end(has_failed, has_mended);
}
