//! Files: storing, getting, deleting and listing them.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::Api;
use super::body;
use super::described::{Common, CommonOfHead, KeyInPath};
use super::failure::{Failure, FailureJson};
use super::range::{self, Part};
use super::request::{
    Asked, NamedKey, NoQuery, expected, length_told, names, refuse_conditions, refuse_other, tag, text,
};
use crate::crypto::{Key, Version};
use crate::limits::LIST_PAGE_MAX;
use crate::node::{Content, DeleteError};
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
            body::pass_over(body).await;
            return Err(refused);
        }
    };
    let stored = api.handle.store(&key, Content::reader(body::reader(body), size)).await?;
    let mut response = Json(StoredJson::new(&key, &stored)).into_response();
    set(&mut response, header::ETAG, tag(stored.version));
    Ok(response)
}

/// How a file is to be got.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetQuery {
    /// Whether what comes from a peer stays here as the local copy.
    #[serde(default = "yes")]
    keep: bool,
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
        ("Range" = Option<String>, Header, description = "One range of bytes")
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
    if let Some(known) = text(&headers, header::IF_NONE_MATCH) {
        // A version that is there already is not read at all.
        let version = api.handle.stat(&key).await.ok().map(|info| info.version);
        if let Some(version) = version.filter(|version| names(known, *version, true)) {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            set(&mut response, header::ETAG, tag(version));
            return Ok(response);
        }
    }
    let fetched = if keep { api.handle.get(&key).await? } else { api.handle.get_unkept(&key).await? };
    let (version, size, from) = (fetched.version, fetched.size, fetched.from);
    refuse_other(&headers, version)?;
    // A part of another version would not fit to what the caller has.
    let fits = !headers.contains_key(header::IF_RANGE)
        || text(&headers, header::IF_RANGE).is_some_and(|known| known.trim() == tag(version));
    let asked = text(&headers, header::RANGE).filter(|_| fits);
    let (status, part) = match asked.map_or(Part::Whole, |value| range::part(value, size)) {
        Part::Whole => (StatusCode::OK, 0..size),
        Part::Some(part) => (StatusCode::PARTIAL_CONTENT, part),
        Part::Outside => {
            let why = format!("the file has {size} bytes");
            let mut response = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, &why).into_response();
            set(&mut response, header::CONTENT_RANGE, format!("bytes */{size}"));
            return Ok(response);
        }
    };
    let length = part.end - part.start;
    let range = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
    let mut response = (status, body::part(fetched, part)).into_response();
    describe(&mut response, version, length);
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, header::CONTENT_RANGE, range);
    }
    if let Some(peer) = from {
        set(&mut response, header::HeaderName::from_static(FROM), peer.to_string());
    }
    Ok(response)
}

/// Answers with what `get` would say of a file, and fetches nothing.
#[utoipa::path(
    head,
    path = "/v1/files/{key}",
    params(KeyInPath),
    responses(
        (status = 200, description = "Size and version"),
        (status = 404, description = "There is no such file"),
        (status = 412, description = "another version is current than If-Match names"),
        CommonOfHead,
    )
)]
pub(super) async fn head(
    State(api): State<Api>,
    NamedKey(key): NamedKey,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let info = api.handle.stat(&key).await?;
    refuse_other(&headers, info.version)?;
    let mut response = StatusCode::OK.into_response();
    describe(&mut response, info.version, info.size);
    Ok(response)
}

/// Deletes a file here and at every peer.
#[utoipa::path(
    delete,
    path = "/v1/files/{key}",
    params(KeyInPath),
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
    let conditions = [header::IF_NONE_MATCH, header::IF_UNMODIFIED_SINCE];
    refuse_conditions(&headers, &conditions, "a deletion has If-Match alone")?;
    let expected = expected(&headers)?;
    // A node that has stopped knows no peers any more.
    let away = view::away(&api.handle).await.len();
    let receipts = match expected {
        Some(version) => api.handle.delete_version_everywhere(&key, version).await,
        None => api.handle.delete_everywhere(&key).await,
    };
    let receipts = match receipts {
        Err(DeleteError::NotFound) => return Err(Failure::new(StatusCode::NOT_FOUND, &"there is no such file")),
        receipts => receipts?,
    };
    Ok(Json(DeletedEverywhereJson::new(&key, &receipts, away)).into_response())
}

/// What a deletion of a local copy asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyQuery {
    /// How many peers have to hold a verified copy.
    #[serde(default = "one")]
    min_replicas: usize,
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
        (status = 404, body = FailureJson, description = "there is no such file"),
        (status = 409, body = FailureJson, description = "too few peers hold a copy"),
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
    refuse_conditions(&headers, &conditions, "the deletion of a copy has no conditions")?;
    match min_replicas {
        0 => api.handle.delete(&key).await?,
        wanted => api.handle.delete_if_held(&key, wanted).await?,
    }
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

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<'a> {
    files: Vec<FileJson<'a>>,
    /// What `after` has to be for the next page; null at the end.
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
    if !(1..=LIST_PAGE_MAX).contains(&limit) {
        return Err(Failure::bad_request(&format_args!("limit is from 1 to {LIST_PAGE_MAX}")));
    }
    let mut files = api.handle.list_under(&prefix, after.as_ref()).await?;
    files.truncate(limit);
    let next = files.last().map(|last| last.key.as_str());
    Ok(Json(Page { files: files.iter().map(FileJson::from).collect(), next }).into_response())
}

/// The header that names the peer from which a file came back.
const FROM: &str = "dacapo-from";

fn describe(response: &mut Response, version: Version, length: u64) {
    set(response, header::CONTENT_LENGTH, length.to_string());
    set(response, header::CONTENT_TYPE, "application/octet-stream".to_owned());
    set(response, header::ACCEPT_RANGES, "bytes".to_owned());
    set(response, header::ETAG, tag(version));
}

fn set(response: &mut Response, name: header::HeaderName, value: String) {
    response.headers_mut().insert(name, HeaderValue::try_from(value).expect("digits, ids and words"));
}
