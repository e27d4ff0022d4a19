//! What `--exclude` and the ignore files of a folder leave out: names as in a `.gitignore` file (gitignore(5)).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use dacapo::folder::FilePath;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::cli::error::CliError;

/// The file that says what of its folder is left out.
pub(super) const IGNORE_FILE: &str = ".dacapoignore";

const BYTE_ORDER_MARK: char = '\u{feff}';

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

/// What the ignore files of a folder leave out, for names that nothing in the folder has. A walk asks the same of what
/// it comes upon.
#[derive(Default)]
pub(super) struct Ignored {
    /// The rules of each directory, by its path below the folder, for names as they are below the directory; none
    /// where there is no ignore file.
    rules: BTreeMap<String, Option<Gitignore>>,
}

impl Ignored {
    /// Tells whether a file would be left out, or a directory on the way to it, below which nothing is taken in again.
    pub(super) fn has(&mut self, root: &Path, path: &FilePath) -> io::Result<bool> {
        let (mut names, name) = path.split();
        names.push(name);
        for count in 1..=names.len() {
            let is_dir = count < names.len();
            // The nearest file that says something of a name counts.
            for above in (0..count).rev() {
                let Some(rules) = self.rules(root, &names[..above].join("/"))? else { continue };
                match rules.matched(names[above..count].join("/"), is_dir) {
                    Match::Ignore(_) => return Ok(true),
                    Match::Whitelist(_) => break,
                    Match::None => {}
                }
            }
        }
        Ok(false)
    }

    fn rules(&mut self, root: &Path, dir: &str) -> io::Result<Option<&Gitignore>> {
        if !self.rules.contains_key(dir) {
            let rules = read(&root.join(dir))?;
            self.rules.insert(dir.to_owned(), rules);
        }
        Ok(self.rules.get(dir).and_then(Option::as_ref))
    }
}

/// Reads the ignore file of a directory. A walk has refused lines that are no rules; here they say nothing.
fn read(dir: &Path) -> io::Result<Option<Gitignore>> {
    let text = match fs::read(dir.join(IGNORE_FILE)) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        read => read?,
    };
    let mut builder = GitignoreBuilder::new("");
    let text = String::from_utf8_lossy(&text);
    // Some editors begin a text with a mark of its bytes' order, which a walk passes over as well.
    for line in text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text).lines() {
        builder.add_line(None, line).ok();
    }
    Ok(builder.build().ok())
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

    #[test]
    fn the_ignore_files_of_a_folder_count_for_names_that_nothing_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |dir: &str, rules: &str| {
            fs::create_dir_all(folder.path().join(dir)).expect("made");
            fs::write(folder.path().join(dir).join(IGNORE_FILE), rules).expect("written");
        };
        write("", "*.tmp\n/only-here\ncache/\n");
        write("a", "!keep.tmp\nb/c\n");
        let mut ignored = Ignored::default();
        let mut has = |path: &str| {
            ignored.has(&folder.path().join(""), &FilePath::new(path).expect("a place")).expect("readable")
        };
        let left_out =
            ["x.tmp", "gone/x.tmp", "only-here", "a/x.tmp", "a/b/c", "a/b/c/d", "a/cache/x", "cache/a/keep.tmp"];
        assert_eq!(left_out.map(&mut has), [true; 8]);
        assert_eq!(["x", "a/only-here", "a/keep.tmp", "b/c", "a/cache"].map(&mut has), [false; 5]);
    }
}
