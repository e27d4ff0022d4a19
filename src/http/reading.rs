//! Files over HTTP: reading them, whole or in part, and asking for what is known of them.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::api::Api;
use super::body;
use super::conditions::{self, Conditions, Verdict, tag_of};
use super::described::{Common, CommonOfHead, IfMatch, IfNoneMatch, KeyInPath};
use super::failure::{Failure, FailureJson};
use super::files::set;
use super::range::{self, Part};
use super::request::{Asked, NamedKey, Parameter, Parameters, text};
use crate::crypto::Version;

/// The header that names the peer from which a file came back.
const FROM: &str = "dacapo-from";

/// How a file is to be got.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetQuery {
    /// Whether what comes from a peer stays here as the local copy.
    #[serde(default = "yes")]
    keep: bool,
}

impl Parameters for GetQuery {
    const ALL: &'static [Parameter] = &[Parameter::of_two("keep")];
}

fn yes() -> bool {
    true
}

/// Answers with the content of a file, or with a part of it, verified.
#[utoipa::path(
    get,
    path = "/v1/files/{key}",
    params(
        KeyInPath,
        ("keep" = Option<bool>, Query, description = "Whether what comes from a peer stays as the local copy; true if \
            nothing is said"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The version of which Range is a part"),
        IfMatch,
        IfNoneMatch
    ),
    responses(
        (
            status = 200, body = Vec<u8>, content_type = "application/octet-stream",
            description = "The content, verified"
        ),
        (
            status = 206, body = Vec<u8>, content_type = "application/octet-stream",
            description = "The part that Range asks for"
        ),
        (status = 304, description = "The version is one that If-None-Match names"),
        (status = 404, body = FailureJson, description = "there is no such file"),
        (status = 410, body = FailureJson, description = "the file was deleted"),
        (status = 412, body = FailureJson, description = "another version is current than If-Match names"),
        (status = 416, body = FailureJson, description = "the file has no such part"),
        Common,
    )
)]
pub(super) async fn get(
    State(api): State<Api>,
    NamedKey(key): NamedKey,
    Asked(GetQuery { keep }): Asked<GetQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let conditions = Conditions::read(&headers)?;
    // What follows from what is known here is answered without a look at the content.
    let is_part = headers.contains_key(header::RANGE);
    let known = if conditions.are_there() || is_part { api.handle.stat(&key).await.ok() } else { None };
    if let Some(answer) = known.and_then(|known| unread(&headers, &conditions, known.version, known.size)) {
        return answer;
    }
    let fetched = if keep { api.handle.get(&key).await? } else { api.handle.get_unkept(&key).await? };
    let (version, size, from) = (fetched.version, fetched.size, fetched.from);
    if let Some(answer) = unread(&headers, &conditions, version, size) {
        return answer;
    }
    let (status, part) = match asked(&headers, version, size) {
        Part::Some(part) => (StatusCode::PARTIAL_CONTENT, part),
        _ => (StatusCode::OK, 0..size),
    };
    let length = part.end - part.start;
    let range = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
    let mut response = (status, body::part(fetched, part)).into_response();
    describe(&mut response, version, length);
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, header::CONTENT_RANGE, range);
    }
    if let Some(peer) = from {
        set(&mut response, HeaderName::from_static(FROM), peer.to_string());
    }
    Ok(response)
}

/// Returns the answer to a request for a version of this size, if it has none of the content.
fn unread(
    headers: &HeaderMap,
    conditions: &Conditions,
    version: Version,
    size: u64,
) -> Option<Result<Response, Failure>> {
    let decided = decided(conditions, version);
    if decided.is_some() || asked(headers, version, size) != Part::Outside {
        return decided;
    }
    let why = format!("the file has {size} bytes");
    let mut response = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, &why).into_response();
    set(&mut response, header::CONTENT_RANGE, format!("bytes */{size}"));
    Some(Ok(response))
}

/// Returns the answer to a request for a version, if its conditions decide it.
fn decided(conditions: &Conditions, version: Version) -> Option<Result<Response, Failure>> {
    match conditions.judge(version) {
        Verdict::Other => Some(Err(conditions::refuse(version))),
        Verdict::Known => Some(Ok(unchanged(version))),
        Verdict::Met => None,
    }
}

/// Returns the part of a version that is asked for. A part of another version would not fit to what the caller has.
fn asked(headers: &HeaderMap, version: Version, size: u64) -> Part {
    let fits = !headers.contains_key(header::IF_RANGE)
        || text(headers, header::IF_RANGE).is_some_and(|known| known.trim() == tag_of(version));
    text(headers, header::RANGE).filter(|_| fits).map_or(Part::Whole, |value| range::part(value, size))
}

fn unchanged(version: Version) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    set(&mut response, header::ETAG, tag_of(version));
    response
}

/// Answers with what `get` would say of a file, and fetches nothing.
#[utoipa::path(
    head,
    path = "/v1/files/{key}",
    params(
        KeyInPath,
        ("keep" = Option<bool>, Query, description = "As for GET; says nothing here"),
        IfMatch,
        IfNoneMatch
    ),
    responses(
        (status = 200, description = "Size and version"),
        (status = 304, description = "The version is one that If-None-Match names"),
        (status = 404, description = "There is no such file"),
        (status = 410, description = "The file was deleted"),
        (status = 412, description = "another version is current than If-Match names"),
        CommonOfHead,
    )
)]
pub(super) async fn head(
    State(api): State<Api>,
    NamedKey(key): NamedKey,
    Asked(_): Asked<GetQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let conditions = Conditions::read(&headers)?;
    let info = api.handle.stat(&key).await?;
    if let Some(answer) = decided(&conditions, info.version) {
        let mut response = answer?;
        // Without it, an answer that has no content would say that the file is empty (RFC 9110, section 8.6).
        set(&mut response, header::CONTENT_LENGTH, info.size.to_string());
        return Ok(response);
    }
    let mut response = StatusCode::OK.into_response();
    describe(&mut response, info.version, info.size);
    Ok(response)
}

fn describe(response: &mut Response, version: Version, length: u64) {
    set(response, header::CONTENT_LENGTH, length.to_string());
    set(response, header::CONTENT_TYPE, "application/octet-stream".to_owned());
    set(response, header::ACCEPT_RANGES, "bytes".to_owned());
    set(response, header::ETAG, tag_of(version));
}
