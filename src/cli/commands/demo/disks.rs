//! Reads the disks of the demonstration: it looks at what lies in the clear and what is sealed, and assumes nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use dacapo::view::show;

use super::cycle::{CONTENT, FILES};
use super::star::StoppedNode;
use crate::cli::error::CliError;

/// A part of each file's name, which must be found on no peer's disk.
const NAME_PART: &[u8] = b"picture_";

/// A sealed file is an IV of this length and as many bytes as the file has.
const IV_BYTES: usize = dacapo::crypto::IV_BYTES;

/// What one node holds.
#[derive(Serialize)]
pub(super) struct DiskReport {
    name: &'static str,
    node: String,
    own_files: usize,
    own_bytes: u64,
    replicas: usize,
    replica_bytes: u64,
    content: &'static str,
}

/// Reads every file of a stopped node.
pub(super) fn inspect(stopped: &StoppedNode) -> Result<DiskReport, CliError> {
    let failed =
        |error: io::Error| CliError::Demo { reason: format!("cannot read {}: {error}", stopped.dir.display()) };
    let id = stopped.node.to_string();
    let mut report = DiskReport {
        name: stopped.name,
        node: id.clone(),
        own_files: 0,
        own_bytes: 0,
        replicas: 0,
        replica_bytes: 0,
        content: "nothing",
    };
    let mut in_the_clear = None;
    for path in files_below(&stopped.dir).map_err(failed)? {
        let bytes = fs::read(&path).map_err(failed)?;
        let owner = path.strip_prefix(&stopped.dir).ok().and_then(|below| below.iter().next());
        match owner.and_then(|owner| owner.to_str()) {
            Some(owner) if owner == id => report.count_own(&path, &bytes)?,
            Some(owner) if owner.len() == id.len() => report.count_replica(&path, &bytes)?,
            _ => {}
        }
        if contains(&bytes, CONTENT) || contains(&bytes, NAME_PART) {
            in_the_clear = Some(path);
        }
    }
    // The owner's own files and its catalog are in the clear, in whatever order they were read.
    if let Some(path) = in_the_clear.filter(|_| report.content != "plaintext") {
        return Err(wrong(&path, "a name or content in the clear"));
    }
    let expected = match report.content {
        "plaintext" => (FILES, 0),
        _ => (0, FILES),
    };
    if (report.own_files, report.replicas) != expected {
        let found = format!("{} own files and {} replicas", report.own_files, report.replicas);
        return Err(wrong(&stopped.dir, &found));
    }
    Ok(report)
}

fn wrong(path: &Path, found: &str) -> CliError {
    CliError::Demo { reason: format!("{}: {found}", path.display()) }
}

impl DiskReport {
    fn count_own(&mut self, path: &Path, bytes: &[u8]) -> Result<(), CliError> {
        if bytes != CONTENT {
            return Err(wrong(path, "an own file that is not what was stored"));
        }
        self.own_files += 1;
        self.own_bytes += bytes.len() as u64;
        self.content = "plaintext";
        Ok(())
    }

    fn count_replica(&mut self, path: &Path, bytes: &[u8]) -> Result<(), CliError> {
        if bytes.len() != CONTENT.len() + IV_BYTES || contains(bytes, CONTENT) {
            return Err(wrong(path, "a replica that is not sealed"));
        }
        self.replicas += 1;
        self.replica_bytes += bytes.len() as u64;
        self.content = "sealed";
        Ok(())
    }

    pub(super) fn header() -> String {
        format!(
            "{:4}  {:8}  {:>9}  {:>8}  {:>8}  {:>8}  ON DISK",
            "NODE", "ID", "OWN FILES", "SIZE", "REPLICAS", "SIZE"
        )
    }

    pub(super) fn row(&self) -> String {
        let Self { name, node, own_files, own_bytes, replicas, replica_bytes, content } = self;
        let (own_size, replica_size) = (show::size(*own_bytes), show::size(*replica_bytes));
        let id = &node[..8];
        format!("{name:4}  {id:8}  {own_files:>9}  {own_size:>8}  {replicas:>8}  {replica_size:>8}  {content}")
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Lists all regular files below a directory, in the order of their paths.
fn files_below(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                dirs.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
