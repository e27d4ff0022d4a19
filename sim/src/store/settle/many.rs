//! Whether files that were stored many at a time are there after the faults.

use std::collections::{BTreeMap, BTreeSet};

use dacapo::crypto::NodeId;
use dacapo::node::Replicas;
use tokio::time::{Instant, sleep};

use super::waits::{LOOK_AGAIN, RELEARNT_WITHIN};
use crate::host::Host;
use crate::store::bug::Bug;
use crate::store::call::Call;
use crate::store::files::Files;
use crate::store::history::{digest, may_come_back};
use crate::store::listing::{first_page, list};
use crate::store::many::{self, Fate};
use crate::store::options::replicas;
use crate::store::oracle::available::is_history_torn;
use crate::store::oracle::live;
use crate::store::oracle::trust::{has_its_word, is_as_left};
use crate::subject::{Broken, Scene};

/// One in how many of the files is read.
const READ_ONE_IN: usize = 61;

/// Checks the files of a host.
pub(super) async fn are_right(scene: &Scene<Files>, host: Host, bug: Option<Bug>) -> Result<(), Broken> {
    let known = scene.clients.many.of(host);
    if known.is_empty() || is_history_torn(scene, host) {
        return Ok(());
    }
    let (begun, kept) = (Instant::now(), Kept::of(scene, host));
    while let Err(what) = judge(scene, host, (&known, &kept), bug).await? {
        if begun.elapsed() > RELEARNT_WITHIN {
            return Err(Broken::new("durable", format!("after the faults, {what}")));
        }
        sleep(LOOK_AGAIN).await;
    }
    let there = known.iter().filter_map(|(number, fate)| match fate {
        Fate::There(digest, holders) if kept.has(scene, holders) => Some((*number, *digest)),
        _ => None,
    });
    for (number, stored) in there.step_by(READ_ONE_IN) {
        let failed = |what: String| Broken::new("available", format!("{} of n{host}: {what}", many::key(number)));
        let fetched = live::node(scene, host)?.get(&many::key(number)).await;
        let content = fetched.map_err(|error| failed(error.to_string()))?.read_all().await;
        if digest(&content.map_err(|error| failed(error.to_string()))?) != stored {
            return Err(Broken::new("faithful", format!("{} of n{host} has other content", many::key(number))));
        }
    }
    Ok(())
}

/// Compares what a node lists with what is known of the files.
async fn judge(
    scene: &Scene<Files>,
    host: Host,
    (known, kept): (&[(u16, Fate)], &Kept),
    bug: Option<Bug>,
) -> Result<Result<(), String>, Broken> {
    let node = live::node(scene, host)?;
    let files = if bug == Some(Bug::PageLost) { first_page(&node).await } else { list(&node).await };
    let files = files.map_err(|error| Broken::new("live", format!("n{host} cannot list its files: {error}")))?;
    let listed: BTreeMap<_, _> =
        files.iter().filter_map(|file| Some((many::number(&file.key)?, file.is_local))).collect();
    let is_as_left = kept.is_here;
    let may_come_back = may_come_back(&scene.clients.history(), host, &scene.clients.options_ever(&scene.plan, host));
    for (number, fate) in known {
        let (key, found) = (many::key(*number), listed.get(number));
        let what = match (fate, found) {
            (Fate::There(_, holders), None) if kept.has(scene, holders) => "does not list",
            (Fate::There(..), Some(false)) if is_as_left => "has no local copy of",
            (Fate::Gone, Some(_)) if is_as_left && !may_come_back => "has again",
            _ => continue,
        };
        return Ok(Err(format!("n{host} {what} {key}, one of {} files", known.len())));
    }
    Ok(Ok(()))
}

/// Where a file that was acknowledged must be.
struct Kept {
    /// Whether the disk of its host has it.
    is_here: bool,
    /// The hosts from which it comes back if they have acknowledged it.
    there: BTreeSet<Host>,
}

impl Kept {
    fn of(scene: &Scene<Files>, host: Host) -> Self {
        let history = scene.clients.history();
        let has_forgotten =
            |at: Host| history.iter().any(|entry| entry.host == at && matches!(entry.call, Call::Forget(_)));
        let is_on_all = replicas(&scene.clients.options_ever(&scene.plan, host)) == Replicas::All;
        let lost = scene.plan.lost_for_good();
        let comes_back = is_on_all && has_its_word(scene, host) && !has_forgotten(host);
        let keeps = |at: &Host| comes_back && is_as_left(scene, *at) && !lost.contains(at) && !has_forgotten(*at);
        Self { is_here: is_as_left(scene, host), there: (0..scene.plan.nodes).filter(keeps).collect() }
    }

    /// Whether a file must be there that these peers have acknowledged.
    fn has(&self, scene: &Scene<Files>, holders: &[NodeId]) -> bool {
        let mut at = holders.iter().filter_map(|holder| scene.clients.host(*holder));
        self.is_here || at.any(|at| self.there.contains(&at))
    }
}
