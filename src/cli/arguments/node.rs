//! What can be typed to run a node, to stop it, to convert its data directory, and to run the demonstration.

use std::path::PathBuf;

use clap::Args;
use dacapo::node::Replicas;
use dacapo::store::layout::Layout;

use super::http::HttpArguments;
use super::options::{Data, Events, Reach, layouts};
use super::sizes::ByteCount;

#[derive(Debug, Args)]
pub(crate) struct NodeArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// How many peers are to hold each file of this node: all connected ones, or this many of them, chosen for each
    /// file
    #[arg(long, value_name = "N|all", default_value_t = Replicas::All)]
    #[arg(env = "DACAPO_REPLICAS", hide_env_values = true)]
    pub(crate) replicas: Replicas,
    /// Keep at most this many bytes for each other node, such as 10GiB; each file counts for 4 KiB more.
    /// 0 takes nothing from others
    #[arg(long, value_name = "SIZE", env = "DACAPO_QUOTA_BYTES", hide_env_values = true)]
    pub(crate) quota_bytes: Option<ByteCount>,
    /// Keep at most this many files for each other node; 0 takes none
    #[arg(long, value_name = "N", env = "DACAPO_QUOTA_FILES", hide_env_values = true)]
    pub(crate) quota_files: Option<u64>,
    /// How copies lie in a new data directory: each in a file of its own, below folders made of its name (the default),
    /// or those of up to 64 KiB in the catalog, which stores small files many times as fast
    #[arg(long, value_parser = layouts(), env = "DACAPO_LAYOUT", hide_env_values = true)]
    pub(crate) layout: Option<Layout>,
    #[command(flatten)]
    pub(crate) http: HttpArguments,
    #[command(flatten)]
    pub(crate) events: Events,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StopArguments {
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// How they are to lie: see `dacapo node --help`
    #[arg(long, value_parser = layouts())]
    pub(crate) layout: Layout,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Keep the data directories here, as n1, n2 and n3, which must not exist; by default they are temporary
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Draw all keys and IVs from this number, so that the same number gives the same files on disk
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) events: Events,
}
