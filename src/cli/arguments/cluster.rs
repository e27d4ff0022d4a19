//! What can be typed to get into a cluster, and to say which nodes are its members.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dacapo::store::layout::Layout;
use dacapo::transport::Address;

use super::examples::{FORGET_EXAMPLE, UNLIST_HELP};
use super::options::{Data, dialled, layouts};

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Take the secret of the cluster from this file: 64 hex digits, such as `openssl rand -hex 32` prints
    #[arg(long, value_name = "FILE", conflicts_with = "open_cluster")]
    pub(crate) cluster_secret_file: Option<PathBuf>,
    /// Make no secret: everybody who reaches the port may become a peer and keep files here
    #[arg(long)]
    pub(crate) open_cluster: bool,
    /// How copies are to lie in it: see `dacapo node --help`
    #[arg(long, value_parser = layouts(), env = "DACAPO_LAYOUT", hide_env_values = true)]
    pub(crate) layout: Option<Layout>,
}

#[derive(Debug, Args)]
pub(crate) struct InviteArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Where others reach this node: host:port; the default is where it listens
    #[arg(value_name = "ADDR", value_parser = dialled)]
    pub(crate) address: Option<Address>,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// A file with the invitation; - is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// How copies are to lie in it: see `dacapo node --help`
    #[arg(long, value_parser = layouts(), env = "DACAPO_LAYOUT", hide_env_values = true)]
    pub(crate) layout: Option<Layout>,
}

#[derive(Debug, Args)]
pub(crate) struct PeersArguments {
    /// The data directory of the node
    #[arg(long = "data", value_name = "DIR", env = "DACAPO_DATA", hide_env_values = true, required = true)]
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
    /// Print one JSON object per peer, one a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) action: Option<PeersAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeersAction {
    /// Disconnect a node, and refuse it from then on; or dial an address no more
    #[command(after_help = FORGET_EXAMPLE)]
    Forget(ForgetArguments),
    /// Admit a node, even if it was forgotten or the list is locked
    Allow(IdArguments),
    /// Take a node off the list, as if it had been neither allowed nor forgotten
    #[command(after_help = UNLIST_HELP)]
    Unlist(IdArguments),
    /// Admit only the present peers, and nodes that are allowed
    Lock(Data),
    /// Admit every node that has the secret of the cluster, except those that were forgotten
    Unlock(Data),
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Its id, or an address that is dialled, as `dacapo peers` shows it
    #[arg(value_name = "ID|ADDR")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct IdArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Its id, as `dacapo peers` shows it
    pub(crate) id: String,
}
