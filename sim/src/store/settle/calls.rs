//! Whether calls do what they are for after the faults, when all is well: a store reaches every peer, calls that ask
//! which peers hold a file name them, those that need peers find them, and a deletion everywhere reaches all.

use dacapo::crypto::NodeId;
use dacapo::limits::EAGER_BYTES_MAX;
use dacapo::node::Quota;

use crate::host::Host;
use crate::store::bug::Bug;
use crate::store::call::{Call, LAST_KEY, Reading, Source};
use crate::store::files::Files;
use crate::store::history::{HistoryEntry, Outcome};
use crate::store::options::quota;
use crate::store::oracle::trust::has_its_word;
use crate::store::oracle::{self, convergent};
use crate::store::perform::perform;
use crate::subject::{Broken, Scene};

/// How long the content is: it does not go out together with its announcement.
const SIZE: u32 = 61_540;
const _: () = assert!(SIZE as u64 > EAGER_BYTES_MAX, "it has to be announced");

/// Makes a call, which goes into the history and is judged as every other, and returns what came of it.
pub(super) async fn make(scene: &Scene<Files>, host: Host, call: Call, bug: Option<Bug>) -> Result<Outcome, Broken> {
    let moment = scene.clients.begin();
    let entry = HistoryEntry::new(scene.clients.count(), host, call, moment);
    let index = scene.clients.add(entry.clone());
    let outcome = perform(scene, &entry, bug).await;
    let outcome = bug.map_or(outcome.clone(), |bug| bug.lie(&scene.clients, host, call, outcome));
    oracle::judge_answer(scene, &entry, &outcome)?;
    scene.clients.end(index, outcome.clone());
    scene.clients.look_at(index, |history, read| oracle::judge_read(scene, history, read))?;
    Ok(outcome)
}

/// Makes each such call on one of the hosts, about a file of its own.
pub(super) async fn do_what_they_are_for(scene: &Scene<Files>, bug: Option<Bug>) -> Result<(), Broken> {
    let hosts = 0..scene.plan.nodes;
    let has_quota = |host: Host| quota(&scene.clients.options_now(&scene.plan, host)) != Quota::default();
    // A liar answers what it likes, nobody knows which of two twins does, and a peer may have no room.
    let is_plain = |host: Host| has_its_word(scene, host) && !has_quota(host);
    if !scene.plan.lost_for_good().is_empty() || !hosts.clone().all(is_plain) {
        return Ok(());
    }
    let host = usize::try_from(scene.plan.seed % hosts.len() as u64).expect("there are few hosts");
    let key = LAST_KEY;
    for (size, source) in [(SIZE, Source::Memory), (SIZE + 1, Source::Stream)] {
        let stored = make(scene, host, Call::Store { key, size, source }, bug).await?;
        match stored {
            Outcome::Stored { holders, told, .. } if holders == told => {}
            other => return Err(failed(host, &format!("a new file was {other}"))),
        }
    }
    let holders = convergent::holders_of(scene, host, key).await.map_err(|what| failed(host, &what))?;
    for is_whole in [false, true] {
        let told = make(scene, host, Call::Holders { key, is_whole }, bug).await?;
        let is_named = |peer: &NodeId| matches!(&told, Outcome::Held(named) if named.contains(peer));
        if let Some(peer) = holders.iter().find(|peer| !is_named(peer)) {
            return Err(failed(host, &format!("{} holds the new file, which was said to be {told}", peer.short())));
        }
    }
    for (call, is_right) in steps(key).into_iter().filter(|_| !holders.is_empty()) {
        let outcome = make(scene, host, call, bug).await?;
        if !is_right(&outcome) {
            return Err(failed(host, &format!("{call} of a new file, which peers hold: {outcome}")));
        }
    }
    Ok(())
}

/// A call, and what has to come of it.
type Step = (Call, fn(&Outcome) -> bool);

/// Returns the calls for a file that is here and at a peer.
fn steps(key: u8) -> [Step; 4] {
    [
        (Call::Delete { key, held_by: 1 }, |outcome| *outcome == Outcome::Deleted),
        (Call::Get { key, reading: Reading::Unkept }, |outcome| matches!(outcome, Outcome::Got(_))),
        (Call::Erase { key, is_known: true }, has_reached_all),
        (Call::Stat { key }, |outcome| *outcome == Outcome::NotFound),
    ]
}

fn has_reached_all(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Erased { peers, told, .. } if peers == told)
}

fn failed(host: Host, what: &str) -> Broken {
    Broken::new("available", format!("after the faults, on n{host}: {what}"))
}
