//! What the store has done on its own, for the node to tell.

use super::Store;
use super::catalog::{Origin, Salvaged};
use super::error::StorageError;
use super::lock::lock;
use crate::disk::{Disk, DiskPath};

/// One thing that the store has done besides what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// There was no catalog, and an empty one was made.
    Lost,
    /// A damaged catalog was set aside, and another one took its place.
    Salvaged(Salvaged),
    /// Something lay in the place of a file or a folder of the node.
    Obstacle {
        /// Where it lay.
        path: DiskPath,
        /// Where it is; `None` if it was an empty folder, which is gone.
        place: Option<DiskPath>,
    },
    /// A temporary file that a crash has left could not be settled. The next use of the blob tries again.
    Unsettled {
        /// The temporary file.
        path: DiskPath,
        /// Why not.
        reason: String,
    },
}

impl Origin {
    /// Returns what there is to tell, if the directory had a catalog once.
    #[must_use]
    pub fn news(self) -> Option<News> {
        match self {
            Self::Found => None,
            Self::MadeForNone => Some(News::Lost),
            Self::MadeForDamaged(salvaged) => Some(News::Salvaged(salvaged)),
        }
    }
}

impl<D: Disk> Store<D> {
    /// Notes that what became of the catalog before was told. Until then each start has it to tell. Durable on return.
    ///
    /// # Errors
    /// After an error it may be told once more.
    pub fn forget_told(&self) -> Result<(), StorageError> {
        Ok(self.catalog.forget_told()?)
    }

    /// Returns what was done since the last call. What happens while too much waits is not kept.
    pub fn take_news(&self) -> Vec<News> {
        let mut news = std::mem::take(&mut *lock(&self.news));
        news.extend(self.catalog.take_salvaged().map(News::Salvaged));
        news
    }
}
