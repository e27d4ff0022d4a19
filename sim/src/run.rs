//! Runs a plan: the hosts with their disks on turmoil's network, the faults at their times, and the calls of the
//! clients; then, with all faults lifted, waits for everything to come right; then asks the oracles.

mod faults;
mod hosts;
mod panics;
mod watchdog;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use dacapo::seed::Seed;
use tokio::time::{Instant, sleep_until};
use turmoil::Sim;

use crate::disk::SimDisk;
use crate::film::{Camera, Film};
use crate::host::{Host, name};
use crate::links::Links;
use crate::network::{Times, network};
use crate::oracle::live;
use crate::plan::Plan;
use crate::subject::{Broken, Run, Scene, Subject};
use crate::trace::{Trace, Tracer};
use faults::Faults;

/// The least time that the network takes for a segment, and the step of the simulation. Chosen: a run costs one step
/// per host and tick, and no deadline of a subject is near it.
const TICK: Duration = Duration::from_millis(20);
const LATENCY_MAX: Duration = Duration::from_millis(60);

/// The stream that the links draw from, of their derived seed. It is part of what a seed means.
const LINKS_STREAM: u64 = 5;

/// The longest run.
const RUN_MAX: Duration = Duration::from_secs(900);

/// Runs a plan to its end, or to the first broken promise. The same plan gives the same run.
#[must_use]
pub fn run<S: Subject>(subject: &S, plan: &Plan<S::Call>) -> Run<S> {
    run_until(subject, plan, None)
}

/// Runs a plan up to a moment of virtual time, for a look at everything as it is then. No oracle is asked about such
/// a run, unless it comes to its end before.
#[must_use]
pub fn run_until<S: Subject>(subject: &S, plan: &Plan<S::Call>, until: Option<Duration>) -> Run<S> {
    observe(subject, plan, until, Trace::default(), |_, _, _| {})
}

/// Runs a plan like [`run_until`]. The run is the same, and its trace has the messages as well.
#[must_use]
pub fn run_with_messages<S: Subject>(subject: &S, plan: &Plan<S::Call>, until: Option<Duration>) -> Run<S> {
    observe(subject, plan, until, Trace::with_messages(), |_, _, _| {})
}

/// Runs a plan like [`run_with_messages`], and films what lies on the disks at each moment. That takes longer.
#[must_use]
pub fn film<S: Subject>(subject: &S, plan: &Plan<S::Call>, until: Option<Duration>) -> (Run<S>, Film) {
    let mut camera = Camera::new(plan.nodes);
    let look = |scene: &Scene<S>, at, is_whole| camera.look(subject, scene, at, is_whole);
    let run = observe(subject, plan, until, Trace::with_messages(), look);
    (run, camera.into_film())
}

/// Runs a plan, and has somebody look at it after each step: whole after a fault, and once more at the end.
fn observe<S: Subject>(
    subject: &S,
    plan: &Plan<S::Call>,
    until: Option<Duration>,
    trace: Trace<S::Event>,
    mut look: impl FnMut(&Scene<S>, Duration, bool),
) -> Run<S> {
    let trace = Rc::new(RefCell::new(trace));
    let scene = scene::<S>(plan, &trace);
    let times = Times { tick: TICK, latency_max: LATENCY_MAX, limit: RUN_MAX };
    let mut sim = network(plan.seed, &times);
    let levers: Vec<_> = (0..plan.nodes).map(|_| Rc::new(hosts::Levers::default())).collect();
    populate(&mut sim, subject, &scene, &trace, &levers);
    let mut faults = Faults::new(subject, &scene, levers, &trace, times);
    let is_excused = |panic: &str| subject.excuses(&scene.clients, panic);
    let (panics, watched) = (panics::Watch::begin(), watchdog::watch(plan.seed));
    loop {
        let before = trace.borrow().lines().len();
        let mut is_struck = false;
        let stepped = panics.survive(|| {
            faults.apply(&mut sim);
            is_struck = trace.borrow().lines().len() > before;
            sim.step()
        });
        watched.yielded(sim.elapsed());
        scene.note_misdirected(subject);
        scene.note_panic(panics.take(is_excused));
        look(&scene, sim.elapsed(), is_struck);
        // Who looks may open what no program has opened.
        drop(panics.take(is_excused));
        let is_over = is_last(stepped, &scene) || !scene.broken.borrow().is_empty();
        if is_over || until.is_some_and(|until| sim.elapsed() >= until) {
            break;
        }
    }
    let elapsed = sim.elapsed();
    look(&scene, elapsed, true);
    drop(panics.take(is_excused));
    let connections = (0..plan.nodes).map(|host| scene.links.open_connections(host)).collect();
    // A program that is dropped below may not touch the disks any more.
    scene.disks.iter().for_each(SimDisk::kill);
    panics.survive(|| drop(sim));
    scene.note_panic(panics.take(is_excused));
    // The oracles take their time, and a panic of theirs is the harness's own.
    drop((panics, watched));
    let mut run = ended(scene, &trace, faults, (elapsed, connections));
    // Before that moment it has come to its end.
    if run.broken.is_none() && until.is_none_or(|until| run.elapsed < until) {
        run.broken = judge(subject, &run);
    }
    run
}

/// Returns a run that no oracle has judged.
fn ended<S: Subject>(
    scene: Scene<S>,
    trace: &RefCell<Trace<S::Event>>,
    mut faults: Faults<S>,
    (elapsed, connections): (Duration, Vec<usize>),
) -> Run<S> {
    let broken = scene.broken.borrow().first().cloned();
    Run {
        plan: scene.plan,
        clients: scene.clients,
        disks: scene.disks,
        damage: scene.damage.take(),
        liars: scene.liars.take(),
        trace: trace.take(),
        elapsed,
        changes: faults.changes(),
        faults: faults.taken_effect(),
        connections,
        broken,
    }
}

/// Puts the hosts with their programs on the network, and the clients.
fn populate<S: Subject>(
    sim: &mut Sim<'_>,
    subject: &S,
    scene: &Scene<S>,
    trace: &Rc<RefCell<Trace<S::Event>>>,
    levers: &[Rc<hosts::Levers>],
) {
    for host in 0..scene.plan.nodes {
        let hosted = hosts::Hosted::new(subject, host, scene, trace, levers);
        sim.host(name(host), move || hosted.clone().run());
    }
    sim.client("clients", clients(subject.clone(), scene.clone()));
}

/// Whether a step was the last one, because the clients have ended. A step that failed breaks a promise; one that
/// panicked is told elsewhere.
fn is_last<S: Subject>(stepped: Option<turmoil::Result<bool>>, scene: &Scene<S>) -> bool {
    match stepped {
        Some(Ok(is_last)) => is_last,
        None => false,
        Some(Err(error)) => {
            scene.note_broken(live::broken(error.to_string()));
            false
        }
    }
}

fn scene<S: Subject>(plan: &Plan<S::Call>, trace: &Rc<RefCell<Trace<S::Event>>>) -> Scene<S> {
    let seed = Seed::from_u64(plan.seed);
    Scene {
        clients: S::Clients::default(),
        plan: Rc::new(plan.clone()),
        disks: Rc::new((0..plan.nodes).map(|_| SimDisk::new()).collect()),
        damage: Rc::default(),
        liars: Rc::default(),
        notes: Tracer::new("clients", trace),
        broken: Rc::default(),
        links: Links::new(seed.derive("links", 0).rng(LINKS_STREAM)),
        boots: Rc::new((0..plan.nodes).map(|_| Cell::new(0)).collect()),
        lacks: Rc::default(),
        longer: Rc::default(),
    }
}

fn judge<S: Subject>(subject: &S, run: &Run<S>) -> Option<Broken> {
    subject.oracles().into_iter().find_map(|oracle| {
        let judged = (oracle.judge)(run);
        judged.err().map(|what| Broken { oracle: oracle.name, what })
    })
}

/// Makes the calls at their times, waits for the end of the faults, and then for everything to come right.
async fn clients<S: Subject>(subject: S, scene: Scene<S>) -> turmoil::Result {
    let begun = Instant::now();
    let mut calls = Vec::new();
    for (number, (at_ms, host, call)) in scene.plan.calls().into_iter().enumerate() {
        sleep_until(begun + Duration::from_millis(at_ms)).await;
        let task = one_call(subject.clone(), scene.clone(), host, number, call.clone());
        calls.push(tokio::task::spawn_local(task));
    }
    // One tick more, so that the faults have ended.
    sleep_until(begun + Duration::from_millis(scene.plan.lift_ms) + TICK).await;
    for call in calls {
        if call.await.is_err() {
            scene.note_broken(live::broken("a client panicked"));
        }
    }
    if let Err(broken) = live::settled(subject.settle(scene.clone()), &scene.lacks, &scene.longer).await {
        scene.note_broken(broken);
    }
    Ok(())
}

async fn one_call<S: Subject>(subject: S, scene: Scene<S>, host: Host, number: usize, call: S::Call) {
    scene.notes.called(number, host, call.to_string());
    let called = subject.call(scene.clone(), host, number, call.clone());
    match live::answered(called, number, host, call).await {
        Ok(outcome) => {
            let outcome = outcome.unwrap_or_else(|| "nobody knows what came of it".to_owned());
            scene.notes.answered(number, host, outcome);
        }
        Err(broken) => scene.note_broken(broken),
    }
}
