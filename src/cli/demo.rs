//! `dacapo demo`: three full nodes in one process walk through store, delete, get, read and compare, and then
//! the disks are read to see who holds what.

mod cluster;
mod disks;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use dacapo::crypto::Key;
use dacapo::node::{Content, Handle};
use dacapo::seed::Seed;
use serde::Serialize;
use tokio::time::Instant;

use super::arguments::{DemoArguments, Verbosity};
use super::error::CliError;
use super::{logging, output, runtime, show};
use cluster::Cluster;
use disks::DiskReport;

/// How many files are stored.
const FILES: usize = 20;

/// What each of them holds.
const CONTENT: &[u8] = b"my big data file here!";

pub(crate) fn run(
    arguments: &DemoArguments,
    verbosity: Verbosity,
    draw_seed: fn() -> io::Result<Seed>,
) -> Result<(), CliError> {
    logging::start(verbosity, arguments.events);
    let seed = match arguments.seed {
        Some(number) => Seed::from_u64(number),
        None => draw_seed().map_err(CliError::Process)?,
    };
    let dir = Dir::open(arguments.data.as_deref())?;
    runtime::run(runtime::unless_interrupted(async {
        let report = walk_through(&dir.path, &seed).await?;
        report.show(arguments, verbosity)
    }))
}

/// What the demonstration showed.
#[derive(Serialize)]
struct Report {
    files: usize,
    elapsed_ms: u128,
    nodes: Vec<DiskReport>,
}

async fn walk_through(dir: &Path, seed: &Seed) -> Result<Report, CliError> {
    let started = Instant::now();
    let cluster = Cluster::start(dir, seed).await?;
    cluster.connected().await?;
    for index in 0..FILES {
        let key: Key = format!("picture_{index}.png").parse()?;
        cycle(&cluster.third, &key, cluster.peers()).await.map_err(|reason| failed(&key, &reason))?;
    }
    let elapsed_ms = started.elapsed().as_millis();
    let members = cluster.stop().await?;
    let nodes = members.iter().map(disks::inspect).collect::<Result<_, _>>()?;
    Ok(Report { files: FILES, elapsed_ms, nodes })
}

/// One file: store, delete, get, read, compare.
async fn cycle(node: &Handle, key: &Key, peers: usize) -> Result<(), String> {
    let stored = node.store(key, Content::bytes(CONTENT)).await.map_err(|error| error.to_string())?;
    if stored.replicas() != peers {
        return Err(format!("{} of {peers} peers took a copy", stored.replicas()));
    }
    node.delete(key).await.map_err(|error| error.to_string())?;
    let fetched = node.get(key).await.map_err(|error| error.to_string())?;
    if fetched.from.is_none() {
        return Err("it came from the local disk after it was deleted there".to_owned());
    }
    let content = fetched.read_all().await.map_err(|error| error.to_string())?;
    if content != CONTENT {
        return Err("what came back is not what was stored".to_owned());
    }
    Ok(())
}

fn failed(key: &Key, reason: &str) -> CliError {
    CliError::Demo { reason: format!("{key}: {reason}") }
}

impl Report {
    fn show(&self, arguments: &DemoArguments, verbosity: Verbosity) -> Result<(), CliError> {
        if arguments.json {
            return output::json(self);
        }
        let seconds = format!("{}.{:03}", self.elapsed_ms / 1000, self.elapsed_ms % 1000);
        let files = show::count(self.files as u64, "file");
        output::line(&format!("{files} stored, deleted, fetched back and compared in {seconds} s"))?;
        output::line("")?;
        output::line(&DiskReport::header())?;
        for node in &self.nodes {
            output::line(&node.row())?;
        }
        if let (Some(dir), false) = (&arguments.data, verbosity.quiet) {
            eprintln!("kept in {}", dir.display());
        }
        Ok(())
    }
}

/// The directory that holds the three data directories.
struct Dir {
    path: PathBuf,
    is_temporary: bool,
}

impl Dir {
    fn open(kept: Option<&Path>) -> Result<Self, CliError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CliError::Output { path, source }
        };
        let Some(path) = kept else {
            let path = std::env::temp_dir().join(format!("dacapo-demo-{}", std::process::id()));
            // Not recursive: a directory that somebody else put there is not used.
            DirBuilder::new().mode(0o700).create(&path).map_err(failed(&path))?;
            return Ok(Self { path, is_temporary: true });
        };
        // Two runs from one seed in one directory would draw the same IVs for different versions.
        for name in cluster::DIRS {
            let path = path.join(name);
            if fs::symlink_metadata(&path).is_ok() {
                return Err(CliError::DemoExists { path });
            }
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
        Ok(Self { path: path.to_owned(), is_temporary: false })
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if self.is_temporary {
            // What stays behind lies where the system cleans up.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}
