//! A program without HTTP: nothing is served beside the peers and the commands.

use std::convert::Infallible;

use dacapo::event::EventSink;
use dacapo::node::Handle;

use super::arguments::HttpArguments;
use super::error::CliError;

/// Nothing.
pub(crate) struct Planned;

/// A server that there is not.
pub(crate) struct Server(Infallible);

impl Planned {
    pub(crate) fn new(_: &HttpArguments) -> Result<Self, CliError> {
        Ok(Self)
    }

    pub(crate) fn before(&self, events: EventSink) -> EventSink {
        events
    }

    pub(crate) async fn start(self, _: Handle) -> Result<Option<Server>, CliError> {
        Ok(None)
    }
}

impl Server {
    pub(crate) async fn close(self) {
        match self.0 {}
    }
}
