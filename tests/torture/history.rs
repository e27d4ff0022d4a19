//! The calls of all clients and their answers, and whether a store that keeps its promises can have given them. They
//! are judged when all calls have ended: by then the history has every store, and also one that was still running when
//! a get saw it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use dacapo::crypto::Version;

/// One call that has ended, with its place in the order of all begins and ends.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) key: String,
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Acknowledged(u64, Version),
    /// Perhaps stored.
    Unconfirmed(u64),
    /// Certainly not stored.
    Rejected(u64),
    Got {
        content: u64,
        version: Version,
        from_peer: bool,
    },
    /// There is no such file.
    Absent,
    /// A get that says why it has no answer.
    Failed,
}

/// The notes of all clients.
#[derive(Default)]
pub(crate) struct History {
    clock: AtomicU64,
    calls: Mutex<Vec<Call>>,
    /// Answers that are wrong by themselves, whatever else happened.
    broken: Mutex<Vec<String>>,
    lost: Mutex<Vec<LostLife>>,
    /// The newest version of each file that a peer has acknowledged.
    held: Mutex<BTreeMap<String, Version>>,
}

/// A node whose directory was put back from a copy: what happened between the two moments counts again only once a peer
/// has told the node of it.
#[derive(Clone, Debug)]
pub(crate) struct LostLife {
    pub(crate) node: &'static str,
    pub(crate) copied: u64,
    pub(crate) put_back: u64,
}

impl LostLife {
    /// Whether a call belongs to the life that was lost, for all that come after.
    fn has(&self, call: &Call) -> bool {
        call.ended >= self.copied && call.begun <= self.put_back
    }
}

impl History {
    /// Returns the next moment.
    pub(crate) fn moment(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn add(&self, key: &str, begun: u64, answer: Answer) {
        let call = Call { key: key.to_owned(), begun, ended: self.moment(), answer };
        self.calls.lock().expect("no client panicked").push(call);
    }

    pub(crate) fn broke(&self, what: String) {
        self.broken.lock().expect("no client panicked").push(what);
    }

    /// Notes that a directory was put back.
    pub(crate) fn put_back(&self, life: LostLife) {
        self.lost.lock().expect("no client panicked").push(life);
    }

    /// Notes that a peer has a version of a file.
    pub(crate) fn held(&self, key: &str, version: Version) {
        let mut held = self.held.lock().expect("no client panicked");
        let newest = held.entry(key.to_owned()).or_insert(version);
        *newest = version.max(*newest);
    }

    /// Returns every file whose last answer is older than what a peer has acknowledged.
    pub(crate) fn judge_held(&self) -> Vec<String> {
        let calls = self.calls.lock().expect("no client panicked");
        let held = self.held.lock().expect("no client panicked");
        let last = |key: &str| calls.iter().rfind(|call| call.key == key).map(|call| call.answer);
        let is_there = |key: &str, held: Version| match last(key) {
            Some(Answer::Got { version, .. } | Answer::Acknowledged(_, version)) => version >= held,
            _ => false,
        };
        let missing = held.iter().filter(|(key, version)| !is_there(key, **version));
        missing
            .map(|(key, version)| format!("{key}: a peer has {version}, and the last answer is {:?}", last(key)))
            .collect()
    }

    pub(crate) fn count(&self, is_counted: impl Fn(&Answer) -> bool) -> usize {
        self.calls.lock().expect("no client panicked").iter().filter(|call| is_counted(&call.answer)).count()
    }

    /// Returns every answer that breaks a promise.
    pub(crate) fn judge(&self) -> Vec<String> {
        let mut broken = self.broken.lock().expect("no client panicked").clone();
        let mut keys: BTreeMap<String, Vec<Call>> = BTreeMap::new();
        for call in self.calls.lock().expect("no client panicked").iter() {
            keys.entry(call.key.clone()).or_default().push(call.clone());
        }
        let lost = self.lost.lock().expect("no client panicked");
        for (key, calls) in keys {
            let lives: Vec<_> = lost.iter().filter(|life| key.split('/').next() == Some(life.node)).cloned().collect();
            broken.extend(judge_key(&calls, &lives).into_iter().map(|what| format!("{key}: {what}")));
        }
        broken
    }
}

fn judge_key(calls: &[Call], lost: &[LostLife]) -> Vec<String> {
    let mut broken = judge_versions(calls, lost);
    for call in calls {
        let floor = floor(calls, call, lost);
        let Call { begun, ended, answer, .. } = call;
        match (answer, floor) {
            (Answer::Got { version, .. }, Some(floor)) if *version < floor => {
                broken.push(format!("the get {begun}..{ended} went back to {version} behind {floor}"));
            }
            (Answer::Absent, Some(floor)) => {
                broken.push(format!("the get {begun}..{ended} found nothing, and {floor} was stored"));
            }
            (Answer::Acknowledged(content, version), Some(floor)) if *version <= floor => {
                broken.push(format!("content {content} was stored as {version} after {floor}"));
            }
            _ => {}
        }
        if let Answer::Got { content, .. } = answer {
            broken.extend(judge_content(calls, call, *content));
        }
    }
    broken
}

/// Returns what is wrong if a get gave content that no client had stored or was storing.
fn judge_content(calls: &[Call], get: &Call, wanted: u64) -> Option<String> {
    let is_store = |call: &&Call| match call.answer {
        Answer::Acknowledged(content, _) | Answer::Unconfirmed(content) | Answer::Rejected(content) => {
            content == wanted
        }
        _ => false,
    };
    let Call { begun, ended, .. } = get;
    match calls.iter().find(is_store) {
        None => Some(format!("the get {begun}..{ended} gave content {wanted}, which nobody stored")),
        Some(store) if store.begun > get.ended => {
            Some(format!("the get {begun}..{ended} gave content {wanted} before it was stored"))
        }
        Some(Call { answer: Answer::Rejected(_), .. }) => {
            Some(format!("the get {begun}..{ended} gave content {wanted}, which was certainly not stored"))
        }
        Some(_) => None,
    }
}

/// Finds contents with two versions, and versions with two contents. What was stored after a directory was put back may
/// have got a new version.
fn judge_versions(calls: &[Call], lost: &[LostLife]) -> Vec<String> {
    let (mut versions, mut contents) = (BTreeMap::new(), BTreeMap::new());
    let mut broken = Vec::new();
    for call in calls {
        let (Answer::Acknowledged(content, version) | Answer::Got { content, version, .. }) = call.answer else {
            continue;
        };
        let known = *versions.entry(content).or_insert(version);
        if known != version && lost.is_empty() {
            broken.push(format!("content {content} is {known} and {version}"));
        }
        let known = *contents.entry(version).or_insert(content);
        if known != content {
            broken.push(format!("{version} is content {known} and content {content}"));
        }
    }
    broken
}

/// Returns the newest version that was acknowledged or given before a call began, and not in a life that was lost. A
/// call that began before a directory was put back may have reached its node after that.
fn floor(calls: &[Call], judged: &Call, lost: &[LostLife]) -> Option<Version> {
    let is_lost = |call: &Call| lost.iter().any(|life| life.put_back <= judged.ended && life.has(call));
    let earlier = calls.iter().filter(|call| call.ended < judged.begun && !is_lost(call));
    let seen = earlier.filter_map(|call| match call.answer {
        Answer::Acknowledged(_, version) | Answer::Got { version, .. } => Some(version),
        _ => None,
    });
    seen.max()
}

#[cfg(test)]
mod planted {
    use super::*;

    fn got(content: u64, version: u64) -> Answer {
        Answer::Got { content, version: Version(version), from_peer: false }
    }

    fn acknowledged(content: u64, version: u64) -> Answer {
        Answer::Acknowledged(content, Version(version))
    }

    /// Judges calls that were made one after the other.
    fn judged(answers: &[Answer]) -> Vec<String> {
        let call = |(at, answer): (u64, &Answer)| {
            let (begun, ended) = (2 * at, 2 * at + 1);
            Call { key: "k".to_owned(), begun, ended, answer: *answer }
        };
        judge_key(&(0..).zip(answers).map(call).collect::<Vec<_>>(), &[])
    }

    #[test]
    fn what_was_stored_between_a_copy_and_its_return_may_be_gone_and_nothing_else() {
        let history = History::default();
        let call = |answer| history.add("n1/k", history.moment(), answer);
        call(acknowledged(1, 1));
        let copied = history.moment();
        call(acknowledged(2, 2));
        call(got(2, 2));
        let begun = history.moment();
        history.put_back(LostLife { node: "n1", copied, put_back: history.moment() });
        history.add("n1/k", begun, got(1, 1));
        call(got(1, 1));
        assert_eq!(history.judge(), [""; 0]);
        history.held("n1/k", Version(2));
        assert_eq!(history.judge_held().len(), 1, "a peer has it");
        call(got(2, 2));
        assert_eq!(history.judge_held(), [""; 0]);
        call(Answer::Absent);
        assert_eq!(history.judge().len(), 1, "it was there after the return");
    }

    #[test]
    fn answers_that_keep_the_promises_pass() {
        for answers in [
            &[Answer::Absent, acknowledged(1, 1), got(1, 1), acknowledged(2, 5), got(2, 5)][..],
            &[acknowledged(1, 1), Answer::Unconfirmed(2), got(1, 1), Answer::Failed, got(2, 2), got(2, 2)],
            &[Answer::Rejected(1), Answer::Unconfirmed(2), Answer::Absent, got(2, 3), acknowledged(3, 4)],
        ] {
            assert_eq!(judged(answers), [""; 0]);
        }
    }

    #[test]
    fn every_broken_promise_is_found() {
        for (answers, expected) in [
            (&[acknowledged(1, 1), acknowledged(2, 2), got(1, 1)][..], "the get 4..5 went back to v1 behind v2"),
            (
                &[acknowledged(1, 1), Answer::Unconfirmed(2), got(2, 2), got(1, 1)],
                "the get 6..7 went back to v1 behind v2",
            ),
            (&[acknowledged(1, 1), Answer::Absent], "the get 2..3 found nothing, and v1 was stored"),
            (&[acknowledged(1, 2), acknowledged(2, 2)], "v2 is content 1 and content 2"),
            (&[acknowledged(1, 2), acknowledged(2, 1)], "content 2 was stored as v1 after v2"),
            (&[acknowledged(1, 1), got(1, 2)], "content 1 is v1 and v2"),
            (&[got(1, 1)], "the get 0..1 gave content 1, which nobody stored"),
            (&[got(1, 1), acknowledged(1, 1)], "the get 0..1 gave content 1 before it was stored"),
            (&[Answer::Rejected(1), got(1, 1)], "the get 2..3 gave content 1, which was certainly not stored"),
        ] {
            let found = judged(answers);
            assert!(found.iter().any(|found| found == expected), "{expected}: {found:?}");
        }
    }
}
