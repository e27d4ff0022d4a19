//! The place of a file in a folder, and its key.

use std::borrow::Borrow;
use std::fmt;

use crate::crypto::{Key, KeyError};

/// What the keys of a folder's files begin with: nothing, or a text that ends with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

/// The place of a file in a folder: names with `/` between them, none of which leads out of the folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePath(String);

/// Why a text is no place in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilePathError {
    /// A name is empty, as in `a//b`, at a beginning with `/`, and at an end with `/`.
    #[error("it has an empty name")]
    Empty,
    /// A name is `.` or `..`.
    #[error("it has a name of dots alone, which leads elsewhere")]
    Dots,
    /// The key is not in the folder.
    #[error("it is not in the folder")]
    Elsewhere,
}

impl Prefix {
    /// Returns what keys begin with in a folder of this name. A `/` at its end may be missing; no name at all stands
    /// for all keys.
    ///
    /// # Errors
    /// Fails if no key begins so.
    pub fn new(name: &str) -> Result<Self, KeyError> {
        if name.is_empty() {
            return Ok(Self(String::new()));
        }
        let key = Key::from_bytes(name.as_bytes())?;
        Ok(Self(format!("{}/", key.as_str().strip_suffix('/').unwrap_or(name))))
    }

    /// Returns the text that the keys begin with.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key of a file.
    ///
    /// # Errors
    /// Fails if it would be too long, or if a name has a control character.
    pub fn key(&self, path: &FilePath) -> Result<Key, KeyError> {
        Key::from_bytes([self.0.as_bytes(), path.0.as_bytes()].concat().as_slice())
    }

    /// Returns where the file with a key lies in the folder.
    ///
    /// # Errors
    /// Fails if no file in a folder can have this key.
    pub fn path(&self, key: &Key) -> Result<FilePath, FilePathError> {
        FilePath::new(key.as_str().strip_prefix(&self.0).ok_or(FilePathError::Elsewhere)?)
    }
}

impl FilePath {
    /// Checks a text.
    ///
    /// # Errors
    /// Says why no file has this place.
    pub fn new(text: &str) -> Result<Self, FilePathError> {
        for name in text.split('/') {
            match name {
                "" => return Err(FilePathError::Empty),
                "." | ".." => return Err(FilePathError::Dots),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the names of the directories on the way, and the name of the file.
    #[must_use]
    pub fn split(&self) -> (Vec<&str>, &str) {
        let mut names: Vec<_> = self.0.split('/').collect();
        let name = names.pop().expect("a split gives one part at least");
        (names, name)
    }
}

/// Places are in the order of their texts.
impl Borrow<str> for FilePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the length only, as of a key.
impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilePath({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_a_place_are_two_forms_of_one_thing() {
        for name in ["", "photos", "photos/", "a/b"] {
            let prefix = Prefix::new(name).expect("a key begins so");
            for text in ["one", "2026/one.png", ".hidden/写真", "..."] {
                let path = FilePath::new(text).expect("a place");
                let key = prefix.key(&path).expect("a key");
                assert_eq!(prefix.path(&key), Ok(path), "{name} {text}");
            }
        }
        assert_eq!(Prefix::new("photos").expect("a key begins so"), Prefix::new("photos/").expect("a key begins so"));
    }

    #[test]
    fn no_key_leads_out_of_its_folder() {
        let prefix = Prefix::new("a").expect("a key begins so");
        let path = |key: &str| prefix.path(&key.parse().expect("a key"));
        for (key, error) in [
            ("a/../b", FilePathError::Dots),
            ("a/.", FilePathError::Dots),
            ("a//etc/passwd", FilePathError::Empty),
            ("a/", FilePathError::Empty),
            ("a/b/", FilePathError::Empty),
            ("a", FilePathError::Elsewhere),
            ("ab/c", FilePathError::Elsewhere),
        ] {
            assert_eq!(path(key), Err(error), "{key}");
        }
    }

    #[test]
    fn a_prefix_that_no_key_has_is_refused() {
        assert_eq!(Prefix::new("a\n"), Err(KeyError::Control { character: '\n' }));
        assert!(matches!(Prefix::new(&"k".repeat(1025)), Err(KeyError::TooLong { bytes: 1025 })));
    }
}
