//! The data directory: whose it is, whether it holds an identity, a cluster, and the mark of a backup, and what was set
//! aside in it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use dacapo::limits::QUARANTINE_FILES_MAX;
use dacapo::membership::Cluster;
use dacapo::store::layout;
use dacapo::view::show;
use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::finding::{Finding, ago, days_since, option, quoted};
use crate::cli::error::CliError;
use crate::cli::secret;

const DIRECTORY: &str = "directory";

/// A backup that is older than this is worth another look: the passphrase may be forgotten. Chosen: a year.
const BACKUP_DAYS_MAX: u64 = 365;

/// What to do about a directory that whoever asks may not look into.
const AS_ITS_USER: &str = "call this as the user that runs the node, to whom all files in it have to belong";

/// What to do about a directory of which nobody knows whose it is.
const FROM_A_BACKUP: &str = "put its file identity back from a backup, or `dacapo recover` into a new directory";

/// Looks at a data directory.
///
/// # Errors
/// Returns what is wrong with it if there is nothing else to look at.
pub(super) fn look(data: &Path) -> Result<Vec<Finding>, Finding> {
    let (at, option) = (data.display(), option(data));
    let useless = |found: String, advice: &str| Finding::fail(DIRECTORY, found, advice);
    let there = fs::metadata(data).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => useless(
            format!("{at} does not exist"),
            &format!("`dacapo init {option}` makes it; `dacapo join {option}` enters a cluster that there is"),
        ),
        _ => useless(format!("cannot look at {at}: {error}"), AS_ITS_USER),
    })?;
    if !there.is_dir() {
        return Err(useless(format!("{at} is not a directory"), "name a directory by --data"));
    }
    if there.uid() != geteuid().as_raw() {
        return Err(useless(format!("{at} belongs to another user"), AS_ITS_USER));
    }
    let node = secret::node_of(data).map_err(|error| {
        let advice = match &error {
            // The identity is perhaps good, and only not to be read by whoever asks.
            CliError::SecretFile { .. } => AS_ITS_USER,
            _ => FROM_A_BACKUP,
        };
        useless(error.full_message(), advice)
    })?;
    let node = node.ok_or_else(|| {
        if data.join(layout::catalog().to_string()).exists() {
            return useless(format!("{at} has lost its identity"), FROM_A_BACKUP);
        }
        let advice = format!("`dacapo init {option}` makes an identity, `dacapo recover {option}` brings one back");
        useless(format!("{at} holds no identity"), &advice)
    })?;
    access(data, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        let advice = "mount it to be written to, if the disk is well; a disk with errors is mounted read-only";
        useless(format!("{at} cannot be written: {}", io::Error::from(error)), advice)
    })?;
    let directory = if let Some(name) = foreign(data) {
        Finding::fail(DIRECTORY, format!("{name} in {at} belongs to another user"), AS_ITS_USER)
    } else if there.permissions().mode() & 0o077 == 0 {
        Finding::ok(DIRECTORY, format!("{at} of node {}", node.short()))
    } else {
        let found = format!("other users can look into {at}");
        Finding::warn(DIRECTORY, found, format!("`chmod 700 {}`", quoted(data)))
    };
    Ok(vec![directory, cluster(data), backup(data), set_aside(data)])
}

/// Returns the name of something in a directory that belongs to another user, if there is any. The `lost+found` of a
/// file system is none of the node's.
fn foreign(data: &Path) -> Option<String> {
    let entries = fs::read_dir(data).ok()?.flatten();
    let foreign = entries.filter(|entry| entry.metadata().is_ok_and(|there| there.uid() != geteuid().as_raw()));
    foreign.map(|entry| entry.file_name().to_string_lossy().into_owned()).find(|name| name != "lost+found")
}

fn cluster(data: &Path) -> Finding {
    const CLUSTER: &str = "cluster";
    match secret::cluster_of(data) {
        Ok(Some(Cluster::Closed(_))) => Finding::ok(CLUSTER, "only who has its secret enters"),
        Ok(Some(Cluster::Open)) => Finding::warn(
            CLUSTER,
            "the cluster is open: everybody who reaches the port may become a peer",
            "for a closed one, `dacapo init` without --open-cluster in a new directory",
        ),
        Ok(None) => Finding::warn(
            CLUSTER,
            "the directory is in no cluster: a node runs on it with --open-cluster only, and lets in everybody",
            format!("`dacapo init {0}` makes a cluster, `dacapo join {0}` enters one that there is", option(data)),
        ),
        Err(error) => Finding::fail(CLUSTER, error.full_message(), "put the file cluster back, or join again"),
    }
}

/// Counts what was set aside. Nothing there is ever removed by the node, so that somebody can look at it.
fn set_aside(data: &Path) -> Finding {
    const ASIDE: &str = "aside";
    let folder = data.join(layout::quarantine_dir().to_string());
    let count = match fs::read_dir(&folder) {
        Ok(entries) => entries.count(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => {
            return Finding::warn(ASIDE, format!("cannot look into {}: {error}", folder.display()), AS_ITS_USER);
        }
    };
    let found = format!("{} set aside in {}", show::count(count as u64, "file"), folder.display());
    match count {
        0 => Finding::ok(ASIDE, "nothing is set aside"),
        QUARANTINE_FILES_MAX.. => {
            let advice = "move the files elsewhere: as long as there is no room, a damaged own file stays in its place";
            Finding::fail(ASIDE, found, advice)
        }
        _ => {
            let advice = "look for what damaged them; once `dacapo scrub` finds nothing, they can be moved or removed";
            Finding::warn(ASIDE, found, advice)
        }
    }
}

/// Looks whether the identity was ever written elsewhere: without it nobody reads what the peers hold.
fn backup(data: &Path) -> Finding {
    const BACKUP: &str = "backup";
    let advice = format!("`dacapo identity export {} -o FILE`, and keep FILE elsewhere", option(data));
    let Some(at) = secret::backed_up_at(data) else {
        let found = "no export of the identity is noted here: without one, nobody can read what the peers hold";
        return Finding::fail(BACKUP, found, advice);
    };
    let days = days_since(at);
    let found = format!("the identity was exported {}", ago(days));
    if days > BACKUP_DAYS_MAX {
        return Finding::warn(BACKUP, found, "look whether the file and its passphrase are still there");
    }
    Finding::ok(BACKUP, found)
}
