//! Why a node did not do what a command asked, as it travels to the command: a text for people and a kind for scripts.

use std::fmt;

use dacapo::node::{DeleteError, GetError, MemberError, ReadError, StatError, StoreError};
use serde::{Deserialize, Serialize};

use crate::cli::limits::FAILURE_BYTES_MAX;

/// Why a request was not done. The message says whether it perhaps was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

/// What a script has to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FailureKind {
    Failed,
    NotFound,
    TooFewReplicas,
    /// Another version is current than the one that was named.
    Changed,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, error: &impl fmt::Display) -> Self {
        let mut message = error.to_string();
        cut(&mut message);
        Self { kind, message }
    }

    pub(crate) fn failed(error: &impl fmt::Display) -> Self {
        Self::new(FailureKind::Failed, error)
    }
}

/// Cuts an explanation to its bound.
pub(super) fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(FAILURE_BYTES_MAX));
}

macro_rules! failure_from {
    ($($error:ty $(: $not_found:pat)?),* $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let kind = match &error {
                    $($not_found => FailureKind::NotFound,)?
                    _ => FailureKind::Failed,
                };
                Self::new(kind, &error)
            }
        }
    )*};
}
failure_from!(
    StoreError,
    ReadError,
    GetError: GetError::NotFound { .. } | GetError::Deleted,
    StatError: StatError::NotFound | StatError::Deleted,
    MemberError,
);

impl From<DeleteError> for Failure {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::TooFewReplicas { .. } => {
                Self::new(FailureKind::TooFewReplicas, &format_args!("{error}; --force deletes it"))
            }
            DeleteError::Changed => Self::new(FailureKind::Changed, &error),
            _ => Self::failed(&error),
        }
    }
}
