//! What can be typed to serve a node over HTTP; nothing if the program was built without it.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct HttpArguments {
    /// Serve the node over HTTP as well, here: host:port, or :port for this machine only; docs/HTTP.md says what it
    /// answers
    #[cfg(feature = "http")]
    #[arg(long = "http", value_name = "ADDR")]
    pub(crate) address: Option<dacapo::transport::Address>,
    /// Let in over HTTP only who names the token in this file: needed if other machines reach the address
    #[cfg(feature = "http")]
    #[arg(long = "http-token", value_name = "FILE", requires = "address")]
    pub(crate) token: Option<std::path::PathBuf>,
}
