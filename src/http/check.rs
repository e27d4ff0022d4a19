//! What is done with every request and every answer.

use std::time::{Duration, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::Api;
use super::failure::Failure;
use super::gate::admit;
use super::{body, page};

/// Lets a request through, or says why not. Health, and the page before it asks anything, are for everybody.
pub(super) async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_public = matches!(path, "/healthz" | "/readyz") || page::PATHS.contains(&path);
    let authority = request.uri().authority().cloned();
    let admitted = match names_one_host(&request) {
        Ok(()) if !is_public => admit(&api.gate, request.headers(), authority),
        checked => checked,
    };
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(refused) => {
            let (parts, body) = request.into_parts();
            body::pass_over(&parts.headers, body).await;
            let mut response = refused.into_response();
            // A stranger keeps no connection.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    };
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis((api.now)().0));
    let headers = response.headers_mut();
    headers.insert(header::DATE, HeaderValue::try_from(date).expect("a date is text"));
    // What is stored is never run or guessed at by a browser, and never kept by a proxy.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = headers.entry(header::CONTENT_SECURITY_POLICY);
    policy.or_insert(HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}

/// Refuses a request that names several hosts, or none where it has to (RFC 9112, 3.2).
fn names_one_host(request: &Request) -> Result<(), Failure> {
    match request.headers().get_all(header::HOST).iter().count() {
        1 => Ok(()),
        0 if request.version() < Version::HTTP_11 => Ok(()),
        count => Err(Failure::bad_request(&format_args!("the header Host stands {count} times, not once"))),
    }
}
