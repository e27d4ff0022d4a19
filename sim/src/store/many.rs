//! Files that are stored many at a time, so that lists, comparisons, scrubs and conversions have more than one page to
//! go through. No other call has their keys.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::{Key, NodeId};
use dacapo::node::{Content, DeleteError, Handle, StoreError};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::call::MARKER;
use super::history::{ContentDigest, HistoryEntry, Outcome, digest, peers_in};
use crate::host::Host;

/// How many of the files are stored or deleted at a time.
const AT_ONCE: u16 = 64;

/// How long a call goes on with further files.
const PATIENCE: Duration = Duration::from_secs(20);

const KEY_BEGIN: &str = "picture_many_";
const KEY_END: &str = ".png";

/// What is known of one of the files of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A call is under way, or has ended so that nobody knows.
    Unknown,
    /// It was stored with this content last, and these peers have acknowledged it.
    There(ContentDigest, Vec<NodeId>),
    /// It was deleted everywhere last.
    Gone,
}

/// What is known of all these files. Clones are the same.
#[derive(Clone, Default)]
pub struct Many {
    files: Rc<RefCell<BTreeMap<(Host, u16), Known>>>,
}

struct Known {
    fate: Fate,
    /// How many calls have begun, and how many are under way or may take effect later.
    begun: u32,
    open: u32,
}

impl Many {
    /// Stores so many of the files.
    pub(super) async fn store(&self, node: &Handle, entry: &HistoryEntry, count: u16) -> Outcome {
        let call = entry.number;
        let store = move |node: Handle, number: u16| async move {
            let content = [MARKER, format!(" {number} of call {call}").as_bytes()].concat();
            let digest = digest(&content);
            match node.store(&key(number), Content::bytes(content)).await {
                Ok(stored) => Some(Fate::There(digest, peers_in(&stored.receipts))),
                Err(StoreError::Rejected(_)) => None,
                Err(StoreError::Unconfirmed(_)) => Some(Fate::Unknown),
            }
        };
        self.each(node, entry.host, (0..count).collect(), store).await
    }

    /// Deletes all of the files everywhere that were ever stored.
    pub(super) async fn erase(&self, node: &Handle, host: Host) -> Outcome {
        let erase = |node: Handle, number: u16| async move {
            match node.delete_everywhere(&key(number)).await {
                Ok(_) => Some(Fate::Gone),
                Err(DeleteError::NotFound | DeleteError::Rejected(_)) => None,
                Err(_) => Some(Fate::Unknown),
            }
        };
        let numbers = self.files.borrow().keys().filter(|(at, _)| *at == host).map(|(_, number)| *number).collect();
        self.each(node, host, numbers, erase).await
    }

    /// Does something to each file until something fails. What it returns is what is known then; `None` if it has
    /// changed nothing.
    async fn each<F>(&self, node: &Handle, host: Host, numbers: Vec<u16>, work: impl Fn(Handle, u16) -> F) -> Outcome
    where
        F: Future<Output = Option<Fate>> + 'static,
    {
        let begun = Instant::now();
        let mut done = 0;
        for numbers in numbers.chunks(usize::from(AT_ONCE)) {
            let mut calls = JoinSet::new();
            for number in numbers.iter().copied() {
                let (turn, call, this) = (self.begin(host, number), work(node.clone(), number), self.clone());
                calls.spawn_local(async move {
                    let fate = call.await;
                    let is_done = matches!(fate, Some(Fate::There(..) | Fate::Gone));
                    this.end((host, number), turn, fate);
                    is_done
                });
            }
            let all = calls.join_all().await;
            done += all.iter().filter(|is_done| **is_done).count();
            if all.contains(&false) || begun.elapsed() > PATIENCE {
                break;
            }
        }
        Outcome::Many(done)
    }

    /// Notes that a call about a file begins. Returns what `end` wants to know.
    fn begin(&self, host: Host, number: u16) -> (u32, Fate) {
        let mut files = self.files.borrow_mut();
        let known = files.entry((host, number)).or_insert(Known { fate: Fate::Gone, begun: 0, open: 0 });
        known.begun += 1;
        known.open += 1;
        (known.begun, std::mem::replace(&mut known.fate, Fate::Unknown))
    }

    fn end(&self, file: (Host, u16), (turn, before): (u32, Fate), fate: Option<Fate>) {
        let mut files = self.files.borrow_mut();
        let known = files.get_mut(&file).expect("it has begun");
        let is_alone = known.begun == turn && known.open == 1;
        match fate {
            // It may take effect later.
            Some(Fate::Unknown) => return,
            Some(fate) if is_alone => known.fate = fate,
            None if is_alone => known.fate = before,
            _ => {}
        }
        known.open -= 1;
    }

    /// Returns what is known of each file of a host.
    #[must_use]
    pub fn of(&self, host: Host) -> Vec<(u16, Fate)> {
        let files = self.files.borrow();
        files
            .iter()
            .filter(|((at, _), _)| *at == host)
            .map(|((_, number), known)| (*number, known.fate.clone()))
            .collect()
    }
}

/// Returns the key of one of the files.
///
/// # Panics
/// Never: the name is a valid key.
#[must_use]
pub fn key(number: u16) -> Key {
    format!("{KEY_BEGIN}{number}{KEY_END}").parse().expect("a plain name is a key")
}

/// Returns the number of one of the files.
#[must_use]
pub fn number(key: &Key) -> Option<u16> {
    key.as_str().strip_prefix(KEY_BEGIN)?.strip_suffix(KEY_END)?.parse().ok()
}
