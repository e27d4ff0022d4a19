//! What the OpenAPI document says of several requests.

use utoipa::{IntoParams, IntoResponses};

use super::failure::FailureJson;

/// The key that a path ends with.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it is read when the document is made")]
pub(super) struct KeyInPath {
    /// The key, percent-encoded, its slashes too: up to 1,024 bytes of UTF-8 without control characters.
    #[param(min_length = 1, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    key: String,
}

/// The versions that a caller wants.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is read when the document is made")]
pub(super) struct IfMatch {
    /// Does what is asked only if one of these versions is the current one, or with `*` any.
    #[param(rename = "If-Match", value_type = String, required = false)]
    #[param(pattern = r#"^(\*|"[0-9]+"(, "[0-9]+")*)$"#)]
    if_match: Option<String>,
}

/// The versions that a caller has.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is read when the document is made")]
pub(super) struct IfNoneMatch {
    /// Answers with content only if none of these versions is the current one.
    #[param(rename = "If-None-Match", value_type = String, required = false)]
    #[param(pattern = r#"^(\*|"[0-9]+"(, "[0-9]+")*)$"#)]
    if_none_match: Option<String>,
}

/// What is wrong with any request.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is read when the document is made")]
pub(super) enum Common {
    /// The key, the query, a header or the content is not as it has to be.
    #[response(status = 400)]
    Wrong(FailureJson),
    /// The token is missing or wrong.
    #[response(status = 401)]
    Unnamed(FailureJson),
    /// The caller is not on this machine, or is a page of another site.
    #[response(status = 403)]
    Foreign(FailureJson),
    /// The disk of the node failed.
    #[response(status = 500)]
    Disk(FailureJson),
    /// No copy is reached at the moment, the node stops, or too many ask.
    #[response(status = 503)]
    Later(FailureJson),
}

/// The same without content, as `HEAD` is answered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is read when the document is made")]
pub(super) enum CommonOfHead {
    /// The key or a header is not as it has to be.
    #[response(status = 400)]
    Wrong,
    /// The token is missing or wrong.
    #[response(status = 401)]
    Unnamed,
    /// The caller is not on this machine, or is a page of another site.
    #[response(status = 403)]
    Foreign,
    /// The disk of the node failed.
    #[response(status = 500)]
    Disk,
    /// The node stops, or too many ask.
    #[response(status = 503)]
    Later,
}
