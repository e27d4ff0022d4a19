//! Whether a file in a folder is the one that was stored, as far as that shows without reading it.

use crate::crypto::Attributes;
use crate::node::FileInfo;

/// The part of a mode that says what a file is, and the permissions that are given to a file that comes back.
const MODE_BITS: u32 = Attributes::KIND_BITS | 0o777;

/// Whether a file in a folder is the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// Size, time and permissions are the same.
    Same,
    /// The size is the same, and the time is another one or is not known: the contents are to be compared.
    Unclear,
    /// The size, the permissions or the kind of file are others.
    Other,
}

/// Tells whether a file in a folder, with this size and these attributes, is a stored one.
#[must_use]
pub fn sameness(size: u64, attributes: &Attributes, stored: &FileInfo) -> Sameness {
    match &stored.attributes {
        _ if size != stored.size => Sameness::Other,
        None => Sameness::Unclear,
        Some(stored) if (stored.mode ^ attributes.mode) & MODE_BITS != 0 => Sameness::Other,
        Some(stored) if (stored.changed_s, stored.changed_ns) != (attributes.changed_s, attributes.changed_ns) => {
            Sameness::Unclear
        }
        Some(_) => Sameness::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Digest, Version};
    use crate::time::UnixMillis;

    #[test]
    fn what_was_touched_is_compared_and_what_has_another_size_or_mode_is_another_file() {
        let attributes = Attributes { mode: 0o4755, changed_s: 7, changed_ns: 8 };
        let mut stored = FileInfo {
            key: "k".parse().expect("a key"),
            size: 5,
            version: Version(1),
            modified: UnixMillis(9),
            attributes: Some(attributes),
            digest: Digest([0; 32]),
            is_local: true,
        };
        assert_eq!(sameness(5, &attributes, &stored), Sameness::Same);
        // Nobody may run it as another user when it comes back, and so it is the same without that.
        assert_eq!(sameness(5, &Attributes { mode: 0o755, ..attributes }, &stored), Sameness::Same);
        assert_eq!(sameness(5, &Attributes { changed_ns: 9, ..attributes }, &stored), Sameness::Unclear);
        assert_eq!(sameness(5, &Attributes { changed_s: -7, ..attributes }, &stored), Sameness::Unclear);
        assert_eq!(sameness(5, &Attributes { mode: 0o4750, ..attributes }, &stored), Sameness::Other);
        let link = Attributes { mode: Attributes::SYMLINK | 0o755, ..attributes };
        assert_eq!(sameness(5, &link, &stored), Sameness::Other);
        assert_eq!(sameness(6, &attributes, &stored), Sameness::Other);
        stored.attributes = None;
        assert_eq!(sameness(5, &attributes, &stored), Sameness::Unclear);
    }
}
