//! What a node says of itself, and whether it can be right.

use std::error::Error;

use dacapo::crypto::NodeId;
use dacapo::node::{DiskCheckError, Handle};

use super::call::Call;
use super::files::Files;
use super::history::{HistoryEntry, Outcome, Told};
use crate::host::{HOSTS_MAX, Host};
use crate::subject::Scene;

/// Asks a node for all that it says of itself.
pub(super) async fn ask(scene: &Scene<Files>, node: &Handle) -> Result<Told, Box<dyn Error>> {
    // A node that has stopped says that it has forgotten nobody, and does not answer what is asked then.
    let forgotten = node.forgotten().await;
    let status = node.status().await?;
    node.repairs().await?;
    let is_disk_good = match node.check_disk().await {
        Err(error @ DiskCheckError::Stopped) => return Err(error.into()),
        checked => checked.is_ok(),
    };
    let mut held = Vec::new();
    for owner in (0..HOSTS_MAX).filter_map(|host| scene.clients.id(host)).filter(|owner| *owner != node.node()) {
        held.push((owner, node.held_for(owner).await?));
    }
    Ok(Told { files: status.files, forgotten, held, is_disk_good })
}

/// Returns how many files a host has at least and at most; `None` if a call is under way that changes that.
#[must_use]
pub fn files(history: &[HistoryEntry], asked: &HistoryEntry, many: u64) -> Option<(u64, u64)> {
    let of_host = || history.iter().filter(|entry| entry.host == asked.host);
    let is_many =
        |entry: &&HistoryEntry| matches!(entry.call, Call::StoreMany(_) | Call::EraseMany | Call::PutFolder(_));
    if of_host().filter(is_many).any(|entry| entry.end() > asked.begun || entry.begun > asked.begun) {
        return None;
    }
    let of_file = |key: u8| of_host().filter(move |entry| entry.key == Some(key));
    let is_there = |key: &u8| {
        let is_stored =
            |entry: &HistoryEntry| matches!(entry.outcome(), Some(Outcome::Stored { .. })) && entry.end() < asked.begun;
        of_file(*key).any(is_stored) && !of_file(*key).any(|entry| matches!(entry.call, Call::Erase { .. }))
    };
    let least = (0..=u8::MAX).filter(is_there).count() as u64;
    let most = (0..=u8::MAX).filter(|key| of_file(*key).any(HistoryEntry::may_be_stored)).count() as u64;
    Some((least, most + many))
}

/// Compares whom a node has forgotten with what it was told before a moment.
///
/// # Errors
/// Returns what it has done against its last order.
pub fn obeys(scene: &Scene<Files>, host: Host, forgotten: &[NodeId], before: u64) -> Result<(), String> {
    for other in (0..scene.plan.nodes).filter(|other| *other != host) {
        let Some(id) = scene.clients.id(other) else { continue };
        let is_forgotten = forgotten.contains(&id);
        if is_to_be_forgotten(scene, host, other, before).is_some_and(|is_to_be| is_to_be != is_forgotten) {
            let what = if is_forgotten { "has forgotten" } else { "has not forgotten" };
            return Err(format!("{what} n{other}, against its last order"));
        }
    }
    Ok(())
}

/// Whether a host was told last to forget another one. `None` if nobody can know: an order was not acknowledged, or is
/// not older than a moment, two of them came at once, or the disk that knew it was put back.
#[must_use]
fn is_to_be_forgotten(scene: &Scene<Files>, host: Host, other: Host, before: u64) -> Option<bool> {
    let history = scene.clients.history();
    let is_order = |entry: &&HistoryEntry| {
        entry.host == host && entry.call.member() == Some(other) && entry.outcome() != Some(&Outcome::NotFound)
    };
    let orders: Vec<_> = history.iter().filter(is_order).collect();
    let ended = |order: &HistoryEntry| match &order.ended {
        Some((end, Outcome::MembersChanged)) if !order.is_lost && *end < before => Some(*end),
        _ => None,
    };
    let ends = orders.iter().map(|order| ended(order)).collect::<Option<Vec<_>>>()?;
    let overlap = orders.iter().skip(1).zip(&ends).any(|(later, end)| later.begun < *end);
    if overlap || scene.clients.was_put_back(host) || scene.clients.is_reborn(other) {
        return None;
    }
    Some(orders.last().is_some_and(|order| matches!(order.call, Call::Forget(_))))
}
