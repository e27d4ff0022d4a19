//! The walkthrough: the star and its whole cycle on turmoil, with what people want to see of it.

use std::fmt::Write;
use std::time::Duration;

use dacapo::disk::EntryKind;

use crate::disk::SimDisk;
use crate::platform::SimClock;
use crate::star;
use crate::world::{self, Cluster, Outcome, Setup};

/// The setup of the star for a seed.
#[must_use]
pub fn setup(seed: u64) -> Setup {
    Setup { seed, hosts: star::hosts(), clock: SimClock::Frozen, limit: Duration::from_secs(60) }
}

/// Runs the whole cycle for so many files.
#[must_use]
pub fn run(seed: u64, files: usize) -> Outcome {
    world::run(&setup(seed), move |cluster| cycle(cluster, files))
}

async fn cycle(cluster: Cluster, files: usize) -> Result<(), Box<dyn std::error::Error>> {
    let origin = cluster.node(star::ORIGIN).await;
    star::connected(&origin, 2).await;
    star::cycle(&origin, files).await
}

/// The files on a disk, one line each: where they lie, how long they are, and whether their content can be read.
#[must_use]
pub fn disk_tree(disk: &SimDisk) -> String {
    let mut text = String::new();
    for (path, kind, len) in disk.tree() {
        if kind != EntryKind::File || !path.contains('/') {
            continue;
        }
        let content = disk.read(&path).unwrap_or_default();
        let kind = if content == star::CONTENT { "plaintext" } else { "sealed" };
        writeln!(text, "{}  {len:>3} bytes  {kind}", shorten(&path)).expect("writing to a String cannot fail");
    }
    text
}

/// Shortens the 64 digits of the node id and the 40 or 32 of the name; the folders stay.
fn shorten(path: &str) -> String {
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    for segment in &mut segments {
        if segment.len() > 16 {
            segment.truncate(8);
            segment.push('…');
        }
    }
    segments.join("/")
}
