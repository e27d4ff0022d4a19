//! What `--exclude` leaves out: names as in a `.gitignore` file (gitignore(5)).

use std::path::Path;

use dacapo::folder::FilePath;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::cli::error::CliError;

/// The file that says what of its folder is left out.
pub(super) const IGNORE_FILE: &str = ".dacapoignore";

/// The names that are left out.
pub(super) struct Excluded(Gitignore);

impl Excluded {
    pub(super) fn new(globs: &[String]) -> Result<Self, CliError> {
        let mut builder = GitignoreBuilder::new("");
        let failed = |source: ignore::Error| CliError::Glob { reason: source.to_string() };
        for glob in globs {
            builder.add_line(None, glob).map_err(failed)?;
        }
        builder.build().map(Self).map_err(failed)
    }

    /// Tells whether a file is left out, or a directory on the way to it, below which nothing is taken in again.
    pub(super) fn has(&self, path: &FilePath) -> bool {
        let (names, _) = path.split();
        let mut places = (1..=names.len()).map(|count| names[..count].join("/"));
        places.any(|place| self.has_name(Path::new(&place), true)) || self.has_name(Path::new(path.as_str()), false)
    }

    /// Tells whether this very name, relative to the folder, is left out.
    pub(super) fn has_name(&self, path: &Path, is_dir: bool) -> bool {
        self.0.matched(path, is_dir).is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_left_out_as_git_does() {
        let excluded = |globs: &[&str], path: &str| {
            let globs: Vec<_> = globs.iter().map(ToString::to_string).collect();
            Excluded::new(&globs).expect("good globs").has(&FilePath::new(path).expect("a place"))
        };
        assert!(excluded(&["*.tmp"], "a/b.tmp") && !excluded(&["*.tmp"], "a/b.tmpl"));
        assert!(excluded(&["cache/"], "a/cache/b/c") && !excluded(&["cache/"], "a/cache"));
        assert!(excluded(&["/build"], "build/a") && !excluded(&["/build"], "a/build"));
        assert!(!excluded(&["*.tmp", "!keep.tmp"], "keep.tmp"));
        assert!(excluded(&["cache/", "!cache/keep"], "cache/keep"));
        assert!(Excluded::new(&["[z-a]".to_owned()]).is_err());
    }
}
