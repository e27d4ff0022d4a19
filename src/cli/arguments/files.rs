//! What can be typed to store, read, delete and look at files.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::options::{Data, Selection};

#[derive(Debug, Args)]
pub(crate) struct PutArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The name to store it under: 1 to 1,024 bytes of UTF-8 without control characters. With -r, the folder to read
    #[arg(value_name = "KEY|DIR")]
    pub(crate) key: OsString,
    /// The file to read; - is standard input, and the default. A file that changes while it is read is not stored. With
    /// -r, what the keys begin with, before a /
    #[arg(value_name = "FILE|PREFIX")]
    pub(crate) file: Option<PathBuf>,
    /// Store every file below DIR whose size, time or permissions are not those of the file that is stored. If the time
    /// alone is another one, the contents are compared. Symbolic links are stored as such
    #[arg(short, long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Also delete, everywhere, what is stored under PREFIX and is not in DIR any more. Needs a PREFIX. Nothing is
    /// deleted as long as anything fails
    #[arg(long, requires = "recursive")]
    pub(crate) delete: bool,
    /// Run the command after -- and store what it prints, if it succeeds
    #[arg(long, requires = "command", conflicts_with_all = ["file", "recursive"])]
    pub(crate) from_command: bool,
    /// The command to run, and its arguments
    #[arg(last = true, value_name = "CMD", requires = "from_command")]
    pub(crate) command: Vec<OsString>,
    /// Store an empty file even if standard input or the command gives nothing
    #[arg(long, conflicts_with = "recursive")]
    pub(crate) allow_empty: bool,
    /// Fail if fewer peers than this hold it durably. It is stored here all the same, and sent again to the peers that
    /// lack it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) min_replicas: u32,
    /// Print the receipts as one JSON object; with -r, one for each file that is not as it was, and a summary
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// What the file is called. With -r, what the keys begin with, before a /; "" stands for all keys
    #[arg(value_name = "KEY|PREFIX")]
    pub(crate) key: OsString,
    /// With -r, the folder to write to
    #[arg(value_name = "DIR", requires = "recursive", required_if_eq("recursive", "true"))]
    pub(crate) folder: Option<PathBuf>,
    /// Get every file under PREFIX that is not in DIR with the same size, time and permissions. Nothing is deleted
    #[arg(short, long, conflicts_with_all = ["output", "preserve"])]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Where to write it; - is standard output. A file appears under its name only when it is complete
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Give the written file the permissions and the time of the file that was stored, if these are known
    #[arg(long)]
    pub(crate) preserve: bool,
    /// Keep no copy here of what comes from a peer. While it comes it takes room in the data directory
    #[arg(long)]
    pub(crate) no_keep: bool,
    /// Print a summary as one JSON object: on standard output, or on standard error if the content goes to standard
    /// output. With -r, one object for each file that was written, too
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The folder to keep stored
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// What the keys begin with, before a /
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: OsString,
    /// Also delete, everywhere, what is stored under PREFIX and is not in DIR any more. Needs a PREFIX. Nothing is
    /// deleted as long as anything fails
    #[arg(long)]
    pub(crate) delete: bool,
    /// Leave out what has such a name, as in a .gitignore file: *.tmp, cache/, /build. May be given several times. A
    /// file .dacapoignore in the folder does the same
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// How many files are under way at a time, up to 32
    #[arg(short, long, value_name = "N", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(crate) jobs: u16,
    /// Print one JSON object for each file that is not as it was, and a summary each time
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RmArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// What the file is called. With -r, what the keys begin with, before a /
    #[arg(value_name = "KEY|PREFIX")]
    pub(crate) key: OsString,
    /// Delete every file under PREFIX
    #[arg(short, long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Delete it only if at least this many peers hold a verified copy of the current version
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_replicas: u32,
    /// Delete it even if no peer holds a copy
    #[arg(long, conflicts_with = "min_replicas")]
    pub(crate) force: bool,
    /// Delete the file here and at every peer, for good. Peers that are away are told when they are back
    #[arg(long, conflicts_with_all = ["min_replicas", "force"])]
    pub(crate) everywhere: bool,
    /// Print what was done as one JSON object; with -r, one for each file, and a summary
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
    /// List only the files whose keys begin with this and a /
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: OsString,
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
