//! What can be typed. The doc comments on arguments are the help texts that users read.

mod cluster;
mod examples;
mod recovery;
mod sizes;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use dacapo::node::Replicas;
use dacapo::store::layout::Layout;
use dacapo::transport::Address;

pub(crate) use cluster::{IdArguments, InitArguments, InviteArguments, JoinArguments, PeersAction, PeersArguments};
pub(crate) use recovery::{ExportArguments, IdentityAction, RecoverArguments, RotateArguments};
pub(crate) use sizes::ByteCount;

use examples::{
    CONVERT_EXAMPLE, DEMO_EXAMPLE, EXIT_CODES, GET_EXAMPLE, INIT_EXAMPLE, INVITE_EXAMPLE, JOIN_EXAMPLE, LS_EXAMPLE,
    NODE_EXAMPLE, PEERS_EXAMPLE, PUT_EXAMPLE, RECOVER_EXAMPLE, RM_EXAMPLE, SCRUB_EXAMPLE, STAT_EXAMPLE, STOP_EXAMPLE,
    WHEREIS_EXAMPLE,
};

/// A peer-to-peer encrypted file store
///
/// A node keeps its files in plaintext on its own disk and sends an encrypted copy to every connected peer. A
/// file that is deleted or damaged here comes back from there.
#[derive(Debug, Parser)]
#[command(name = "dacapo", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Verbosity {
    /// Say only what went wrong: no notes, no progress bars, and of events the warnings
    #[arg(short, long, global = true, display_order = 100)]
    pub(crate) quiet: bool,
}

/// Which events are shown by the commands that run nodes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Events {
    /// Show every event, also those that tell single steps of a store or a get
    #[arg(short, long, display_order = 101, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an identity and a cluster
    #[command(after_help = INIT_EXAMPLE)]
    Init(InitArguments),
    /// Print the line by which another machine enters the cluster
    #[command(after_help = INVITE_EXAMPLE)]
    Invite(InviteArguments),
    /// Enter the cluster of an invitation
    #[command(after_help = JOIN_EXAMPLE)]
    Join(JoinArguments),
    /// Back up who a node is
    #[command(subcommand)]
    Identity(IdentityAction),
    /// Bring every file of a lost machine back from its peers
    #[command(after_help = RECOVER_EXAMPLE)]
    Recover(RecoverArguments),
    /// Run a node until Ctrl-C, SIGTERM or `dacapo stop`
    #[command(after_help = NODE_EXAMPLE)]
    Node(NodeArguments),
    /// Store a file, here and on every connected peer
    #[command(visible_alias = "store", after_help = PUT_EXAMPLE)]
    Put(PutArguments),
    /// Read a file, from here or from a peer
    #[command(after_help = GET_EXAMPLE)]
    Get(GetArguments),
    /// Delete the local copy of a file, or the file everywhere
    #[command(visible_alias = "delete", after_help = RM_EXAMPLE)]
    Rm(RmArguments),
    /// List the files of this node, whether their local copy is here or not
    #[command(visible_alias = "list", after_help = LS_EXAMPLE)]
    Ls(QueryArguments),
    /// Show what is known of one file
    #[command(after_help = STAT_EXAMPLE)]
    Stat(StatArguments),
    /// Show which peers hold a file
    #[command(after_help = WHEREIS_EXAMPLE)]
    Whereis(StatArguments),
    /// Compare every copy on this node's disk with what was stored
    #[command(after_help = SCRUB_EXAMPLE)]
    Scrub(QueryArguments),
    /// Show the peers, and say who may be one
    #[command(after_help = PEERS_EXAMPLE, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Peers(PeersArguments),
    /// Stop the node
    #[command(after_help = STOP_EXAMPLE)]
    Stop(StopArguments),
    /// Change how the copies lie in a data directory
    #[command(after_help = CONVERT_EXAMPLE)]
    Convert(ConvertArguments),
    /// Run three nodes in this process and store, delete and get 20 files
    #[command(after_help = DEMO_EXAMPLE)]
    Demo(DemoArguments),
}

#[derive(Debug, Args)]
pub(crate) struct NodeArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Where to listen: host:port, or :port for this machine only; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Address,
    /// A peer to dial and to keep connected with; may be given several times
    #[arg(long = "peer", value_name = "ADDR")]
    pub(crate) peers: Vec<Address>,
    /// Let everybody in who reaches the port, whatever cluster the data directory is in
    #[arg(long)]
    pub(crate) open_cluster: bool,
    /// How many peers are to hold each file of this node: all connected ones, or so many of them, chosen for each file
    #[arg(long, value_name = "N|all", default_value_t = Replicas::All)]
    pub(crate) replicas: Replicas,
    /// Keep no more than so many bytes for each other node, such as 10GiB; each file counts for 4 KiB more
    #[arg(long, value_name = "SIZE")]
    pub(crate) quota_bytes: Option<ByteCount>,
    /// Keep no more than so many files for each other node
    #[arg(long, value_name = "N")]
    pub(crate) quota_files: Option<u64>,
    /// How copies lie in a new data directory: each in a file of its own, below folders made of its name (the default),
    /// or those of up to 64 KiB in the catalog, which stores small files many times as fast
    #[arg(long, value_parser = layouts())]
    pub(crate) layout: Option<Layout>,
    #[command(flatten)]
    pub(crate) events: Events,
}

/// The data directory that a command works on.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// The data directory of the node
    #[arg(long = "data", value_name = "DIR", env = "DACAPO_DATA", hide_env_values = true)]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PutArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// What the file is to be called: 1 to 1,024 bytes of UTF-8 without control characters
    pub(crate) key: OsString,
    /// The file to read; - is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// Fail where fewer peers than this have it durably. It is stored here all the same, and sent again to those that
    /// have it not
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) min_replicas: u32,
    /// Print the receipts as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// What the file is called
    pub(crate) key: OsString,
    /// Where to write it; - is standard output. A file appears under its name only when it is complete
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Print a summary as one JSON object: on standard output, or on standard error where the content goes there
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RmArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// What the file is called
    pub(crate) key: OsString,
    /// Delete it only where so many peers hold a verified copy of the current version
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_replicas: u32,
    /// Delete it whoever holds a copy
    #[arg(long, conflicts_with = "min_replicas")]
    pub(crate) force: bool,
    /// Delete the file here and at every peer, for good. Peers that are away are told when they are back
    #[arg(long, conflicts_with_all = ["min_replicas", "force"])]
    pub(crate) everywhere: bool,
    /// Print what was done as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// What the file is called
    pub(crate) key: OsString,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Print one JSON object per line
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

fn layouts() -> impl TypedValueParser<Value = Layout> {
    PossibleValuesParser::new(Layout::ALL.map(|(_, name)| name)).try_map(|name| name.parse())
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Keep the data directories here, as n1, n2 and n3, which must not exist; else they are temporary
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
