//! Files that are stored many at a time, so that lists, comparisons, scrubs and conversions have more than one page to
//! go through. No other call has their keys.

mod folder;
mod local;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use dacapo::crypto::{Attributes, Key, NodeId};
use dacapo::folder::{FilePath, Prefix};
use dacapo::node::{Content, DeleteError, Handle, StoreError};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::call::MARKER;
use super::history::{ContentDigest, HistoryEntry, Outcome, digest, peers_in};
use crate::host::Host;
use local::Folder;

/// How many of the files are stored or deleted at a time.
const AT_ONCE: u16 = 64;

/// How long a call goes on with further files.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the keys begin with, up to a `/`, and what they end with.
const PREFIX: &str = "picture_many";
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

/// What came of a call about one of the files.
enum Done {
    /// Nothing.
    Failed,
    /// It was to be left as it is.
    Unchanged,
    /// This is known now.
    Now(Fate),
}

/// What is known of all these files, and the folders that they lie in on the machines of their owners. Clones are the
/// same.
#[derive(Clone, Default)]
pub struct Many {
    files: Rc<RefCell<BTreeMap<(Host, u16), Known>>>,
    folders: Rc<RefCell<BTreeMap<Host, Folder>>>,
}

struct Known {
    fate: Fate,
    /// All that calls were to store, with when it had changed if that was said.
    ever: BTreeSet<(ContentDigest, Option<i64>)>,
    /// How many calls have begun, and how many are under way or may take effect later.
    begun: u32,
    open: u32,
}

impl Many {
    /// Stores so many of the files.
    pub(super) async fn store(&self, node: &Handle, entry: &HistoryEntry, count: u16) -> Outcome {
        let (call, host) = (entry.number, entry.host);
        let store = |node: Handle, number: u16| {
            let content = [MARKER, format!(" {number} of call {call}").as_bytes()].concat();
            self.clone().store_one(node, (host, number), content, None)
        };
        self.each(node, host, (0..count).collect(), store).await
    }

    /// Deletes all of the files everywhere that were ever stored.
    pub(super) async fn erase(&self, node: &Handle, host: Host) -> Outcome {
        let numbers = self.files.borrow().keys().filter(|(at, _)| *at == host).map(|(_, number)| *number).collect();
        self.each(node, host, numbers, Self::erase_one).await
    }

    async fn erase_one(node: Handle, number: u16) -> Done {
        match node.delete_everywhere(&key(number)).await {
            Ok(_) => Done::Now(Fate::Gone),
            Err(DeleteError::NotFound | DeleteError::Rejected(_)) => Done::Failed,
            Err(_) => Done::Now(Fate::Unknown),
        }
    }

    async fn store_one(
        self,
        node: Handle,
        file: (Host, u16),
        content: Vec<u8>,
        attributes: Option<Attributes>,
    ) -> Done {
        let digest = digest(&content);
        let changed = attributes.map(|attributes| attributes.changed_s);
        self.files.borrow_mut().get_mut(&file).expect("it has begun").ever.insert((digest, changed));
        match node.store(&key(file.1), Content::bytes(content).with_attributes(attributes)).await {
            Ok(stored) => Done::Now(Fate::There(digest, peers_in(&stored.receipts))),
            Err(StoreError::Rejected(_)) => Done::Failed,
            Err(StoreError::Unconfirmed(_)) => Done::Now(Fate::Unknown),
        }
    }

    /// Does something to each file until something fails.
    async fn each<F>(&self, node: &Handle, host: Host, numbers: Vec<u16>, work: impl Fn(Handle, u16) -> F) -> Outcome
    where
        F: Future<Output = Done> + 'static,
    {
        let begun = Instant::now();
        let mut done = 0;
        for numbers in numbers.chunks(usize::from(AT_ONCE)) {
            let mut calls = JoinSet::new();
            for number in numbers.iter().copied() {
                let (turn, call, this) = (self.begin(host, number), work(node.clone(), number), self.clone());
                calls.spawn_local(async move {
                    let done = call.await;
                    let is_done = !matches!(done, Done::Failed | Done::Now(Fate::Unknown));
                    this.end((host, number), turn, done);
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

    /// Notes that a call about a file begins. Returns what `end` wants to know: no turn if another call is under way,
    /// for the one that ends last need not be the one that has taken effect last.
    fn begin(&self, host: Host, number: u16) -> (Option<u32>, Fate) {
        let mut files = self.files.borrow_mut();
        let known =
            files.entry((host, number)).or_insert(Known { fate: Fate::Gone, ever: BTreeSet::new(), begun: 0, open: 0 });
        known.begun += 1;
        known.open += 1;
        let turn = (known.open == 1).then_some(known.begun);
        (turn, std::mem::replace(&mut known.fate, Fate::Unknown))
    }

    fn end(&self, file: (Host, u16), (turn, before): (Option<u32>, Fate), done: Done) {
        let mut files = self.files.borrow_mut();
        let known = files.get_mut(&file).expect("it has begun");
        let is_alone = turn == Some(known.begun) && known.open == 1;
        match done {
            // It may take effect later.
            Done::Now(Fate::Unknown) => return,
            Done::Now(fate) if is_alone => known.fate = fate,
            Done::Failed | Done::Unchanged if is_alone => known.fate = before,
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
    let path = FilePath::new(&format!("{number}{KEY_END}")).expect("a plain name is a place");
    prefix().key(&path).expect("a plain name is a key")
}

/// Returns the number of one of the files.
#[must_use]
pub fn number(key: &Key) -> Option<u16> {
    prefix().path(key).ok()?.as_str().strip_suffix(KEY_END)?.parse().ok()
}

fn prefix() -> Prefix {
    Prefix::new(PREFIX).expect("a plain name is a folder")
}
