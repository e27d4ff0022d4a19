//! The calls of an owner: their text, how they are drawn, and what they store.

pub mod draw;
pub mod text;

use dacapo::crypto::{Attributes, Key};

use crate::host::Host;
use crate::named::named;
use crate::store::settings::Setting;

/// What the content of every file begins with. Oracles search for it wherever it must not be.
pub const MARKER: &[u8] = b"dacapo plaintext";

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The length of a block of a content, in bytes: the marker, the number of the call and that of the block.
const BLOCK_BYTES: usize = MARKER.len() + 8 + 8;

/// What every key begins with.
pub const KEY_MARKER: &[u8] = b"picture_";

/// The keys. The first two share the first folder of their SHA-1.
const KEYS: [&str; 5] = ["picture_75.png", "picture_1475.png", "picture_0.png", "picture_1.png", "picture_2.png"];

/// The key of the check after the faults, which no call uses.
pub const FRESH_KEY: u8 = 200;

/// The key of the last calls of that check.
pub const LAST_KEY: u8 = 201;

named! {
    /// Where the content of a store comes from, and what becomes of it. The names are words of calls.
    Source

    /// It is in memory.
    Memory "store",
    /// It is in memory, and one peer has to hold the file.
    Held "store-held",
    /// It is read while it is stored, and its length is not told beforehand.
    Stream "store-stream",
    /// It ends in the middle of the length that was told.
    Short "store-short",
    /// It goes on behind the length that was told.
    Long "store-long",
    /// It fails in the middle of the length that was told.
    Failing "store-failing",
    /// Nothing comes after the middle of the length that was told, until the caller gives up.
    Stalled "store-stalled",
    /// It is in memory, and the caller does not wait for the end.
    Left "store-left",
    /// Nothing comes after the middle of the length that was told, for some seconds.
    Slow "store-slow",
}

named! {
    /// How what a get gives is read. The names are words of calls.
    Reading

    /// To the end.
    Whole "get",
    /// To the end, with a pause after the first piece.
    Slow "get-slow",
    /// The first piece, and no further.
    Left "get-left",
    /// To the end, and the node keeps nothing of it.
    Unkept "get-unkept",
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Stores new content.
    Store {
        /// The number of the key.
        key: u8,
        /// How many bytes.
        size: u32,
        /// Where they come from.
        source: Source,
    },
    /// Stores so many small files, whose keys no other kind of calls has.
    StoreMany(u16),
    /// Deletes all these files everywhere.
    EraseMany,
    /// Brings the node what has changed in a folder, which has so many of these files now, and deletes the others.
    PutFolder(u16),
    /// Lists all these files, and gets some of them.
    GetFolder,
    /// Gets a file.
    Get {
        /// The number of the key.
        key: u8,
        /// How the content is read.
        reading: Reading,
    },
    /// Deletes the local copy.
    Delete {
        /// The number of the key.
        key: u8,
        /// How many peers have to hold the file; zero if it may be the only copy.
        held_by: u8,
    },
    /// Deletes the file everywhere.
    Erase {
        /// The number of the key.
        key: u8,
        /// Whether the caller looks first, and deletes only the version that it has seen.
        is_known: bool,
    },
    /// Asks what the node knows of a file.
    Stat {
        /// The number of the key.
        key: u8,
    },
    /// Asks the peers what they have of a file.
    Holders {
        /// The number of the key.
        key: u8,
        /// Whether each peer compares the whole of its replica, however large it is.
        is_whole: bool,
    },
    /// Asks the node for all that it says of itself.
    Status,
    /// Lists all files.
    List,
    /// Compares every file on the disk with the catalog.
    Scrub,
    /// The node of this host is no longer a peer.
    Forget(Host),
    /// The node of this host may be a peer again.
    Allow(Host),
    /// Stops the node, which is then started again.
    Restart,
    /// Stops the node, brings its data directory into the other layout, and starts it again.
    Convert,
    /// Stops the node, and starts one with its identity on an empty disk.
    Recover,
    /// Stops the node, and starts it again with another option.
    RestartAs(Setting),
}

impl Source {
    /// Whether the content does not end where it is told to. A store of it cannot succeed.
    #[must_use]
    pub fn is_unlike_told(self) -> bool {
        matches!(self, Self::Short | Self::Long | Self::Failing | Self::Stalled)
    }
}

impl Call {
    /// Returns the number of the key of the file that the call is about.
    #[must_use]
    pub fn key(&self) -> Option<u8> {
        match self {
            Self::Store { key, .. }
            | Self::Get { key, .. }
            | Self::Delete { key, .. }
            | Self::Erase { key, .. }
            | Self::Stat { key }
            | Self::Holders { key, .. } => Some(*key),
            Self::StoreMany(_)
            | Self::EraseMany
            | Self::PutFolder(_)
            | Self::GetFolder
            | Self::Status
            | Self::List
            | Self::Scrub
            | Self::Forget(_)
            | Self::Allow(_)
            | Self::Restart
            | Self::Convert
            | Self::Recover
            | Self::RestartAs(_) => None,
        }
    }

    /// Returns the host that the call wants to be a peer, or not to be one.
    #[must_use]
    pub fn member(&self) -> Option<Host> {
        match self {
            Self::Forget(host) | Self::Allow(host) => Some(*host),
            _ => None,
        }
    }

    /// Returns stores of less content, the smallest first, after one whose content is in memory; instead of a
    /// restart that does more a plain one; instead of a deletion that asks for many peers one that asks for one.
    #[must_use]
    pub fn smaller(&self) -> Vec<Self> {
        let (key, size, source) = match *self {
            Self::Store { key, size, source } => (key, size, source),
            Self::StoreMany(count) => {
                return [1, count / 2].into_iter().filter(|less| *less < count).map(Self::StoreMany).collect();
            }
            Self::PutFolder(count) => {
                return [1, count / 2].into_iter().filter(|less| *less < count).map(Self::PutFolder).collect();
            }
            Self::Delete { key, held_by: 2.. } => return vec![Self::Delete { key, held_by: 1 }],
            Self::Convert | Self::Recover | Self::RestartAs(_) => return vec![Self::Restart],
            _ => return Vec::new(),
        };
        let sizes = [32, 1000, 61_441].into_iter().filter(|smaller| *smaller < size);
        let plain = (source != Source::Memory).then_some(Self::Store { key, size, source: Source::Memory });
        plain.into_iter().chain(sizes.map(|size| Self::Store { key, size, source })).collect()
    }
}

/// Returns the key of a number.
///
/// # Panics
/// Never: the names are valid keys.
#[must_use]
pub fn key(number: u8) -> Key {
    let name = match KEYS.get(usize::from(number)) {
        Some(name) => (*name).to_owned(),
        None => format!("picture_{number}.png"),
    };
    name.parse().expect("a plain name is a key")
}

/// Returns the number of a key.
#[must_use]
pub fn number(key: &Key) -> Option<u8> {
    let name = key.as_str();
    let place = KEYS.iter().position(|known| *known == name).and_then(|place| u8::try_from(place).ok());
    place.or_else(|| name.strip_prefix("picture_")?.strip_suffix(".png")?.parse().ok())
}

/// Returns what the file that a call stores has beside its content; every second one has something.
#[must_use]
pub fn attributes(number: usize) -> Option<Attributes> {
    let time = i64::try_from(number).unwrap_or(i64::MAX);
    let changed_s = if number.is_multiple_of(4) { time } else { -time };
    number.is_multiple_of(2).then_some(Attributes { mode: 0o640, changed_s, changed_ns: 7 })
}

/// Returns the content that a call stores. No two calls store equal content, unless it is very short. Each block has
/// its number, so that a content with a block that is missing, double or in another place is none that a call stores.
///
/// # Panics
/// If the call has a number of 2^32 or more: no plan has so many calls.
#[must_use]
pub fn content(number: usize, size: u32) -> Vec<u8> {
    let number = u32::try_from(number).expect("no plan has so many calls");
    let size = usize::try_from(size).expect("a plan bounds it");
    let blocks = size.div_ceil(BLOCK_BYTES);
    let mut content = Vec::with_capacity(blocks * BLOCK_BYTES);
    let mut block = [MARKER, format!("{number:08x}{:08x}", 0).as_bytes()].concat();
    for place in 0..blocks {
        // A large content has millions of blocks, and formatting each would take longer than all else of a store.
        for (digit, shift) in block[BLOCK_BYTES - 8..].iter_mut().zip((0..32).step_by(4).rev()) {
            *digit = HEX_DIGITS[(place >> shift) & 15];
        }
        content.extend_from_slice(&block);
    }
    content.truncate(size);
    content
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_block_of_a_content_equals_another_of_it_or_of_another_call() {
        let sizes = [(0, 9_984), (1, 9_984), (1 << 20, 9_984)];
        let contents = sizes.map(|(number, size)| content(number, size));
        let blocks: BTreeSet<_> = contents.iter().flat_map(|content| content.chunks(BLOCK_BYTES)).collect();
        let all: usize = contents.iter().map(|content| content.len().div_ceil(BLOCK_BYTES)).sum();
        assert_eq!((blocks.len(), all), (3 * 312, 3 * 312));
        assert!(contents[1].ends_with(b"0000000100000137"), "the numbers of the call and of the block");
        assert!(blocks.iter().all(|block| block.starts_with(MARKER)), "oracles search for the marker");
    }

    #[test]
    fn a_content_is_as_long_as_it_is_to_be() {
        for size in [0, 1, 20, 31, 32, 33, 1000] {
            assert_eq!(content(7, size), content(7, 2000)[..usize::try_from(size).expect("small")]);
        }
    }

    #[test]
    fn a_delete_says_how_many_peers_have_to_hold_the_file() {
        for text in ["delete 0", "delete-held 0", "delete-held 0 2", "delete-held 0 6"] {
            let call: Call = text.parse().expect(text);
            assert_eq!(call.to_string(), text);
        }
        for wrong in ["delete 0 2", "delete-held 0 0", "delete-held 0 7", "delete-held 0 two", "delete-held 0 1 1"] {
            wrong.parse::<Call>().expect_err(wrong);
        }
    }
}
