//! Keys, names and seals: pure functions over bytes. Nothing here does I/O, waits, or draws randomness: a caller hands
//! in every random byte.

mod content;
mod count;
mod curve;
pub(crate) mod hex;
mod keys;
mod metadata;
mod names;
mod seal;

pub use content::{ContentCipher, Digest, IV_BYTES, Iv};
pub use count::NameCount;
pub(crate) use curve::LinkKey;
pub use hex::HexError;
pub use keys::{ClusterSecret, Keys, MasterSecret};
pub use metadata::{Attributes, Metadata, MetadataError, SealedMetadata};
pub use names::{FileName, Key, KeyError, NodeId, ReplicaName};
pub use seal::{Seal, Tag, Tombstone, Version};
