//! What can be asked, as OpenAPI 3.1: for programs that make clients, and for tests that ask at random.

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi as Built;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::request::NoQuery;
use super::{events, files, known, reading};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dacapo",
        description = "A node of a peer-to-peer encrypted file store, over HTTP: see docs/HTTP.md",
        license(name = "MIT OR Apache-2.0")
    ),
    // A node without a token asks for none.
    security((), ("token" = [])),
    modifiers(&Token),
    paths(
        files::list,
        reading::get,
        reading::head,
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

/// Says how the token of a node is named.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Built) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// Answers with the document.
pub(super) async fn show(_: NoQuery) -> Response {
    Json(Document::openapi()).into_response()
}
