//! The status page: three fixed files. All that they show is asked by their script, so they need no token.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// What a browser may load for the page: what comes from here, and nothing that stands in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The paths of the page.
pub(super) const PATHS: [&str; 3] = ["/", "/page.js", "/page.css"];

pub(super) async fn index() -> Response {
    fixed("text/html; charset=utf-8", include_str!("page/index.html"))
}

pub(super) async fn script() -> Response {
    fixed("text/javascript; charset=utf-8", include_str!("page/page.js"))
}

pub(super) async fn style() -> Response {
    fixed("text/css; charset=utf-8", include_str!("page/page.css"))
}

fn fixed(kind: &'static str, text: &'static str) -> Response {
    let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), policy], text).into_response()
}
