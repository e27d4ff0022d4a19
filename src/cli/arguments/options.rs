//! Options that several commands have. If one of them means something narrower for a command, that command replaces the
//! help text.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use clap::ValueHint::{DirPath, FilePath};
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use dacapo::store::layout::Layout;
use dacapo::transport::Address;

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Verbosity {
    /// Print only warnings and errors: no notes, no progress bars, no other events
    #[arg(short, long, global = true, display_order = 100)]
    pub(crate) quiet: bool,
}

/// Where a command finds what is not typed.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigFile {
    /// Take defaults from this TOML file, such as data = "/srv/dacapo"; see docs/recipes/config.toml
    #[arg(long, value_name = "FILE", value_hint = FilePath, global = true, display_order = 99)]
    #[arg(env = "DACAPO_CONFIG", hide_env_values = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) config: Option<PathBuf>,
}

/// Which events are shown by the commands that run nodes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Events {
    /// Show every event, including the single steps of a store or a get
    #[arg(short, long, display_order = 101, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

/// The data directory that a command works on.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// The data directory of the node
    #[arg(long = "data", value_name = "DIR", value_hint = DirPath, env = "DACAPO_DATA", hide_env_values = true)]
    pub(crate) dir: PathBuf,
}

/// Which files a command about a folder takes, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Selection {
    /// With -r, leave out what has such a name, as in a .gitignore file: *.tmp, cache/, /build. May be given several
    /// times. A file .dacapoignore in a folder that is read does the same for that folder
    #[arg(long, value_name = "GLOB", requires = "recursive")]
    pub(crate) exclude: Vec<String>,
    /// With -r, only say what would be done
    #[arg(short = 'n', long, requires = "recursive")]
    pub(crate) dry_run: bool,
    /// With -r, how many files are under way at a time, up to 32
    #[arg(short, long, value_name = "N", requires = "recursive", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(crate) jobs: u16,
}

/// Where a node of this process listens, and whom it connects with.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// Where to listen: host:port, or :port for this machine only; port 0 takes a free one
    #[arg(long, value_name = "ADDR", env = "DACAPO_LISTEN", hide_env_values = true)]
    pub(crate) listen: Address,
    /// A peer to dial, beside those that the data directory names; may be given several times. Of the variable, commas
    /// part several. The command line, the variable, the config file: only the first that names any counts
    #[arg(long = "peer", value_name = "ADDR", env = "DACAPO_PEER", hide_env_values = true, value_delimiter = ',')]
    #[arg(value_parser = dialled)]
    pub(crate) peers: Vec<Address>,
    /// Let in everybody who reaches the port, whatever cluster the data directory is in
    #[arg(long)]
    pub(crate) open_cluster: bool,
}

/// Parses an address that somebody dials.
pub(super) fn dialled(text: &str) -> Result<Address, Box<dyn Error + Send + Sync>> {
    let address: Address = text.parse()?;
    if address.port() == 0 { Err("port 0 cannot be dialled".into()) } else { Ok(address) }
}

/// Parses the name of a layout.
pub(super) fn layouts() -> impl TypedValueParser<Value = Layout> {
    PossibleValuesParser::new(Layout::ALL.map(|(_, name)| name)).try_map(|name| name.parse())
}
