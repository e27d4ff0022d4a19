//! Which layout a data directory has, as its file `layout` says.
//!
//! ```text
//! dacapo layout 1
//! packed                  or folders, or "folders to packed" while it is converted
//! ```
//!
//! A directory without that file is from before there was a choice, and has folders.

use std::io;

use super::identity::is_used;
use super::layout::{self, Layout};
use crate::disk::Disk;
use crate::disk::text_file;

const HEADER: &str = "dacapo layout 1\n";

/// What a data directory says of its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// All blobs lie so.
    Settled(Layout),
    /// A conversion has begun: a blob may lie either way.
    Converting {
        /// How they lay.
        from: Layout,
        /// How they are to lie.
        to: Layout,
    },
}

/// Why the layout of a data directory cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The file is not what a node has written.
    #[error("the file layout is damaged; it has to be the line {line:?} and then folders or packed", line = HEADER.trim_end())]
    Damaged,
    /// It is another one than was asked for.
    #[error("the data directory has the layout {found}, not {wanted}; `dacapo convert` changes it")]
    Other {
        /// What it has.
        found: Layout,
        /// What was asked for.
        wanted: Layout,
    },
    /// A conversion was interrupted.
    #[error("the conversion to the layout {to} was interrupted; `dacapo convert` goes on with it")]
    Converting {
        /// How the blobs are to lie.
        to: Layout,
    },
    /// The disk failed.
    #[error("cannot {operation} the file layout: {source}")]
    Disk {
        /// What was attempted.
        operation: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl Setup {
    /// What is recorded.
    ///
    /// # Errors
    /// Where that cannot be read, or is damaged.
    pub fn read(disk: &impl Disk) -> Result<Self, LayoutError> {
        Ok(recorded(disk)?.unwrap_or(Self::Settled(Layout::Folders)))
    }

    /// Records it. Durable on return.
    ///
    /// # Errors
    /// The old or the new one is then recorded.
    pub fn write(self, disk: &impl Disk) -> Result<(), LayoutError> {
        let text = match self {
            Self::Settled(layout) => format!("{HEADER}{layout}\n"),
            Self::Converting { from, to } => format!("{HEADER}{from} to {to}\n"),
        };
        text_file::replace(disk, &layout::layout_temporary(), &layout::layout(), &text)
            .map_err(|source| LayoutError::Disk { operation: "write", source })
    }

    /// The layout that all blobs have.
    ///
    /// # Errors
    /// Where a conversion has begun.
    pub fn settled(self) -> Result<Layout, LayoutError> {
        match self {
            Self::Settled(layout) => Ok(layout),
            Self::Converting { to, .. } => Err(LayoutError::Converting { to }),
        }
    }
}

impl Layout {
    /// Gives a directory that has not been used the wanted layout, or the default; and checks that one that has been
    /// used has the wanted one.
    ///
    /// # Errors
    /// Where it has another one.
    pub fn choose(disk: &impl Disk, wanted: Option<Self>) -> Result<Self, LayoutError> {
        let failed = |source| LayoutError::Disk { operation: "look for", source };
        let found = match recorded(disk)? {
            Some(setup) => setup.settled()?,
            None if is_used(disk).map_err(failed)? => Self::Folders,
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
