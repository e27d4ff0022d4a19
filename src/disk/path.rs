//! Paths on a disk seam: relative, made of checked segments, and never joined from raw input.

use std::fmt;

/// A place below the root of a [`Disk`](super::Disk). Each segment is a plain lower-case name, so no path can leave the
/// root, or mean two things on two file systems.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskPath(String);

/// Why a name cannot be a path segment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The name is empty, too long, or only dots.
    #[error("a path segment of {bytes} bytes is not a plain name")]
    NotAName {
        /// The length of the offered name.
        bytes: usize,
    },
    /// The name has a byte that is not a lower-case letter, a digit, `.`, `-` or `_`.
    #[error("byte {byte:#04x} is not allowed in a path segment")]
    ForbiddenByte {
        /// The first forbidden byte.
        byte: u8,
    },
}

/// The longest segment in bytes: ext4, XFS, APFS and NTFS all hold names of 255 bytes.
const SEGMENT_BYTES_MAX: usize = 255;

impl DiskPath {
    /// Returns the root of the disk.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// Returns the place named `segment` below this one.
    ///
    /// # Errors
    /// Refuses everything but a plain lower-case name.
    pub fn join(&self, segment: &str) -> Result<Self, PathError> {
        if segment.is_empty() || segment.len() > SEGMENT_BYTES_MAX || segment.bytes().all(|byte| byte == b'.') {
            return Err(PathError::NotAName { bytes: segment.len() });
        }
        let allowed = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if let Some(byte) = segment.bytes().find(|byte| !allowed(byte)) {
            return Err(PathError::ForbiddenByte { byte });
        }
        let mut path = String::with_capacity(self.0.len() + 1 + segment.len());
        path.push_str(&self.0);
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(segment);
        Ok(Self(path))
    }

    /// Returns the place named `segment` below this one, for names that the caller made itself.
    ///
    /// # Panics
    /// Panics if the name is not plain: that is a defect of the caller.
    #[must_use]
    pub fn child(&self, segment: &str) -> Self {
        self.join(segment).expect("the node only makes plain names")
    }

    /// Returns the directory that holds this place; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned())))
    }

    /// Returns the segments, from the root down.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// Returns the whole path with `/` between the segments; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DiskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl fmt::Debug for DiskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_segment_can_leave_the_root() {
        for name in ["", ".", "..", "...", "a/b", "/", "../x", "a\0b", "C:", "A", "ü"] {
            assert!(DiskPath::root().join(name).is_err(), "{name:?}");
        }
        let long = "a".repeat(256);
        assert_eq!(DiskPath::root().join(&long), Err(PathError::NotAName { bytes: 256 }));
    }

    #[test]
    fn parents_undo_joins() {
        let path = DiskPath::root().child("a").child("b.c");
        assert_eq!(path.as_str(), "a/b.c");
        assert_eq!(path.parent(), Some(DiskPath::root().child("a")));
        assert_eq!(DiskPath::root().child("a").parent(), Some(DiskPath::root()));
        assert_eq!(DiskPath::root().parent(), None);
        assert_eq!(path.segments().collect::<Vec<_>>(), ["a", "b.c"]);
    }
}
