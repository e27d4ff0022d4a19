//! What can be typed of identities and their recovery.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dacapo::store::layout::Layout;
use dacapo::transport::Address;

use super::examples::{EXPORT_EXAMPLE, ROTATE_EXAMPLE};
use super::{Data, Events, layouts};

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
pub(crate) struct RotateArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The data directory of the new identity: new, or that of a rotation that was interrupted
    #[arg(long, value_name = "NEW_DIR")]
    pub(crate) to: PathBuf,
    /// Where the old node listened, so that its peers find it: host:port, or :port for this machine only
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Address,
    /// A peer to dial, beside those that the data directory names; may be given several times
    #[arg(long = "peer", value_name = "ADDR")]
    pub(crate) peers: Vec<Address>,
    /// The peers are in an open cluster
    #[arg(long)]
    pub(crate) open_cluster: bool,
    /// Begin when so many peers are connected, instead of waiting some seconds for all
    #[arg(long, value_name = "N")]
    pub(crate) wait_for: Option<usize>,
    /// Delete an old copy only where so many peers have the new one durably
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
pub(crate) struct RecoverArguments {
    /// The data directory to bring the files back to: new, or that of a recovery that was interrupted
    #[command(flatten)]
    pub(crate) data: Data,
    /// A backup that `dacapo identity export` wrote, or the file identity of the lost data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// A node that held replicas; may be given several times
    #[arg(long = "peer", value_name = "ADDR", required = true)]
    pub(crate) peers: Vec<Address>,
    /// Read the passphrase from the first line of this file instead of the terminal; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Where the secret of the cluster is, if not in the backup
    #[arg(long, value_name = "FILE", conflicts_with = "open_cluster")]
    pub(crate) cluster_secret_file: Option<PathBuf>,
    /// The peers are in an open cluster
    #[arg(long)]
    pub(crate) open_cluster: bool,
    /// Where to listen meanwhile: host:port, or :port for this machine only
    #[arg(long, value_name = "ADDR", default_value = ":0")]
    pub(crate) listen: Address,
    /// How copies are to lie in the data directory: see `dacapo node --help`
    #[arg(long, value_parser = layouts())]
    pub(crate) layout: Option<Layout>,
    #[command(flatten)]
    pub(crate) events: Events,
}
