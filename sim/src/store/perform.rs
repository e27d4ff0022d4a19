//! The calls of clients, made on the running nodes.

use std::io::Cursor;
use std::time::Duration;

use dacapo::crypto::NodeId;
use dacapo::limits::SOURCE_STALL_TIMEOUT;
use dacapo::membership::MemberChange;
use dacapo::node::{Content, DeleteError, GetError, Handle, Holder, Holding, StatError, StoreError};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::about::About;
use super::bug::Bug;
use super::call::{self, Call, Reading, Source};
use super::files::Files;
use super::history::{self, HistoryEntry, Outcome};
use super::http;
use super::listing::list;
use super::options::is_served;
use super::oracle::trust::is_as_left;
use super::patience::{CONSIDERS, LEAVES_AFTER, PAUSE, STALL};
use super::sources::{Fails, Never, Pause};
use super::{placed, recovery, status};
use crate::host::Host;
use crate::subject::{Broken, Scene};

/// How often a call looks whether the node has stopped.
const LOOK: Duration = Duration::from_millis(10);

/// Makes a call on the node of its host and returns the outcome.
pub(super) async fn perform(scene: &Scene<Files>, entry: &HistoryEntry, bug: Option<Bug>) -> Outcome {
    let call = entry.call;
    let Some(node) = scene.clients.node(entry.host) else { return Outcome::down(call) };
    if let Some(outcome) = over_http(scene, entry, bug).await {
        return outcome;
    }
    match call {
        Call::Store { key, size, source } => store(&node, entry, key, size, source).await,
        Call::StoreMany(count) => scene.clients.many.store(&node, entry, count).await,
        Call::EraseMany => scene.clients.many.erase(&node, entry.host).await,
        Call::PutFolder(count) => {
            let is_as_left = is_as_left(scene, entry.host);
            told(scene, entry, scene.clients.many.put_folder(&node, entry, count, is_as_left).await)
        }
        Call::GetFolder => told(scene, entry, scene.clients.many.get_folder(&node, entry.host).await),
        Call::Status => match status::ask(scene, &node).await {
            Ok(told) => Outcome::Told(told),
            Err(error) => Outcome::Failed(error.to_string()),
        },
        Call::Get { key, reading } => get(scene, &node, entry, (key, reading), bug).await,
        Call::Delete { key, held_by } => delete(&node, key, held_by).await,
        Call::Erase { key, is_known } => erase(&node, key, is_known).await,
        Call::Stat { key } => stat(&node, key).await,
        Call::Holders { key, is_whole } => holders(&node, key, is_whole).await,
        Call::List => match list(&node).await {
            Ok(files) => {
                let known = files.iter().filter_map(|file| Some((call::number(&file.key)?, About::from(file))));
                Outcome::Listed(known.collect())
            }
            Err(error) => Outcome::Failed(error.to_string()),
        },
        Call::Scrub => {
            let (told, _) = mpsc::channel(1);
            match node.scrub(told).await {
                Ok(scrubbed) => Outcome::Scrubbed { damaged: scrubbed.damaged, failed: scrubbed.failed },
                Err(error) => Outcome::Failed(error.to_string()),
            }
        }
        Call::Forget(host) => change_members(scene, &node, host, MemberChange::Forget).await,
        Call::Allow(host) => change_members(scene, &node, host, MemberChange::Allow).await,
        Call::Restart | Call::Convert | Call::Recover | Call::RestartAs(_) => {
            match call {
                Call::Convert => scene.clients.conversions.order(entry.host),
                Call::RestartAs(setting) => scene.clients.settings.order(entry.host, setting),
                _ => {}
            }
            let starts = scene.boots[entry.host].get();
            node.stop().await;
            while scene.clients.node(entry.host).is_some() && scene.boots[entry.host].get() == starts {
                sleep(LOOK).await;
            }
            if call == Call::Recover && scene.boots[entry.host].get() == starts {
                recovery::replace_disk(scene, entry.host);
            }
            Outcome::Restarted
        }
    }
}

/// Makes a call over HTTP, if its host is called so and HTTP has the call.
async fn over_http(scene: &Scene<Files>, entry: &HistoryEntry, bug: Option<Bug>) -> Option<Outcome> {
    if !is_served(&scene.clients.options_now(&scene.plan, entry.host)) {
        return None;
    }
    http::perform(scene, entry, bug).await.map(|made| told(scene, entry, made))
}

/// Notes what is wrong with an answer, if something is.
fn told(scene: &Scene<Files>, entry: &HistoryEntry, (outcome, judged): (Outcome, Result<(), String>)) -> Outcome {
    if let Err(what) = judged {
        let what = format!("call {}, n{} {}, {what}", entry.number, entry.host, entry.call);
        scene.note_broken(Broken::new("faithful", what));
    }
    outcome
}

async fn store(node: &Handle, entry: &HistoryEntry, key: u8, size: u32, source: Source) -> Outcome {
    let content = call::content(entry.number, size);
    let told = Some(u64::from(size));
    let half = Cursor::new(content[..content.len() / 2].to_vec());
    let pause = if entry.number.is_multiple_of(2) { PAUSE } else { PAUSE + SOURCE_STALL_TIMEOUT };
    let (content, patience) = match source {
        Source::Memory | Source::Held => (Content::bytes(content), None),
        Source::Stream => (Content::reader(Cursor::new(content), None), None),
        Source::Short => (Content::reader(half, told), None),
        Source::Long => (Content::reader(Cursor::new(content).chain(Cursor::new([0])), told), None),
        Source::Failing => (Content::reader(half.chain(Fails), told), None),
        Source::Stalled => (Content::reader(half.chain(Never), told), Some(STALL)),
        Source::Left => (Content::bytes(content), Some(LEAVES_AFTER)),
        Source::Slow => {
            let rest = Cursor::new(content[content.len() / 2..].to_vec());
            (Content::reader(half.chain(Pause::of(pause)).chain(rest), told), None)
        }
    };
    let key = call::key(key);
    let stored = node.store(&key, content.with_attributes(call::attributes(entry.number)));
    let replicas_min = usize::from(source == Source::Held);
    let stored = async { stored.await?.at_least(replicas_min) };
    let stored = match patience {
        Some(patience) => timeout(patience, stored).await,
        None => Ok(stored.await),
    };
    match stored {
        Ok(Ok(stored)) => Outcome::stored(entry.content().expect("a store stores something"), &stored),
        // What never came to its end cannot be there, whatever a caller learns.
        _ if source.is_unlike_told() => Outcome::Rejected,
        Ok(Err(StoreError::Rejected(_))) => Outcome::Rejected,
        Ok(Err(StoreError::Unconfirmed(_))) | Err(_) => Outcome::Unconfirmed,
    }
}

async fn get(
    scene: &Scene<Files>,
    node: &Handle,
    entry: &HistoryEntry,
    (key, reading): (u8, Reading),
    bug: Option<Bug>,
) -> Outcome {
    let got = match reading {
        Reading::Unkept => node.get_unkept(&call::key(key)).await,
        _ => node.get(&call::key(key)).await,
    };
    let mut fetched = match got {
        Ok(fetched) => fetched,
        Err(GetError::NotFound { .. } | GetError::Deleted) => return Outcome::NotFound,
        Err(error @ (GetError::Disk(_) | GetError::Stopped)) => return Outcome::Failed(error.to_string()),
        Err(error) => return Outcome::NoCopy(error.to_string()),
    };
    // Another process reads what lies there before the node goes on.
    let placed = fetched.place.as_ref().and_then(|place| placed::read(scene, entry.host, place, bug));
    let mut content = Vec::new();
    if matches!(reading, Reading::Slow | Reading::Left) {
        match fetched.chunk().await {
            Ok(piece) => content.extend(piece.unwrap_or_default()),
            Err(error) => return Outcome::Failed(error.to_string()),
        }
    }
    match reading {
        Reading::Left => return Outcome::Left,
        Reading::Slow => sleep(PAUSE).await,
        Reading::Whole | Reading::Unkept => {}
    }
    match fetched.read_all().await {
        Ok(rest) => content.extend(rest),
        Err(error) => return Outcome::Failed(error.to_string()),
    }
    let digest = history::digest(&content);
    let judged = placed::judge(scene, entry, placed, digest);
    told(scene, entry, (Outcome::Got(digest), judged))
}

async fn stat(node: &Handle, key: u8) -> Outcome {
    match node.stat(&call::key(key)).await {
        Ok(info) => Outcome::Known(About::from(&info)),
        Err(StatError::NotFound | StatError::Deleted) => Outcome::NotFound,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

async fn holders(node: &Handle, key: u8, is_whole: bool) -> Outcome {
    let is_good = |holder: &Holder| matches!(holder.holding, Holding::Current { is_fresh: true, .. });
    let key = call::key(key);
    match if is_whole { node.verified_holders(&key).await } else { node.holders(&key).await } {
        Ok(holders) => Outcome::Held(holders.into_iter().filter(is_good).map(|holder| holder.peer).collect()),
        Err(StatError::NotFound | StatError::Deleted) => Outcome::NotFound,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

async fn delete(node: &Handle, key: u8, held_by: u8) -> Outcome {
    let deleted = match held_by {
        0 => node.delete(&call::key(key)).await,
        count => node.delete_if_held(&call::key(key), count.into()).await,
    };
    match deleted {
        Ok(()) => Outcome::Deleted,
        Err(DeleteError::NotFound) => Outcome::NotFound,
        Err(DeleteError::Rejected(_)) => Outcome::Rejected,
        Err(error @ (DeleteError::TooFewReplicas { .. } | DeleteError::Changed)) => Outcome::Kept(error.to_string()),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

async fn erase(node: &Handle, key: u8, is_known: bool) -> Outcome {
    let key = call::key(key);
    let known = match is_known {
        true => match node.stat(&key).await {
            Ok(info) => Some(info.version),
            Err(StatError::NotFound | StatError::Deleted) => return Outcome::NotFound,
            Err(error) => return Outcome::Kept(error.to_string()),
        },
        false => None,
    };
    let erased = match known {
        Some(version) => {
            sleep(CONSIDERS).await;
            node.delete_version_everywhere(&key, version).await
        }
        None => node.delete_everywhere(&key).await,
    };
    match erased {
        Ok(receipts) => Outcome::erased(known, &receipts),
        Err(DeleteError::NotFound) => Outcome::NotFound,
        Err(DeleteError::Rejected(_)) => Outcome::Rejected,
        Err(error @ DeleteError::Changed) => Outcome::Kept(error.to_string()),
        Err(_) => Outcome::Unconfirmed,
    }
}

async fn change_members(
    scene: &Scene<Files>,
    node: &Handle,
    host: Host,
    change: impl FnOnce(NodeId) -> MemberChange,
) -> Outcome {
    // A node is no peer of its own, and one that never started has no id.
    let Some(id) = scene.clients.id(host).filter(|id| *id != node.node()) else { return Outcome::NotFound };
    match node.change_members(change(id)).await {
        Ok(()) => Outcome::MembersChanged,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
