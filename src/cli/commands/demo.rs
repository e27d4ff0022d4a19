//! `dacapo demo`: three full nodes in one process walk through store, delete, get, read and compare, and then the disks
//! are read to see which node holds what.

mod cycle;
mod disks;
mod folder;
mod star;

use std::path::Path;

use dacapo::crypto::Key;
use dacapo::seed::Seed;
use dacapo::view::show;
use serde::Serialize;
use tokio::time::Instant;

use crate::cli::arguments::{DemoArguments, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::error::CliError;
use crate::cli::{logging, output, runtime};
use cycle::FILES;
use disks::DiskReport;
use folder::Folder;
use star::Star;

pub(crate) fn run(arguments: &DemoArguments, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    logging::start(verbosity, arguments.events).map_err(CliError::Process)?;
    let seed = match arguments.seed {
        Some(number) => Seed::from_u64(number),
        None => chance.seed()?,
    };
    let folder = Folder::open(arguments.data.as_deref())?;
    runtime::run(runtime::unless_interrupted(async {
        let report = walk_through(&folder.path, &seed).await?;
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
    let star = Star::start(dir, seed).await?;
    star.connected().await?;
    for index in 0..FILES {
        let key: Key = format!("picture_{index}.png").parse()?;
        let failed = |error| CliError::Demo { reason: format!("{key}: {error}") };
        cycle::run(&star.third, &key, star.peers()).await.map_err(failed)?;
    }
    let elapsed_ms = started.elapsed().as_millis();
    let stopped = star.stop().await?;
    let nodes = stopped.iter().map(disks::inspect).collect::<Result<_, _>>()?;
    Ok(Report { files: FILES, elapsed_ms, nodes })
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
            logging::note(format_args!("kept in {}", dir.display()));
        }
        Ok(())
    }
}
