//! What the data directory fails with.

use std::io;

use super::setup::LayoutError;
use crate::disk::DiskPath;
use crate::limits::QUARANTINE_FILES_MAX;

/// Why the data directory could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A disk call failed.
    #[error("cannot {operation} {path}: {source}")]
    Disk {
        /// What was attempted.
        operation: &'static str,
        /// The path below the data directory.
        path: DiskPath,
        /// What the operating system said.
        source: io::Error,
    },
    /// The catalog could not be read or changed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The layout of the data directory cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The quarantine is full, and what was to be set aside may be the only copy of something. It is where it was.
    #[error("quarantine/ is full: move its {QUARANTINE_FILES_MAX} files to another place, and try again")]
    QuarantineFull,
    /// A file that a commit names could not be put in its place, so a conversion does not begin, or does not go on.
    #[error("{path}, which a crash has left, cannot be put in its place: try again, or start the node")]
    Unsettled {
        /// The path below the data directory.
        path: DiskPath,
    },
    /// The catalog is damaged, and there is no place for it beside those that were set aside before. Nothing was
    /// changed.
    #[error(
        "the catalog is damaged, and quarantine/ has {count} damaged ones already: move them to another place, and \
         start the node again"
    )]
    CatalogsSetAside {
        /// How many there are.
        count: usize,
    },
}

impl StorageError {
    /// Whether the disk has no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let kind = match self {
            Self::Disk { source, .. } => Some(source.kind()),
            Self::Catalog(error) => error.io_kind(),
            Self::Layout(LayoutError::Disk { source, .. }) => Some(source.kind()),
            Self::Layout(_) | Self::QuarantineFull | Self::Unsettled { .. } | Self::CatalogsSetAside { .. } => None,
        };
        matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// Does something again if a damaged catalog has kept it from its end: mostly there is a new catalog then.
pub(super) fn twice<T>(work: impl Fn() -> Result<T, StorageError>) -> Result<T, StorageError> {
    match work() {
        Err(StorageError::Catalog(error)) if error.is_damage() => work(),
        done => done,
    }
}

/// Returns a function that adds the operation and the path to a disk error.
pub(super) fn failed(operation: &'static str, path: &DiskPath) -> impl FnOnce(io::Error) -> StorageError {
    let path = path.clone();
    move |source| StorageError::Disk { operation, path, source }
}

/// Why the catalog could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The database refused, or its file could not be read or written.
    #[error("the catalog failed: {0}")]
    Database(#[source] Box<redb::Error>),
    /// The database panicked, which only a damaged file or a defect can cause.
    #[error("the catalog failed: the database panicked")]
    Panicked,
    /// The file is damaged, and could not be replaced. The next use tries again.
    #[error("the catalog is damaged and could not be replaced: {reason}")]
    NotReplaced {
        /// Why not.
        reason: String,
        /// The kind of the disk's error, if it was one.
        kind: Option<io::ErrorKind>,
    },
    /// The catalog is that of another node. Nothing in it was changed.
    #[error(
        "the catalog belongs to another identity than the one in the file identity: put back the file that was here \
         before"
    )]
    OtherNode,
    /// A record does not decode: the file was changed by something else.
    #[error("the catalog has a record that does not decode, in table {table:?}")]
    Record {
        /// The table.
        table: &'static str,
    },
}

impl CatalogError {
    /// Whether the file was read and is no catalog. A disk error says no: the file that could not be read may be whole.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Database(error) => match &**error {
                redb::Error::Corrupted(_) => true,
                redb::Error::Io(error) => {
                    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
                }
                _ => false,
            },
            Self::Record { .. } | Self::Panicked => true,
            Self::NotReplaced { .. } | Self::OtherNode => false,
        }
    }

    /// Whether the database is of no further use, and has to be opened again.
    pub(super) fn ends_database(&self) -> bool {
        match self {
            Self::Database(error) => matches!(
                **error,
                redb::Error::Io(_)
                    | redb::Error::PreviousIo
                    | redb::Error::Corrupted(_)
                    | redb::Error::LockPoisoned(_)
                    | redb::Error::DatabaseClosed
            ),
            // Each page is what was written, so one of them was written elsewhere, or never.
            Self::Record { .. } | Self::Panicked => true,
            Self::NotReplaced { .. } | Self::OtherNode => false,
        }
    }

    /// Returns the error of a damaged catalog that could not be replaced.
    pub(super) fn not_renewed(error: &StorageError) -> Self {
        let kind = match error {
            StorageError::Disk { source, .. } => Some(source.kind()),
            StorageError::Catalog(error) => error.io_kind(),
            _ => None,
        };
        Self::NotReplaced { reason: error.to_string(), kind }
    }

    pub(super) fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Database(error) => match &**error {
                redb::Error::Io(error) => Some(error.kind()),
                _ => None,
            },
            Self::NotReplaced { kind, .. } => *kind,
            Self::Record { .. } | Self::Panicked | Self::OtherNode => None,
        }
    }
}

impl<E: Into<redb::Error>> From<E> for CatalogError {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}
