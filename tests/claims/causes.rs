//! What shrinking and a sweep make of promises that are broken for several causes, with a subject that breaks what it
//! is told to.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use dacapo::seed::SeedRng;
use dacapo_sim::host::Host;
use dacapo_sim::plan::Plan;
use dacapo_sim::shrink::{other_cause, shrink};
use dacapo_sim::subject::{Boot, Broken, Ended, Scene, Subject};
use dacapo_sim::sweep::{Sweep, sweep};
use proptest::prelude::{BoxedStrategy, Strategy};

/// Breaks its promise in the way that its calls together are said to.
#[derive(Clone, Copy)]
struct Fragile {
    breaks: fn(&[u64]) -> Option<String>,
}

impl Subject for Fragile {
    type Call = u64;
    type Event = String;
    type Clients = Rc<RefCell<Vec<u64>>>;

    fn calls(&self, _swarm: &mut SeedRng, _nodes: usize) -> BoxedStrategy<u64> {
        (0..3_u64).boxed()
    }

    async fn boot(self, _boot: Boot<Self>) -> Ended {
        std::future::pending().await
    }

    async fn call(self, scene: Scene<Self>, _host: Host, _number: usize, call: u64) -> Option<String> {
        scene.clients.borrow_mut().push(call);
        Some(String::new())
    }

    async fn settle(self, scene: Scene<Self>) -> Result<(), Broken> {
        match (self.breaks)(&scene.clients.borrow()) {
            Some(what) => {
                scene.notes.note(what.clone());
                Err(Broken::new("fragile", what))
            }
            None => Ok(()),
        }
    }
}

/// Returns the calls that are left of three.
fn shrunk(breaks: fn(&[u64]) -> Option<String>) -> (Vec<u64>, Option<String>) {
    let plan: Plan<u64> = "seed 1\nnodes 1\nat 1 n0 1\nat 2 n0 2\nat 3 n0 3\nlift 4\n".parse().expect("a plan");
    let shrunk = shrink(&Fragile { breaks }, &plan, 200, |_| true).expect("it breaks a promise");
    let left = shrunk.plan.calls().into_iter().map(|(.., call)| *call).collect();
    (left, other_cause(&shrunk.first, &shrunk.broken).map(str::to_owned))
}

#[test]
fn a_rare_cause_does_not_shrink_into_a_common_one() {
    let breaks = |calls: &[u64]| match calls {
        calls if calls.contains(&1) => Some(format!("a rare cause, after {} calls", calls.len())),
        [] => None,
        _ => Some("a common cause".to_owned()),
    };
    assert_eq!(shrunk(breaks), (vec![1], None));
}

#[test]
fn a_cause_that_needs_everything_gives_way_to_another_and_that_is_said() {
    let breaks = |calls: &[u64]| match calls.len() {
        0 => None,
        3 => Some("all that there is".to_owned()),
        _ => Some("less".to_owned()),
    };
    let (left, other) = shrunk(breaks);
    assert_eq!((left.len(), other.as_deref()), (1, Some("all that there is")));
}

#[test]
fn two_runs_of_a_seed_are_compared_though_each_breaks_a_promise() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let breaks = |_: &[u64]| Some(format!("in run {}", RUNS.fetch_add(1, Ordering::Relaxed)));
    let totals = sweep(&Fragile { breaks }, &Sweep::all(0..1, 1), |_| true);
    assert_eq!(totals.broken[&0].oracle, "replay", "{}", totals.broken[&0]);
}
