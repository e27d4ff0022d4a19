//! What an owner takes up on this disk. The catalog updates it with each commit, as it does with the summaries.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

use super::record::Known;
use crate::crypto::IV_BYTES;
use crate::limits::FILE_BYTES_MAX;

/// What the replicas and deletions of one owner take up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The number of replicas.
    pub files: u64,
    /// The sealed bytes of the replicas.
    pub bytes: u64,
    /// The number of deletions that are remembered.
    pub tombstones: u64,
}

impl Usage {
    /// Returns what one record takes up.
    #[must_use]
    pub fn of(known: Option<&Known>) -> Self {
        match known {
            // A rotten record counts for no more than the largest file, so that sums are exact.
            Some(Known::File(record)) => Self {
                files: 1,
                bytes: record.seal.sealed_bytes().min(FILE_BYTES_MAX + IV_BYTES as u64),
                tombstones: 0,
            },
            Some(Known::Deleted(_)) => Self { files: 0, bytes: 0, tombstones: 1 },
            None => Self::default(),
        }
    }
}

impl Add for Usage {
    type Output = Self;

    /// Adds without overflow, whatever lengths a damaged record claims.
    fn add(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
            tombstones: self.tombstones.saturating_add(other.tombstones),
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_sub(other.files),
            bytes: self.bytes.saturating_sub(other.bytes),
            tombstones: self.tombstones.saturating_sub(other.tombstones),
        }
    }
}
