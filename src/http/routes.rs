//! Which request goes where.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;

use super::api::Api;
use super::{check, events, failure, files, known, metrics, openapi, page, reading};

/// Returns what answers requests, until it is told to stop. The paths of `/v1` keep their meaning.
pub(super) fn router(mut api: Api, stop: CancellationToken) -> Router {
    api.feed.ended = stop;
    Router::new()
        .route("/v1/files", get(files::list))
        .route("/v1/files/{*key}", get(reading::get).head(reading::head).put(files::put).delete(files::delete))
        .route("/v1/copies/{*key}", axum::routing::delete(files::delete_copy))
        .route("/v1/stat/{*key}", get(known::stat))
        .route("/v1/holders/{*key}", get(known::holders))
        .route("/v1/peers", get(known::peers))
        .route("/v1/status", get(known::status))
        .route("/v1/scrub", post(known::scrub))
        .route("/v1/events", get(events::tell))
        .route("/v1/openapi.json", get(openapi::show))
        .route("/", get(page::index))
        .route("/page.js", get(page::script))
        .route("/page.css", get(page::style))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(known::is_alive))
        .route("/readyz", get(known::is_ready))
        .fallback(failure::no_such_path)
        .method_not_allowed_fallback(failure::no_such_method)
        .layer(from_fn_with_state(api.clone(), check::check))
        .with_state(api)
}
