//! Requests that were not done: a status for programs, a sentence for people, and whether it perhaps happened.

use std::fmt::Display;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::node::{DeleteError, GetError, StatError, StoreError, StoreFault};

/// A request that was not done, or perhaps was.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) error: String,
    pub(super) outcome: Outcome,
}

/// Whether what was asked for has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// Certainly not.
    Rejected,
    /// Perhaps.
    Unconfirmed,
}

/// A request that was not done, or perhaps was.
#[derive(Serialize, ToSchema)]
pub(super) struct FailureJson {
    error: String,
    outcome: Outcome,
}

impl Failure {
    /// A request that changed nothing.
    pub(super) fn new(status: StatusCode, error: &impl Display) -> Self {
        Self { status, error: error.to_string(), outcome: Outcome::Rejected }
    }

    pub(super) fn bad_request(error: &impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    fn unconfirmed(status: StatusCode, error: &impl Display) -> Self {
        Self { outcome: Outcome::Unconfirmed, ..Self::new(status, error) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, error, outcome } = self;
        let mut response = (status, Json(FailureJson { error, outcome })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Rejected(StoreFault::Content(_) | StoreFault::Size { .. }) => Self::bad_request(&error),
            StoreError::Rejected(StoreFault::TooLarge { .. }) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, &error),
            StoreError::Rejected(StoreFault::Stopped) => Self::new(StatusCode::SERVICE_UNAVAILABLE, &error),
            StoreError::Rejected(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, &error),
            StoreError::Unconfirmed(StoreFault::Stopped) => Self::unconfirmed(StatusCode::SERVICE_UNAVAILABLE, &error),
            StoreError::Unconfirmed(_) => Self::unconfirmed(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

impl From<GetError> for Failure {
    fn from(error: GetError) -> Self {
        let status = match error {
            GetError::NotFound { .. } => StatusCode::NOT_FOUND,
            GetError::Deleted => StatusCode::GONE,
            GetError::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
            // A peer that comes back may have it.
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, &error)
    }
}

impl From<DeleteError> for Failure {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::NotFound => Self::new(StatusCode::NOT_FOUND, &error),
            DeleteError::Changed => Self::new(StatusCode::PRECONDITION_FAILED, &error),
            DeleteError::TooFewReplicas { .. } => Self::new(StatusCode::CONFLICT, &error),
            DeleteError::Rejected(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, &error),
            DeleteError::Unconfirmed(_) => Self::unconfirmed(StatusCode::INTERNAL_SERVER_ERROR, &error),
            DeleteError::Stopped => Self::unconfirmed(StatusCode::SERVICE_UNAVAILABLE, &error),
        }
    }
}

impl From<StatError> for Failure {
    fn from(error: StatError) -> Self {
        let status = match error {
            StatError::NotFound => StatusCode::NOT_FOUND,
            StatError::Deleted => StatusCode::GONE,
            StatError::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
            StatError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, &error)
    }
}

/// Answers a path that there is not.
pub(super) async fn no_such_path(uri: Uri) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, &format_args!("there is no {}", uri.path()))
}

/// Answers a method that a path does not have.
pub(super) async fn no_such_method() -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, &"this path does not have this method: see the header Allow")
}
