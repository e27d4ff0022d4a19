//! The scripted bed: a script, written in the test, on the star of the simulation. The whole nodes run over turmoil and
//! simulated disks, and time is virtual.

use std::future::Future;

use dacapo::node::Handle;
use dacapo_sim::store::walkthrough;
use dacapo_sim::store::walkthrough::scripted::{self, Nodes, ScriptedRun, Stage};
use dacapo_sim::store::walkthrough::star;

/// Why a script failed.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Runs a script on the star of seed 1 once the origin has both peers, and panics if the run fails.
pub(crate) fn run<F>(script: impl FnOnce(Nodes, Handle) -> F + 'static) -> ScriptedRun
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let outcome = try_run(&walkthrough::setup(1), script);
    assert_eq!(outcome.failure, None);
    outcome
}

/// Runs a script on a star once the origin has both peers. The outcome says whether the run failed.
pub(crate) fn try_run<F>(setup: &Stage, script: impl FnOnce(Nodes, Handle) -> F + 'static) -> ScriptedRun
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    scripted::run(setup, async move |cluster| {
        let origin = cluster.node(star::ORIGIN).await;
        star::connected(&origin, star::HOLDERS.len()).await;
        script(cluster, origin).await
    })
}
