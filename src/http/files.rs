//! Files over HTTP: storing, deleting and listing them.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::Api;
use super::body;
use super::conditions::{self, Conditions, Verdict, tag_of};
use super::described::{Common, IfMatch, KeyInPath};
use super::failure::{Failure, FailureJson};
use super::request::{Asked, NamedKey, NoQuery, Parameter, Parameters, length_told};
use crate::crypto::Key;
use crate::limits::LIST_PAGE_MAX;
use crate::node::{Content, DeleteError, StatError};
use crate::view;
use crate::view::json::{DeletedEverywhereJson, DeletedJson, FileJson, StoredJson};

/// Stores the content of a request under a key. An answer of 200 means that it is durable here, and says at which
/// peers.
#[utoipa::path(
    put,
    path = "/v1/files/{key}",
    params(KeyInPath),
    request_body(content = Option<Vec<u8>>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = StoredJson<'static>, description = "Durable here; the receipts say at which peers"),
        (status = 411, body = FailureJson, description = "the content has no length and does not come in chunks"),
        (status = 413, body = FailureJson, description = "larger than any file may be"),
        (status = 415, body = FailureJson, description = "encoded content"),
        (status = 501, body = FailureJson, description = "a condition, or another transfer coding than chunked"),
        Common,
    )
)]
pub(super) async fn put(
    State(api): State<Api>,
    key: Result<NamedKey, Failure>,
    query: Result<NoQuery, Failure>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let checked = query.and(key).and_then(|NamedKey(key)| Ok((key, length_told(&headers)?)));
    let (key, size) = match checked {
        Ok(checked) => checked,
        Err(refused) => {
            body::pass_over(&headers, body).await;
            return Err(refused);
        }
    };
    let stored = api.handle.store(&key, Content::reader(body::reader(body), size)).await?;
    let mut response = Json(StoredJson::new(&key, &stored)).into_response();
    set(&mut response, header::ETAG, tag_of(stored.version));
    Ok(response)
}

/// Deletes a file here and at every peer.
#[utoipa::path(
    delete,
    path = "/v1/files/{key}",
    params(KeyInPath, IfMatch),
    responses(
        (
            status = 200, body = DeletedEverywhereJson<'static>,
            description = "Deleted here; the receipts say at which peers"
        ),
        (status = 404, body = FailureJson, description = "there is no such file"),
        (status = 412, body = FailureJson, description = "another version is current than If-Match names"),
        (status = 501, body = FailureJson, description = "another condition than If-Match"),
        Common,
    )
)]
pub(super) async fn delete(
    State(api): State<Api>,
    NamedKey(key): NamedKey,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    conditions::refuse_all(
        &headers,
        &[header::IF_NONE_MATCH, header::IF_UNMODIFIED_SINCE],
        "a deletion has none but If-Match",
    )?;
    let expected = match Conditions::read(&headers)? {
        conditions if conditions.are_there() => {
            let version = match api.handle.stat(&key).await {
                Err(StatError::NotFound | StatError::Deleted) => return Err(no_such_file()),
                known => known?.version,
            };
            match conditions.judge(version) {
                Verdict::Met => Some(version),
                _ => return Err(conditions::refuse(version)),
            }
        }
        _ => None,
    };
    // A node that has stopped knows no peers any more.
    let away = view::away(&api.handle).await.len();
    let receipts = match expected {
        Some(version) => api.handle.delete_version_everywhere(&key, version).await,
        None => api.handle.delete_everywhere(&key).await,
    };
    let receipts = match receipts {
        Err(DeleteError::NotFound) => return Err(no_such_file()),
        receipts => receipts?,
    };
    Ok(Json(DeletedEverywhereJson::new(&key, &receipts, away)).into_response())
}

fn no_such_file() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, &"there is no such file")
}

/// What a deletion of a local copy asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyQuery {
    /// How many peers have to hold a verified copy.
    #[serde(default = "one")]
    min_replicas: usize,
}

impl Parameters for CopyQuery {
    const ALL: &'static [Parameter] = &[Parameter {
        name: "min_replicas",
        wanted: "a number of peers",
        is_right: |value| value.parse::<usize>().is_ok(),
    }];
}

fn one() -> usize {
    1
}

/// Deletes the local copy of a file, if peers hold it.
#[utoipa::path(
    delete,
    path = "/v1/copies/{key}",
    params(
        KeyInPath,
        ("min_replicas" = Option<u32>, Query, description = "How many peers have to hold it; 1 if nothing is said")
    ),
    responses(
        (status = 200, body = DeletedJson<'static>, description = "The local copy is deleted"),
        (status = 404, body = FailureJson, description = "there is no such file, or no local copy of it"),
        (status = 409, body = FailureJson, description = "too few peers hold a copy"),
        (status = 410, body = FailureJson, description = "the file was deleted"),
        (status = 501, body = FailureJson, description = "a condition"),
        Common,
    )
)]
pub(super) async fn delete_copy(
    State(api): State<Api>,
    NamedKey(key): NamedKey,
    Asked(CopyQuery { min_replicas }): Asked<CopyQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let conditions = [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_UNMODIFIED_SINCE];
    conditions::refuse_all(&headers, &conditions, "the deletion of a copy has no conditions")?;
    let deleted = match min_replicas {
        0 => api.handle.delete(&key).await,
        wanted => api.handle.delete_if_held(&key, wanted).await,
    };
    if let Err(DeleteError::NotFound) = deleted {
        // If there is no such file, that is to be told.
        api.handle.stat(&key).await?;
    }
    deleted?;
    Ok(Json(DeletedJson::new(&key)).into_response())
}

/// Which files are to be listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default)]
    prefix: String,
    after: Option<Key>,
    limit: Option<usize>,
}

impl Parameters for ListQuery {
    const ALL: &'static [Parameter] = &[
        Parameter { name: "prefix", wanted: "any text", is_right: |_| true },
        Parameter {
            name: "after",
            wanted: "a key: 1 to 1,024 bytes of UTF-8 without control characters",
            is_right: |value| value.parse::<Key>().is_ok(),
        },
        Parameter {
            name: "limit",
            wanted: "a number from 1 to 1024",
            is_right: |value| value.parse().is_ok_and(|limit| (1..=LIST_PAGE_MAX).contains(&limit)),
        },
    ];
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<'a> {
    files: Vec<FileJson<'a>>,
    /// What `after` has to be for the next page; null after the last one. A page after this one may be empty.
    next: Option<&'a str>,
}

/// Answers with a page of the files whose keys begin with a prefix, in the order of their keys.
#[utoipa::path(
    get,
    path = "/v1/files",
    params(
        ("prefix" = Option<String>, Query, description = "What the keys begin with"),
        ("after" = Option<String>, Query, min_length = 1, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$",
            description = "The last key of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1024, description = "How many files are listed at most")
    ),
    responses(
        (status = 200, body = Page<'static>, description = "A page of the files, in the order of their keys"),
        Common,
    )
)]
pub(super) async fn list(
    State(api): State<Api>,
    Asked(ListQuery { prefix, after, limit }): Asked<ListQuery>,
) -> Result<Response, Failure> {
    let limit = limit.unwrap_or(LIST_PAGE_MAX);
    let mut files = api.handle.list_under(&prefix, after.as_ref()).await?;
    // Of a page that is as long as the node makes any, nobody knows whether it is the last.
    let is_last = files.len() <= limit && files.len() < LIST_PAGE_MAX;
    files.truncate(limit);
    let next = files.last().filter(|_| !is_last).map(|last| last.key.as_str());
    Ok(Json(Page { files: files.iter().map(FileJson::from).collect(), next }).into_response())
}

/// Adds a header to an answer.
pub(super) fn set(response: &mut Response, name: HeaderName, value: String) {
    response.headers_mut().insert(name, HeaderValue::try_from(value).expect("digits, ids and words"));
}
