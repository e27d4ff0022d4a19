//! The calls of an owner: their text, how they are drawn, and what they store.

use std::fmt;
use std::str::FromStr;

use dacapo::crypto::Key;
use dacapo::limits::EAGER_BYTES_MAX;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

use crate::words::Words;

/// What the content of every file begins with. Oracles search for it wherever it must not be.
pub const MARKER: &[u8] = b"dacapo plaintext";

/// What every key begins with.
pub const KEY_MARKER: &[u8] = b"picture_";

/// The keys. The first two share the first folder of their SHA-1.
const KEYS: [&str; 5] = ["picture_75.png", "picture_1475.png", "picture_0.png", "picture_1.png", "picture_2.png"];

/// The key of the check after the faults, which no call uses.
pub const FRESH_KEY: u8 = 200;

/// The largest file of a plan, in bytes.
const SIZE_MAX: u32 = 8 * 1024 * 1024;

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Stores new content.
    Store {
        /// The number of the key.
        key: u8,
        /// How many bytes.
        size: u32,
        /// Whether the length is unknown when the store begins.
        is_streamed: bool,
    },
    /// Gets a file.
    Get {
        /// The number of the key.
        key: u8,
    },
    /// Deletes the local copy.
    Delete {
        /// The number of the key.
        key: u8,
        /// Whether a peer has to hold the file.
        is_held: bool,
    },
    /// Deletes the file everywhere.
    Erase {
        /// The number of the key.
        key: u8,
    },
    /// Lists all files.
    List,
    /// Stops the node, which is then started again.
    Restart,
}

impl Call {
    /// Returns the number of the key of the file that the call is about.
    #[must_use]
    pub fn key(&self) -> Option<u8> {
        match self {
            Self::Store { key, .. } | Self::Get { key } | Self::Delete { key, .. } | Self::Erase { key } => Some(*key),
            Self::List | Self::Restart => None,
        }
    }
}

impl Call {
    /// Returns stores of less content, the smallest first, after one that is not streamed.
    #[must_use]
    pub fn smaller(&self) -> Vec<Self> {
        let Self::Store { key, size, is_streamed } = *self else { return Vec::new() };
        let sizes = [32, 1000, 61_441].into_iter().filter(|smaller| *smaller < size);
        let plain = is_streamed.then_some(Self::Store { key, size, is_streamed: false });
        plain.into_iter().chain(sizes.map(|size| Self::Store { key, size, is_streamed })).collect()
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

/// Returns the content that a call stores. No two calls store equal content, unless it is very short.
#[must_use]
pub fn content(number: usize, size: u32) -> Vec<u8> {
    let block = [MARKER, format!("{number:016x}").as_bytes()].concat();
    let size = usize::try_from(size).expect("a plan bounds it");
    let mut content = block.repeat(size.div_ceil(block.len()));
    content.truncate(size);
    content
}

/// Returns calls as a seed draws them: few keys, mostly small files, and sizes around every bound.
pub fn strategy() -> BoxedStrategy<Call> {
    let eager = u32::try_from(EAGER_BYTES_MAX).expect("a small number");
    let size = prop_oneof![
        10 => 20..200_u32,
        2 => Just(0_u32),
        2 => 1..20_u32,
        2 => eager - 1..=eager + 1,
        2 => 60_000..300_000_u32,
        1 => prop_oneof![9 => 300_000..1_500_000_u32, 1 => 1_500_000..4_000_000_u32],
    ];
    let key = 0..3_u8;
    prop_oneof![
        8 => (key.clone(), size, prop::bool::weighted(0.2))
            .prop_map(|(key, size, is_streamed)| Call::Store { key, size, is_streamed }),
        6 => key.clone().prop_map(|key| Call::Get { key }),
        2 => key.clone().prop_map(|key| Call::Delete { key, is_held: false }),
        2 => key.clone().prop_map(|key| Call::Delete { key, is_held: true }),
        1 => key.prop_map(|key| Call::Erase { key }),
        1 => Just(Call::List),
        1 => Just(Call::Restart),
    ]
    .boxed()
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store { key, size, is_streamed: false } => write!(f, "store {key} {size}"),
            Self::Store { key, size, is_streamed: true } => write!(f, "store-stream {key} {size}"),
            Self::Get { key } => write!(f, "get {key}"),
            Self::Delete { key, is_held: false } => write!(f, "delete {key}"),
            Self::Delete { key, is_held: true } => write!(f, "delete-held {key}"),
            Self::Erase { key } => write!(f, "erase {key}"),
            Self::List => f.write_str("list"),
            Self::Restart => f.write_str("restart"),
        }
    }
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = Words::new(text);
        let call = match words.word("a call")? {
            word @ ("store" | "store-stream") => Self::Store {
                key: words.parse("the number of a key, 0 to 255")?,
                size: words.at_most(SIZE_MAX)?,
                is_streamed: word == "store-stream",
            },
            "get" => Self::Get { key: words.parse("the number of a key, 0 to 255")? },
            word @ ("delete" | "delete-held") => {
                Self::Delete { key: words.parse("the number of a key, 0 to 255")?, is_held: word == "delete-held" }
            }
            "erase" => Self::Erase { key: words.parse("the number of a key, 0 to 255")? },
            "list" => Self::List,
            "restart" => Self::Restart,
            other => {
                let all = "store, store-stream, get, delete, delete-held, erase, list, restart";
                return Err(format!("{other:?} is not one of {all}"));
            }
        };
        words.end()?;
        Ok(call)
    }
}
