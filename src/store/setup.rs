//! The layout that a data directory has, as its file `layout` says.
//!
//! ```text
//! dacapo layout 1
//! packed                  or: folders, or "folders to packed" during a conversion
//! ```
//!
//! A directory without that file was made before there was a choice, and has folders.

use std::io;

use super::identity::is_used;
use super::layout::{self, Layout};
use crate::disk::Disk;
use crate::disk::text_file;

const HEADER: &str = "dacapo layout 1\n";

/// What a data directory says of its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// All blobs lie in this layout.
    Settled(Layout),
    /// A conversion has begun: a blob may lie in either layout.
    Converting {
        /// The layout that the blobs had.
        from: Layout,
        /// The layout that the blobs are to have.
        to: Layout,
    },
}

/// Why the layout of a data directory cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The file is not what a node has written.
    #[error(
        "the file layout is damaged; it has to be the line {line:?} and then folders or packed",
        line = HEADER.trim_end()
    )]
    Damaged,
    /// The directory has another layout than was asked for.
    #[error("the data directory has the layout {found}, not {wanted}; `dacapo convert` changes it")]
    Other {
        /// The layout that the directory has.
        found: Layout,
        /// The layout that was asked for.
        wanted: Layout,
    },
    /// The file is missing in a used directory, and another layout was asked for than directories without it have.
    #[error(
        "the file layout is missing, and without it the blobs lie in folders; if they are {wanted}, or are to be, put \
         back the file that was here, or let `dacapo convert --layout {wanted}` look for all blobs and write it anew"
    )]
    Unrecorded {
        /// The layout that was asked for.
        wanted: Layout,
    },
    /// The blobs lie in another layout than the file says; without the file they would lie in folders. Nothing is lost.
    #[error(
        "the blobs lie in the layout {blobs}, and the file layout says {said}, or is missing: put back the file that \
         was here, or let `dacapo convert --layout {blobs}` look for all blobs and write it anew"
    )]
    Mismatch {
        /// The layout in the file.
        said: Layout,
        /// The layout of the blobs.
        blobs: Layout,
    },
    /// A conversion was interrupted.
    #[error("the conversion to the layout {to} was interrupted; `dacapo convert` goes on with it, or turns it back")]
    Converting {
        /// The layout that the blobs are to have.
        to: Layout,
    },
    /// The disk failed.
    #[error("cannot {operation} the file layout: {source}")]
    Disk {
        /// What was attempted.
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Setup {
    /// Reads what is recorded.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or is damaged.
    pub fn read(disk: &impl Disk) -> Result<Self, LayoutError> {
        Ok(recorded(disk)?.unwrap_or(Self::Settled(Layout::Folders)))
    }

    /// Records the layout. Durable on return.
    ///
    /// # Errors
    /// After an error the old or the new layout is recorded.
    pub fn write(self, disk: &impl Disk) -> Result<(), LayoutError> {
        let text = match self {
            Self::Settled(layout) => format!("{HEADER}{layout}\n"),
            Self::Converting { from, to } => format!("{HEADER}{from} to {to}\n"),
        };
        text_file::replace(disk, &layout::layout_temporary(), &layout::layout(), &text)
            .map_err(|source| LayoutError::Disk { operation: "write", source })
    }

    /// Returns the layout that all blobs have.
    ///
    /// # Errors
    /// Fails if a conversion has begun.
    pub fn settled(self) -> Result<Layout, LayoutError> {
        match self {
            Self::Settled(layout) => Ok(layout),
            Self::Converting { to, .. } => Err(LayoutError::Converting { to }),
        }
    }
}

impl Layout {
    /// Gives an unused directory the wanted layout, or the default if none is wanted. Checks that a used directory has
    /// the wanted layout.
    ///
    /// # Errors
    /// Fails if the directory has another layout, if a conversion has begun, or if the disk fails.
    pub fn choose(disk: &impl Disk, wanted: Option<Self>) -> Result<Self, LayoutError> {
        let failed = |source| LayoutError::Disk { operation: "look for", source };
        let found = match recorded(disk)? {
            Some(setup) => setup.settled()?,
            None if is_used(disk).map_err(failed)? => match wanted {
                Some(wanted) if wanted != Self::Folders => return Err(LayoutError::Unrecorded { wanted }),
                _ => Self::Folders,
            },
            None => {
                let layout = wanted.unwrap_or_default();
                Setup::Settled(layout).write(disk)?;
                layout
            }
        };
        match wanted {
            Some(wanted) if wanted != found => Err(LayoutError::Other { found, wanted }),
            _ => Ok(found),
        }
    }
}

fn recorded(disk: &impl Disk) -> Result<Option<Setup>, LayoutError> {
    let read = text_file::read(disk, &layout::layout(), text_file::FILE_BYTES_MAX);
    let text = read.map_err(|source| LayoutError::Disk { operation: "read", source })?;
    text.map(|text| parse(&text).ok_or(LayoutError::Damaged)).transpose()
}

fn parse(text: &[u8]) -> Option<Setup> {
    let line = std::str::from_utf8(text).ok()?.strip_prefix(HEADER)?.strip_suffix('\n')?;
    match line.split_once(" to ") {
        None => line.parse().ok().map(Setup::Settled),
        Some((from, to)) => Some(Setup::Converting { from: from.parse().ok()?, to: to.parse().ok()? }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Version;
    use crate::store::layout::BlobId;
    use crate::store::tests::{Place, key};
    use crate::store::{Change, StorageError, Store};

    #[test]
    fn a_packed_directory_that_has_lost_its_layout_is_refused_as_it_is() {
        let place = Place::new();
        let (store, _) = place.open(Layout::Packed);
        let packed = Change::Object(BlobId::Own(key("a").file_name()), Some(b"content".to_vec().into()));
        store.commit(&[place.stored(&key("a"), Version(1), b"content"), packed]).expect("a good disk");
        drop(store);
        let opened = Store::open(place.disk.clone(), &place.keys).map(drop);
        assert!(matches!(opened, Err(StorageError::Layout(LayoutError::Mismatch { .. }))), "{opened:?}");
        let chosen = Layout::choose(&place.disk, Some(Layout::Packed));
        assert!(matches!(chosen, Err(LayoutError::Unrecorded { wanted: Layout::Packed })), "{chosen:?}");
        Setup::Settled(Layout::Packed).write(&place.disk).expect("a good disk");
        let (store, _) = Store::open(place.disk.clone(), &place.keys).expect("it is as it was");
        assert!(store.has_blob(&BlobId::Own(key("a").file_name())).expect("a good disk"));
    }

    #[test]
    fn only_what_a_node_writes_is_a_layout() {
        assert_eq!(parse(b"dacapo layout 1\npacked\n"), Some(Setup::Settled(Layout::Packed)));
        let converting = Setup::Converting { from: Layout::Folders, to: Layout::Packed };
        assert_eq!(parse(b"dacapo layout 1\nfolders to packed\n"), Some(converting));
        for text in
            ["", "packed\n", "dacapo layout 1\npacked", "dacapo layout 1\nflat\n", "dacapo layout 1\npacked\n\n"]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
