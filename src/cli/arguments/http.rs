//! What can be typed to serve a node over HTTP.

use std::path::PathBuf;

use clap::Args;
use dacapo::transport::Address;

#[derive(Debug, Args)]
pub(crate) struct HttpArguments {
    /// Serve the node over HTTP as well, here: host:port, or :port for this machine only; docs/HTTP.md says what it
    /// answers
    #[arg(long = "http", value_name = "ADDR", env = "DACAPO_HTTP", hide_env_values = true)]
    pub(crate) address: Option<Address>,
    /// Let in over HTTP only who names the token in this file: needed if other machines reach the address
    #[arg(long = "http-token", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    #[arg(env = "DACAPO_HTTP_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<PathBuf>,
}
