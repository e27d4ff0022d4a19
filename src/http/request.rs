//! What requests say, checked before it is believed: keys, queries and versions.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::conditions;
use super::failure::Failure;
use crate::crypto::Key;

/// The key that a path names, after its last fixed part, in percent-encoding.
pub(super) struct NamedKey(pub(super) Key);

impl<S: Send + Sync> FromRequestParts<S> for NamedKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path(key) = path.map_err(|refused| Failure::bad_request(&refused.body_text()))?;
        if parts.uri.query() == Some("") {
            return Err(Failure::bad_request(&"a question mark in a key is written %3F"));
        }
        if !is_encoded(parts.uri.path()) {
            return Err(Failure::bad_request(&"a percent sign in a key is written %25"));
        }
        key.parse().map(Self).map_err(|error| Failure::bad_request(&error))
    }
}

/// Nothing stands after a question mark. A key with one, whose writer forgot to encode it, would name another file.
pub(super) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match parts.uri.query() {
            None => Ok(Self),
            Some(_) => Err(Failure::bad_request(&"this path has no query; a question mark in a key is written %3F")),
        }
    }
}

/// What a path takes after the question mark.
pub(super) trait Parameters: DeserializeOwned {
    /// All of it.
    const ALL: &'static [Parameter];
}

/// A parameter of a query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// What it has to be, in words.
    pub(super) wanted: &'static str,
    pub(super) is_right: fn(&str) -> bool,
}

impl Parameter {
    /// Returns a parameter that is true or false.
    pub(super) const fn of_two(name: &'static str) -> Self {
        Self { name, wanted: "true or false", is_right: |value| matches!(value, "true" | "false") }
    }
}

/// What stands after the question mark. What is not known is refused.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: Parameters> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        if !parts.uri.query().is_none_or(is_text) {
            return Err(Failure::bad_request(&"the query is not UTF-8 in percent-encoding"));
        }
        let unreadable = |_: QueryRejection| Failure::bad_request(&"the query cannot be read");
        let pairs: Result<Query<Vec<(String, String)>>, _> = Query::from_request_parts(parts, state).await;
        check(&pairs.map_err(unreadable)?, T::ALL).map_err(|wrong| Failure::bad_request(&wrong))?;
        let query: Result<Query<T>, _> = Query::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(unreadable)
    }
}

/// Says what is wrong with the parameters of a query, if anything is.
fn check(pairs: &[(String, String)], all: &[Parameter]) -> Result<(), String> {
    for (position, (name, value)) in pairs.iter().enumerate() {
        let Some(Parameter { wanted, is_right, .. }) = all.iter().find(|parameter| parameter.name == name) else {
            let names: Vec<_> = all.iter().map(|parameter| parameter.name).collect();
            return Err(format!("this path has no parameter {name:?}; it has {}", names.join(", ")));
        };
        if pairs[..position].iter().any(|(before, _)| before == name) {
            return Err(format!("the parameter {name} stands more than once"));
        }
        if !is_right(value) {
            return Err(format!("the parameter {name} is {value:?}; it has to be {wanted}"));
        }
    }
    Ok(())
}

/// Whether each percent sign begins the code of a byte (RFC 3986, section 2.1). The decoder leaves others as they are.
fn is_encoded(text: &str) -> bool {
    let mut codes = text.split('%').skip(1);
    codes.all(|code| code.as_bytes().first_chunk::<2>().is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)))
}

/// Whether a query is text once it is decoded. The decoder would put another character in the place of what is none.
fn is_text(query: &str) -> bool {
    is_encoded(query) && percent_decode_str(query).decode_utf8().is_ok()
}

/// Returns the value of a header, if it is text and stands there once.
pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Checks what is said of the content of a store. Returns its length, if that is told before.
pub(super) fn length_told(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    let conditions = [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_UNMODIFIED_SINCE];
    conditions::refuse_all(headers, &conditions, "a store has no conditions: it replaces what is there")?;
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Failure::bad_request(&"Content-Range: a file is stored whole"));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let why = "Content-Encoding: content is stored as it is sent";
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why));
    }
    let length = text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    match text(headers, header::TRANSFER_ENCODING) {
        Some(coding) if coding.trim().eq_ignore_ascii_case("chunked") => Ok(None),
        None if length.is_some() && !headers.contains_key(header::TRANSFER_ENCODING) => Ok(length),
        None if !headers.contains_key(header::TRANSFER_ENCODING) => {
            let why = "say how long the content is, by Content-Length, or send it in chunks";
            Err(Failure::new(StatusCode::LENGTH_REQUIRED, &why))
        }
        _ => Err(Failure::new(StatusCode::NOT_IMPLEMENTED, &"Transfer-Encoding: chunked alone is known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_query_names_the_parameter_and_what_it_may_be() {
        let all = [Parameter::of_two("keep"), Parameter { name: "prefix", wanted: "any text", is_right: |_| true }];
        let wrong = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            check(&pairs, &all).err().unwrap_or_default()
        };
        assert_eq!(wrong(&[("keep", "false"), ("prefix", "")]), "");
        assert_eq!(wrong(&[("keep", "no")]), "the parameter keep is \"no\"; it has to be true or false");
        assert_eq!(wrong(&[("kept", "no")]), "this path has no parameter \"kept\"; it has keep, prefix");
        assert_eq!(wrong(&[("prefix", "a"), ("prefix", "b")]), "the parameter prefix stands more than once");
    }
}
