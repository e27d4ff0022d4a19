//! The walkthrough: the star of three nodes and its whole cycle of twenty files, on turmoil.

pub mod scripted;
pub mod show;
pub mod star;

use std::time::Duration;

use crate::platform::SimClock;
use scripted::{Nodes, ScriptedRun, Stage};

/// Returns the stage of the star for a seed.
#[must_use]
pub fn setup(seed: u64) -> Stage {
    Stage { seed, hosts: star::hosts(), clock: SimClock::Frozen, limit: Duration::from_secs(60) }
}

/// Runs the whole cycle for a number of files.
#[must_use]
pub fn run(seed: u64, files: usize) -> ScriptedRun {
    scripted::run(&setup(seed), move |cluster| cycle(cluster, files))
}

async fn cycle(cluster: Nodes, files: usize) -> Result<(), Box<dyn std::error::Error>> {
    let origin = cluster.node(star::ORIGIN).await;
    star::connected(&origin, 2).await;
    star::cycle(&origin, files).await
}
