//! Serving a node over HTTP beside its peers and commands, if that was asked for.

use std::net::IpAddr;

use dacapo::event::EventSink;
use dacapo::http::{Api, Feed, Gate, Server, Token};
use dacapo::node::Handle;
use dacapo::platform::machine::time_of_day;
use dacapo::transport::Address;
use dacapo::transport::tcp::Tcp;

use super::arguments::HttpArguments;
use super::error::{CliError, HttpError};
use super::{logging, output, secret};

/// What is to be served, once there is a node.
pub(crate) struct Planned {
    asked: Option<(Address, Gate)>,
    feed: Feed,
}

impl Planned {
    /// Checks what was asked for: a port that other machines reach needs a token.
    pub(crate) fn new(arguments: &HttpArguments) -> Result<Self, CliError> {
        let asked = match (&arguments.address, &arguments.token) {
            (None, None) => None,
            (None, Some(_)) => return Err(HttpError::NoAddress.into()),
            (Some(address), Some(path)) => {
                let text = secret::text(path).map_err(|source| HttpError::TokenFile { path: path.clone(), source })?;
                let token = Token::new(&text);
                let token = token.map_err(|source| HttpError::Token { path: path.clone(), source })?;
                Some((address.clone(), Gate::Token(token)))
            }
            (Some(address), None) if is_loopback(address) => Some((address.clone(), Gate::Loopback)),
            (Some(address), None) => return Err(HttpError::NeedsToken { address: address.clone() }.into()),
        };
        Ok(Self { asked, feed: Feed::default() })
    }

    /// Returns a sink that tells events over HTTP too.
    pub(crate) fn before(&self, events: EventSink) -> EventSink {
        if self.asked.is_some() { self.feed.before(events) } else { events }
    }

    /// Serves the node, and prints where.
    pub(crate) async fn start(self, handle: Handle) -> Result<Option<Server>, CliError> {
        let Some((address, gate)) = self.asked else { return Ok(None) };
        let api = Api { handle, feed: self.feed, gate, now: time_of_day };
        let server = Server::start(Tcp, &address, api).await;
        let server = server.map_err(|source| HttpError::Listen { address, source })?;
        if let Err(error) = output::line(&format!("http://{}", server.address())) {
            // The node serves, whether somebody reads its address or not.
            logging::warn("", error);
        }
        Ok(Some(server))
    }
}

fn is_loopback(address: &Address) -> bool {
    let host = address.host();
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
