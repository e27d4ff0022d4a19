//! What can be typed about identities: their backup, their replacement, and the recovery from a backup.

use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, Subcommand};
use dacapo::node::Replicas;
use dacapo::store::layout::Layout;

use super::examples::{EXPORT_EXAMPLE, ROTATE_EXAMPLE};
use super::options::{Data, Events, Reach, layouts};

/// The help text of `--open-cluster` for commands whose node runs only until they are done.
const OPEN_CLUSTER_OF_PEERS: &str = "The peers are in an open cluster";

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityAction {
    /// Write a backup of the identity, sealed with a passphrase, that can be printed
    #[command(after_help = EXPORT_EXAMPLE)]
    Export(ExportArguments),
    /// Give all files to a new identity, with new keys
    #[command(after_help = ROTATE_EXAMPLE)]
    Rotate(RotateArguments),
}

#[derive(Debug, Args)]
#[command(mut_arg("listen", |listen| {
    listen.help("Where the old node listened, so that its peers find it: host:port, or :port for this machine only")
}))]
#[command(mut_arg("open_cluster", |open_cluster| open_cluster.help(OPEN_CLUSTER_OF_PEERS)))]
pub(crate) struct RotateArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The data directory of the new identity: new, or that of a rotation that was interrupted
    #[arg(long, value_name = "NEW_DIR")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// How many peers are to hold each file: what `dacapo node` was started with
    #[arg(long, value_name = "N|all", default_value_t = Replicas::All)]
    pub(crate) replicas: Replicas,
    /// Begin when this many peers are connected, instead of waiting some seconds for all
    #[arg(long, value_name = "N")]
    pub(crate) wait_for: Option<usize>,
    /// Delete an old copy only if at least this many peers hold the new one durably
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_replicas: u32,
    #[command(flatten)]
    pub(crate) events: Events,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Where to write it; - is standard output. A file must not exist
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Read the passphrase from the first line of this file instead of the terminal; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(mut_arg("peers", |peers| {
    peers.help("A node that held replicas; may be given several times").required(true)
}))]
#[command(mut_arg("listen", |listen| {
    listen
        .help("Where to listen meanwhile: host:port, or :port for this machine only")
        .required(false)
        .default_value(":0")
        // The variable is that of the node that runs afterwards, or still runs here.
        .env(Resettable::Reset)
}))]
#[command(mut_arg("open_cluster", |open_cluster| open_cluster.help(OPEN_CLUSTER_OF_PEERS)))]
pub(crate) struct RecoverArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// A backup that `dacapo identity export` wrote, or the file identity of the lost data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Read the passphrase from the first line of this file instead of the terminal; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Where the secret of the cluster is, if not in the backup
    #[arg(long, value_name = "FILE", conflicts_with = "open_cluster")]
    pub(crate) cluster_secret_file: Option<PathBuf>,
    /// How copies are to lie in the data directory: see `dacapo node --help`
    #[arg(long, value_parser = layouts(), env = "DACAPO_LAYOUT", hide_env_values = true)]
    pub(crate) layout: Option<Layout>,
    #[command(flatten)]
    pub(crate) events: Events,
}
