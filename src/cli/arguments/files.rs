//! What can be typed to store, read, delete and look at files.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::options::Data;

#[derive(Debug, Args)]
pub(crate) struct PutArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The name to store it under: 1 to 1,024 bytes of UTF-8 without control characters
    pub(crate) key: OsString,
    /// The file to read; - is standard input. A file that changes while it is read is not stored
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// Run the command after -- and store what it prints, if it succeeds
    #[arg(long, requires = "command", conflicts_with = "file")]
    pub(crate) from_command: bool,
    /// The command to run, and its arguments
    #[arg(last = true, value_name = "CMD", requires = "from_command")]
    pub(crate) command: Vec<OsString>,
    /// Store an empty file even if standard input or the command gives nothing
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Fail if fewer peers than this hold it durably. It is stored here all the same, and sent again to the peers that
    /// lack it
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
    /// Give the written file the permissions and the time of the file that was stored, if these are known
    #[arg(long)]
    pub(crate) preserve: bool,
    /// Print a summary as one JSON object: on standard output, or on standard error if the content goes to standard
    /// output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RmArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// What the file is called
    pub(crate) key: OsString,
    /// Delete it only if at least this many peers hold a verified copy of the current version
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_replicas: u32,
    /// Delete it even if no peer holds a copy
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
pub(crate) struct WhereisArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// What the file is called
    pub(crate) key: OsString,
    /// Have the peers compare the whole of their copies first, however large these are
    #[arg(long)]
    pub(crate) verify: bool,
    /// Print one JSON object per peer, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LsArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Print one JSON object per file, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ScrubArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Print what was found as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
