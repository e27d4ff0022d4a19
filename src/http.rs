//! The HTTP face of a node (RFC 9110): its files, who holds them, how the node is, and its events as they happen. Who
//! may ask is decided before anything else is looked at. What the node has to give waits in bounded queues, a caller
//! that stands still is given up, and there are fewer callers than calls that a node runs at once.
//!
//! [`Server::start`] listens on any [`Transport`](crate::transport::Transport), a simulated one included.

mod api;
mod body;
mod check;
mod conditions;
mod described;
mod events;
mod failure;
mod feed;
mod files;
mod gate;
mod known;
mod limits;
mod metrics;
mod openapi;
mod page;
mod range;
mod reading;
mod request;
mod routes;
mod server;

pub use api::Api;
pub use feed::Feed;
pub use gate::{Gate, Token, TokenError};
pub use server::Server;
