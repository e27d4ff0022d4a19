//! What can be typed. The doc comments on arguments are the help texts that users read.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use dacapo::node::Replicas;
use dacapo::store::layout::Layout;
use dacapo::transport::Address;

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed; the message says whether it perhaps happened all the same
  2    the command line is wrong
  3    there is no such file
  4    not deleted, because too few peers hold a copy
  130  interrupted

Try it: `dacapo demo` runs three nodes in one process and shows what they do.";

const NODE_EXAMPLE: &str = "\
The first line on standard output is the address that the node listens on. Events go to standard error.

Example: two nodes that replicate to each other
  dacapo node --data ~/a --listen :3000
  dacapo node --data ~/b --listen :7000 --peer :3000";

const PUT_EXAMPLE: &str = "\
Examples:
  dacapo put --data ~/a holiday.png ~/Pictures/holiday.png
  pg_dump app | dacapo put --data ~/a app.sql

A regular file is sent to the peers while it is read; standard input is sent when it has ended.";

const GET_EXAMPLE: &str = "\
Examples:
  dacapo get --data ~/a holiday.png -o holiday.png
  dacapo get --data ~/a app.sql | psql app

A local copy that is damaged or gone is fetched from a peer, verified, and kept on this disk again.";

const RM_EXAMPLE: &str = "\
Examples:
  dacapo rm --data ~/a holiday.png
  dacapo rm --data ~/a --everywhere holiday.png

Without --everywhere the peers keep their copies, and `dacapo get` brings the file back. They compare their copies with \
what was stored before one here is deleted.";

const WHEREIS_EXAMPLE: &str = "\
Example:
  dacapo whereis --data ~/a holiday.png

Connected peers compare their copies with what was stored before they answer; of files over 64 MiB they say when they \
last did so.";

const SCRUB_EXAMPLE: &str = "\
Example:
  dacapo scrub --data ~/a

A node does so by itself once a day, slowly. Damaged copies are set aside in the folder quarantine of the data \
directory. The node's own files are then fetched from a peer; replicas are sent again by their owners.";

const LS_EXAMPLE: &str = "\
Examples:
  dacapo ls --data ~/a
  dacapo ls --data ~/a --json | jq -r .key";

const STAT_EXAMPLE: &str = "\
Example:
  dacapo stat --data ~/a holiday.png";

const PEERS_EXAMPLE: &str = "\
Example:
  dacapo peers --data ~/a";

const STOP_EXAMPLE: &str = "\
Returns when the node has stopped and its data directory is closed.

Example:
  dacapo stop --data ~/a";

const CONVERT_EXAMPLE: &str = "\
The node has to be stopped. What is interrupted goes on with the next call; until then no node starts on the directory.

Example:
  dacapo stop --data ~/a && dacapo convert --data ~/a --layout packed";

const DEMO_EXAMPLE: &str = "\
The third node dials the other two and stores 20 files. Each one is deleted, fetched back from a \
peer and compared. Then the disks are read to see who holds what, and in what form.

Examples:
  dacapo demo
  dacapo demo --seed 7 --data /tmp/demo && find /tmp/demo";

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
    /// Show the peers, connected and away
    #[command(after_help = PEERS_EXAMPLE)]
    Peers(QueryArguments),
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
    /// A file with the secret that all nodes of the cluster share: 64 hex digits, such as `openssl rand -hex 32`
    /// prints. Without it, everybody who reaches the port may become a peer
    #[arg(long, value_name = "FILE")]
    pub(crate) cluster_secret_file: Option<PathBuf>,
    /// How many peers are to hold each file of this node: all connected ones, or so many of them, chosen for each file
    #[arg(long, value_name = "N|all", default_value_t = Replicas::All)]
    pub(crate) replicas: Replicas,
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
