//! The plan that a seed names. What is fixed for the plan (nodes, topology, which families of faults are on) is drawn
//! from the seed directly; the steps come from proptest strategies, so that they shrink.

pub(crate) mod choice;
mod looks;
mod triggered;

use std::iter;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use dacapo::seed::{Rng, Seed, SeedRng};

use crate::fault::Fault;
use crate::fault::family::{Draw, Family};
use crate::host::Host;
use crate::plan::{Action, Plan, Step};
use crate::subject::Subject;
use choice::{FAULT_MS_MAX, below, index_below};
use looks::Look;

/// The stream that is drawn from, of each derived seed. It is part of what a seed means.
const STREAM: u64 = 1;

/// When all faults end, in milliseconds: long enough for a lost heartbeat to be noticed.
const LIFT_MS: u64 = 8_000;

/// The share of seeds whose faults go on for longer, in percent, and until when at least and at most, in milliseconds:
/// long enough for each deadline of a node to pass, and for placed replicas to move.
const LATE_SHARE: u32 = 6;
const LATE_LIFT_MS: (u32, u32) = (20_000, 60_000);

/// The share of seeds in which some hosts lie, in percent.
const LIES_SHARE: u32 = 20;

/// Of how many lies and kills one goes on to the end of the run, and what such a one is drawn to end after the lift:
/// later than any run. Of as many kills one begins with the run: a host that comes late.
const FOR_GOOD_ONE_IN: u64 = 12;
const AFTER_LIFT_MS: u64 = 200_000;

/// Families that have a lane of their own: its name, the share of seeds that have it, in percent, and what these
/// seeds have more. Most disks have too few files to swap most of the time; a sync that lies is seen at a power loss,
/// and what only a start reads at a start.
const LANES: [(&str, u32, &[Family]); 8] = [
    ("restore", 15, &[Family::Restore]),
    ("trickle", 15, &[Family::Trickle]),
    ("swap", 12, &[Family::Swap; 3]),
    ("lossy", 8, &[Family::Lossy; 2]),
    ("lying-sync", 8, &[Family::LyingSync, Family::LyingSync, Family::PowerLoss]),
    ("misdirected-writes", 8, &[Family::MisdirectedWrites; 2]),
    ("rot-needed", 6, &[Family::RotNeeded, Family::RotNeeded, Family::Kill]),
    ("unreadable", 10, &[Family::Unreadable; 2]),
];

/// The share of seeds in which many calls come at one moment, in percent.
const BURST_SHARE: u32 = 8;

/// The share of seeds whose calls come together, in percent, at which distance from each other they do, and within what
/// time then, in milliseconds: at one moment or within the time of one message.
const TOGETHER_SHARE: u32 = 25;
const TOGETHER_MS: (u64, u64) = (400, 60);

/// The share of seeds that use an option, and the share of the hosts of such a seed that have it, in percent.
const OPTION_SHARES: (u32, u32) = (40, 50);

/// What is fixed for a plan, whatever its steps.
struct Knobs {
    nodes: usize,
    dials: Vec<(Host, Host)>,
    options: Vec<(Host, String)>,
    families: Vec<Family>,
    faults_max: usize,
    /// When the faults end, and how long each of them lasts at most, in milliseconds.
    lift_ms: u64,
    lasting_ms_max: u64,
    calls_max: usize,
    /// Whether calls come together.
    together: bool,
    /// How many hosts are called at all: fewer make longer histories.
    callers: usize,
    /// Whether a host may never come back.
    may_leave: bool,
}

/// Returns the value tree of the plan of a seed: its current value is the plan, and it shrinks.
///
/// # Panics
/// Never: the strategies reject nothing.
pub fn tree<S: Subject>(subject: &S, seed: u64) -> Box<dyn ValueTree<Value = Plan<S::Call>>> {
    let mut rng = lane(seed, "plan");
    let mut knobs = knobs(&mut rng);
    // The lies have a lane of their own, so that a plan without a lie is the plan of a subject that knows none. So have
    // the disks that are put back, and all that follows.
    if !subject.lies().is_empty() && below(&mut lane(seed, "lies"), 100) < LIES_SHARE {
        // A third of the faults of such a seed are lies, so that each lie meets each kind of calls.
        let lies = 1 + knobs.families.len() / 2;
        knobs.families.extend(iter::repeat_n(Family::Lie, lies));
    }
    for (name, share, families) in LANES {
        let goes_back = families.iter().any(|family| family.goes_back());
        if (!goes_back || subject.may_restore()) && below(&mut lane(seed, name), 100) < share {
            knobs.families.extend(families);
        }
    }
    let mut late = lane(seed, "lift");
    if below(&mut late, 100) < LATE_SHARE {
        let (least, most) = LATE_LIFT_MS;
        knobs.lift_ms = u64::from(least + below(&mut late, most - least));
        knobs.lasting_ms_max = knobs.lift_ms / 2;
    }
    knobs.together = below(&mut lane(seed, "together"), 100) < TOGETHER_SHARE;
    knobs.may_leave = subject.may_leave();
    knobs.options = options(&mut lane(seed, "options"), knobs.nodes, subject.options());
    let calls = subject.calls(&mut lane(seed, "swarm"), knobs.nodes);
    let mut burst_lane = lane(seed, "burst");
    let burst = subject.burst().filter(|_| below(&mut burst_lane, 100) < BURST_SHARE);
    let burst = burst.unwrap_or_else(|| Just(Vec::new()).boxed());
    let looks = looks::strategy(&mut lane(seed, "looks"), knobs.callers, subject);
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let triggered = triggered::steps(&mut lane(seed, "triggered"), knobs.nodes, knobs.callers, subject);
    let tree = strategy(seed, knobs, Calls { calls, burst, looks }, subject.lies(), triggered).new_tree(&mut runner);
    Box::new(tree.expect("the strategies reject nothing"))
}

/// Returns the source of one part of a plan: what one part draws changes no other.
fn lane(seed: u64, part: &str) -> SeedRng {
    Seed::from_u64(seed).derive(part, 0).rng(STREAM)
}

fn knobs(rng: &mut SeedRng) -> Knobs {
    // Mostly three, as in the star: more cost more and find little more.
    let nodes = [2, 3, 3, 3, 3, 3, 4, 4, 5, 7][index_below(rng, 10)];
    let dials = topology(rng, nodes);
    let share = [0, 15, 30, 60][index_below(rng, 4)];
    let families = Family::ALL.into_iter().filter(|_| below(rng, 100) < share).collect();
    let faults_max = 1 + index_below(rng, 20);
    let calls_max = 8 + index_below(rng, 25);
    let callers = 1 + index_below(rng, nodes.min(3));
    let (lift_ms, lasting_ms_max) = (LIFT_MS, u64::from(FAULT_MS_MAX));
    Knobs {
        nodes,
        dials,
        options: Vec::new(),
        families,
        faults_max,
        lift_ms,
        lasting_ms_max,
        calls_max,
        together: false,
        callers,
        may_leave: false,
    }
}

/// Chooses which hosts have which options. They have a seed of their own, so that a further option changes nothing
/// else of a plan.
fn options(rng: &mut SeedRng, nodes: usize, words: &[&str]) -> Vec<(Host, String)> {
    let mut options = Vec::new();
    for option in words {
        let is_used = below(rng, 100) < OPTION_SHARES.0;
        let hosts = (0..nodes).filter(|_| below(rng, 100) < OPTION_SHARES.1 && is_used);
        options.extend(hosts.map(|host| (host, (*option).to_owned())));
    }
    options
}

/// Chooses a star around the first host or towards it, a line, or every host dialling every other.
fn topology(rng: &mut SeedRng, nodes: usize) -> Vec<(Host, Host)> {
    match below(rng, 4) {
        0 => (1..nodes).map(|host| (host, 0)).collect(),
        1 => (1..nodes).map(|host| (host - 1, host)).collect(),
        2 if nodes <= 4 => (0..nodes).flat_map(|from| (from + 1..nodes).map(move |to| (from, to))).collect(),
        _ => (1..nodes).map(|host| (0, host)).collect(),
    }
}

/// The calls of a plan: those at any time, those that come at one moment, and those that follow damage.
struct Calls<O: std::fmt::Debug> {
    calls: BoxedStrategy<O>,
    burst: BoxedStrategy<Vec<O>>,
    looks: BoxedStrategy<Vec<Look<O>>>,
}

fn strategy<O>(
    seed: u64,
    knobs: Knobs,
    Calls { calls, burst, looks }: Calls<O>,
    lies: &'static [&'static str],
    triggered: Vec<Step<O>>,
) -> impl Strategy<Value = Plan<O>>
where
    O: std::fmt::Debug + Clone + 'static,
{
    let Knobs { nodes, dials, options, families, faults_max, lift_ms, lasting_ms_max, calls_max, .. } = knobs;
    let Knobs { together, callers, may_leave, .. } = knobs;
    let call = (0..lift_ms, 0..callers, calls).prop_map(move |(at_ms, host, call)| {
        let (distance, within) = TOGETHER_MS;
        let at_ms = if together { at_ms / distance * distance + at_ms % within } else { at_ms };
        Step { at_ms, what: Action::Call(host, call) }
    });
    let calls = vec(call, 4..=calls_max);
    let burst = (0..lift_ms, 0..callers, burst);
    let count = if families.is_empty() { 0..=0 } else { 0..=faults_max };
    let families = if families.is_empty() { vec![Family::Reset] } else { families };
    let fault = (0..lift_ms, 0..lasting_ms_max, 0..families.len(), 0..nodes + callers, 1..nodes, any::<u32>())
        .prop_map(move |(at_ms, lasting, family, one, further, number)| {
            // The hosts that are called are hit twice as often. Only hosts that are not called lie, if there are any.
            let one = match families[family] {
                Family::Lie if nodes > callers => callers + one % (nodes - callers),
                _ => one % nodes,
            };
            let draw = Draw { one, other: (one + further) % nodes, number, lies };
            let fault = families[family].fault(draw);
            let at_ms = match fault {
                Fault::Kill(_) if lasting % FOR_GOOD_ONE_IN == 2 => 0,
                _ => at_ms,
            };
            let until = match fault {
                Fault::Lie(..) if lasting % FOR_GOOD_ONE_IN == 1 => lift_ms + AFTER_LIFT_MS,
                // Who is called has to be there in the end.
                Fault::Kill(host) if may_leave && lasting % FOR_GOOD_ONE_IN == 1 && host >= callers => {
                    lift_ms + AFTER_LIFT_MS
                }
                _ if fault.lasts() => (at_ms + lasting).min(lift_ms),
                _ => at_ms,
            };
            Step { at_ms, what: Action::Fault(fault, until) }
        });
    (calls, vec(fault, count), burst, looks).prop_map(move |(calls, faults, (at_ms, host, burst), looks)| {
        let burst = burst.into_iter().map(|call| Step { at_ms, what: Action::Call(host, call) });
        let looks = looks::steps(&faults, looks, lift_ms);
        let mut steps: Vec<_> = calls.into_iter().chain(faults).chain(burst).chain(looks).collect();
        steps.sort_by_key(|step| step.at_ms);
        steps.extend(triggered.clone());
        Plan { seed, nodes, dials: dials.clone(), options: options.clone(), steps, lift_ms }
    })
}
