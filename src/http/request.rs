//! What requests say, checked before it is believed: keys, queries and versions.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use serde::de::DeserializeOwned;

use super::failure::Failure;
use crate::crypto::{Key, Version};

/// The key that a path names, after its last fixed part, in percent-encoding.
pub(super) struct NamedKey(pub(super) Key);

impl<S: Send + Sync> FromRequestParts<S> for NamedKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path(key) = path.map_err(|refused| Failure::bad_request(&refused.body_text()))?;
        key.parse().map(Self).map_err(|error| Failure::bad_request(&error))
    }
}

/// What stands after the question mark. What is not known is refused.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|refused| Failure::bad_request(&refused.body_text()))
    }
}

/// Returns the value of a header, if it is text and stands there once.
pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Writes a version as an entity tag (RFC 9110, 8.8.3).
pub(super) fn tag(version: Version) -> String {
    format!("\"{}\"", version.0)
}

/// Returns the version that `If-Match` names, if the header is there.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<Version>, Failure> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    let tag = text(headers, header::IF_MATCH).and_then(|value| value.trim().strip_prefix('"')?.strip_suffix('"'));
    match tag.and_then(|tag| tag.parse().ok()) {
        Some(version) => Ok(Some(Version(version))),
        None => Err(Failure::bad_request(&"If-Match names one version here, such as \"1767225600522\"")),
    }
}

/// Refuses what a store would have to look at and cannot: a condition that is passed over could cost a file.
pub(super) fn refuse_conditions(headers: &HeaderMap) -> Result<(), Failure> {
    let refused = |status, name: &HeaderName, why| {
        if headers.contains_key(name) { Err(Failure::new(status, &format_args!("{name}: {why}"))) } else { Ok(()) }
    };
    for name in [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_UNMODIFIED_SINCE] {
        refused(StatusCode::NOT_IMPLEMENTED, &name, "a store has no conditions: it replaces what is there")?;
    }
    refused(StatusCode::BAD_REQUEST, &header::CONTENT_RANGE, "a file is stored whole")?;
    refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, &header::CONTENT_ENCODING, "content is stored as it is sent")
}
