//! The directory that holds the data directories of the demonstration: a named one, or a temporary one that goes when
//! the demonstration ends.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::star::DIRS;
use crate::cli::error::CliError;

/// A directory, removed when this is dropped if it is temporary.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    /// Makes the directory. A named one may exist, but no data directory in it.
    pub(super) fn open(kept: Option<&Path>) -> Result<Self, CliError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CliError::Output { path, source }
        };
        let Some(path) = kept else {
            let path = std::env::temp_dir().join(format!("dacapo-demo-{}", std::process::id()));
            // Not recursive: a directory that somebody else put there is not used.
            DirBuilder::new().mode(0o700).create(&path).map_err(failed(&path))?;
            return Ok(Self { path, is_temporary: true });
        };
        // Two runs from one seed in one directory would draw the same IVs for different versions.
        for name in DIRS {
            let path = path.join(name);
            if fs::symlink_metadata(&path).is_ok() {
                return Err(CliError::DemoExists { path });
            }
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
        Ok(Self { path: path.to_owned(), is_temporary: false })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary {
            // If something stays behind, the system cleans it up.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}
