//! Why a node is not served over HTTP.

use std::io;
use std::path::PathBuf;

use dacapo::http::TokenError;
use dacapo::transport::Address;

#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("cannot serve HTTP at {address}: {source}")]
    Listen { address: Address, source: io::Error },
    #[error("a token is for HTTP: say where to serve it, by --http ADDR")]
    NoAddress,
    #[error("other machines may reach {address}: give a token that callers have to name, by --http-token FILE")]
    NeedsToken { address: Address },
    #[error("{} does not hold a token: {source}", path.display())]
    Token { path: PathBuf, source: TokenError },
    #[error("cannot read the token {}: {source}", path.display())]
    TokenFile { path: PathBuf, source: io::Error },
}
