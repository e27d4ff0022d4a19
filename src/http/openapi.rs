//! What can be asked, as OpenAPI 3.1: for programs that make clients, and for tests that ask at random.

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::{events, files, known};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dacapo",
        description = "A node of a peer-to-peer encrypted file store, over HTTP: see docs/HTTP.md",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        files::list,
        files::get,
        files::head,
        files::put,
        files::delete,
        files::delete_copy,
        known::stat,
        known::holders,
        known::peers,
        known::status,
        known::scrub,
        events::tell
    )
)]
struct Document;

/// Answers with the document.
pub(super) async fn show() -> Response {
    Json(Document::openapi()).into_response()
}
