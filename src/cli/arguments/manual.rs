//! What can be typed to get what helps with typing: the findings of a doctor, completions and man pages.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::Shell;
use dacapo::transport::Address;

use super::options::{Data, dialled};

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Where the node is to listen, if it does not run
    #[arg(long, value_name = "ADDR", env = "DACAPO_LISTEN", hide_env_values = true)]
    pub(crate) listen: Option<Address>,
    /// A peer that it is to dial, if it does not run; may be given several times
    #[arg(long = "peer", value_name = "ADDR", env = "DACAPO_PEER", hide_env_values = true, value_delimiter = ',')]
    #[arg(value_parser = dialled)]
    pub(crate) peers: Vec<Address>,
    /// Print one JSON object per finding, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell that is to complete what is typed
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The folder to write them into; it is made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}
