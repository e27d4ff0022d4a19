//! The HTTP face of a node (RFC 9110): its files, who holds them, how the node is, and its events as they happen. Who
//! may ask is decided before anything else is looked at. What the node has to give waits in bounded queues, a caller
//! that stands still is given up, and there are fewer callers than calls that a node runs at once.
//!
//! [`Server::start`] listens on any [`Transport`](crate::transport::Transport), a simulated one included.

mod body;
mod failure;
mod feed;
mod files;
mod gate;
mod known;
mod limits;
mod metrics;
mod page;
mod range;
mod request;
mod server;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;

use crate::node::Handle;
use crate::time::UnixMillis;

pub use feed::Feed;
pub use gate::{Gate, Token, TokenError};
pub use limits::HTTP_CONNECTIONS_MAX;
pub use server::Server;

/// What is served: a node, what is told about it, and who may ask.
#[derive(Clone)]
pub struct Api {
    /// The node.
    pub handle: Handle,
    /// Its events.
    pub feed: Feed,
    /// Who may ask.
    pub gate: Gate,
    /// Tells the time of day.
    pub now: fn() -> UnixMillis,
}

/// Returns what answers requests, until it is told to stop. The paths of `/v1` keep their meaning.
fn router(mut api: Api, stop: CancellationToken) -> Router {
    api.feed.ended = stop;
    Router::new()
        .route("/v1/files", get(files::list))
        .route("/v1/files/{*key}", get(files::get).head(files::head).put(files::put).delete(files::delete))
        .route("/v1/copies/{*key}", axum::routing::delete(files::delete_copy))
        .route("/v1/stat/{*key}", get(known::stat))
        .route("/v1/holders/{*key}", get(known::holders))
        .route("/v1/peers", get(known::peers))
        .route("/v1/status", get(known::status))
        .route("/v1/scrub", post(known::scrub))
        .route("/v1/events", get(feed::events))
        .route("/", get(page::index))
        .route("/page.js", get(page::script))
        .route("/page.css", get(page::style))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(known::is_alive))
        .route("/readyz", get(known::is_ready))
        .fallback(failure::no_such_path)
        .method_not_allowed_fallback(failure::no_such_method)
        .layer(from_fn_with_state(api.clone(), gate::check))
        .with_state(api)
}
