//! The sealed metadata of a file: its name, size and time, encrypted for its owner and kept beside each replica. With
//! only the master secret an owner can tell from it what a replica is.

use ctr::cipher::{KeyIvInit, StreamCipher};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::content::Aes256Ctr;
use super::{IV_BYTES, Iv, Key, Keys};
use crate::limits::METADATA_BYTES_MAX;
use crate::time::UnixMillis;

/// What an owner keeps about a file, to know it again.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The name of the file.
    pub key: Key,
    /// The length of the plaintext in bytes.
    pub size: u64,
    /// When the file was stored, by the owner's clock.
    pub modified: UnixMillis,
    /// What the file that was stored had beside its content, if the caller said so.
    pub attributes: Option<Attributes>,
}

/// What a file has in a file system beside its content. Kept for the caller; nothing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// The permissions, as in `chmod`, and [`SYMLINK`](Self::SYMLINK) if the content is the target of a symbolic link.
    pub mode: u32,
    /// When the content changed last: seconds since 1970, which may be negative.
    pub changed_s: i64,
    /// The nanoseconds of that second.
    pub changed_ns: u32,
}

impl Attributes {
    /// The bits of a mode that say what kind of file it is; all are zero for a regular file. `S_IFMT` of inode(7).
    pub const KIND_BITS: u32 = 0o170_000;

    /// The kind of a symbolic link. `S_IFLNK` of inode(7).
    pub const SYMLINK: u32 = 0o120_000;

    /// Tells whether the content is the target of a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.mode & Self::KIND_BITS == Self::SYMLINK
    }
}

/// `[16-byte IV][AES-256-CTR ciphertext]` of a [`Metadata`]. Authentic only together with the
/// [`Tag`](super::Tag) that covers it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedMetadata(Vec<u8>);

/// Why sealed metadata cannot be opened. Metadata is opened after its tag was verified, so the cause is a defect or a
/// wrong key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The bytes are too short for an IV, or longer than any node makes.
    #[error("sealed metadata of {bytes} bytes is out of bounds")]
    Length {
        /// The length of the sealed metadata.
        bytes: usize,
    },
    /// The decrypted bytes are not metadata.
    #[error("sealed metadata does not decrypt to a name, a size and a time")]
    Content,
}

#[derive(Serialize, Deserialize)]
struct Plain<'a> {
    key: &'a str,
    size: u64,
    modified: UnixMillis,
}

impl SealedMetadata {
    /// Encrypts metadata. `iv` must never have been used with these keys.
    #[must_use]
    pub fn seal(keys: &Keys, iv: Iv, metadata: &Metadata) -> Self {
        let plain = Plain { key: metadata.key.as_str(), size: metadata.size, modified: metadata.modified };
        let mut bytes = postcard::to_extend(&plain, iv.0.to_vec()).expect("plain data encodes");
        if let Some(attributes) = &metadata.attributes {
            bytes = postcard::to_extend(attributes, bytes).expect("plain data encodes");
        }
        Aes256Ctr::new(&keys.metadata.into(), &iv.0.into()).apply_keystream(&mut bytes[IV_BYTES..]);
        Self(bytes)
    }

    /// Decrypts the metadata. The tag that covers it must have been verified.
    ///
    /// # Errors
    /// Fails if the bytes are not what [`seal`](Self::seal) makes with these keys.
    pub fn open(&self, keys: &Keys) -> Result<Metadata, MetadataError> {
        let (iv, sealed) = self.0.split_first_chunk().ok_or(MetadataError::Length { bytes: self.0.len() })?;
        let mut bytes = sealed.to_vec();
        Aes256Ctr::new(&keys.metadata.into(), &(*iv).into()).apply_keystream(&mut bytes);
        let (plain, rest): (Plain<'_>, _) = postcard::take_from_bytes(&bytes).map_err(|_| MetadataError::Content)?;
        let key = plain.key.parse().map_err(|_| MetadataError::Content)?;
        // Attributes were added later: a reader that does not know them does not look at what follows.
        let attributes = match rest {
            [] => None,
            rest => Some(postcard::take_from_bytes(rest).map_err(|_| MetadataError::Content)?.0),
        };
        Ok(Metadata { key, size: plain.size, modified: plain.modified, attributes })
    }

    /// Takes bytes from outside, within the bound.
    ///
    /// # Errors
    /// Fails if no node makes sealed metadata of that length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MetadataError> {
        if bytes.len() < IV_BYTES || bytes.len() > METADATA_BYTES_MAX {
            return Err(MetadataError::Length { bytes: bytes.len() });
        }
        Ok(Self(bytes.to_vec()))
    }

    /// Returns the sealed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Shows the length only.
impl std::fmt::Debug for SealedMetadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedMetadata({} bytes)", self.0.len())
    }
}

/// Shows no name.
impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Metadata({:?}, {} bytes)", self.key, self.size)
    }
}

impl Serialize for SealedMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for SealedMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl Visitor<'_> for Bounded {
            type Value = SealedMetadata;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("sealed metadata")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<SealedMetadata, E> {
                SealedMetadata::from_bytes(bytes).map_err(E::custom)
            }
        }
        // Borrowed bytes, so nothing is allocated before the length has been checked.
        deserializer.deserialize_bytes(Bounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::MasterSecret;

    #[test]
    fn metadata_opens_with_its_own_keys_only() {
        let keys = Keys::derive(&MasterSecret([1; 32]));
        let key: Key = "holiday/écran.png".parse().expect("a key");
        let metadata = Metadata { key, size: 22, modified: UnixMillis(1_700_000_000_000), attributes: None };
        let sealed = SealedMetadata::seal(&keys, Iv([9; 16]), &metadata);
        assert_eq!(sealed.open(&keys), Ok(metadata));
        assert!(!sealed.as_bytes().windows(7).any(|window| window == b"holiday"));
        let stranger = Keys::derive(&MasterSecret([2; 32]));
        assert_eq!(sealed.open(&stranger), Err(MetadataError::Content));
    }

    #[test]
    fn attributes_follow_what_older_readers_know() {
        let keys = Keys::derive(&MasterSecret([1; 32]));
        let key: Key = "a".parse().expect("a key");
        let without = Metadata { key, size: 22, modified: UnixMillis(5), attributes: None };
        let attributes = Some(Attributes { mode: 0o640, changed_s: -1, changed_ns: 999_999_999 });
        let with = Metadata { attributes, ..without.clone() };
        let seal = |metadata| SealedMetadata::seal(&keys, Iv([9; 16]), metadata);
        assert_eq!(seal(&with).open(&keys).as_ref(), Ok(&with));
        let older = seal(&without);
        assert_eq!((older.open(&keys).as_ref(), older.as_bytes().len()), (Ok(&without), IV_BYTES + 4));
        assert!(seal(&with).as_bytes().starts_with(older.as_bytes()));
        // What a reader that knows no attributes does.
        let mut bytes = seal(&with).as_bytes()[IV_BYTES..].to_vec();
        Aes256Ctr::new(&keys.metadata.into(), &[9; 16].into()).apply_keystream(&mut bytes);
        let plain: Plain<'_> = postcard::from_bytes(&bytes).expect("it reads as far as it knows");
        assert_eq!((plain.key, plain.size, plain.modified), ("a", 22, UnixMillis(5)));
    }

    #[test]
    fn the_longest_key_fits_the_bound() {
        let keys = Keys::derive(&MasterSecret([1; 32]));
        let key: Key = "k".repeat(crate::limits::KEY_BYTES_MAX).parse().expect("a key");
        let attributes = Some(Attributes { mode: u32::MAX, changed_s: i64::MIN, changed_ns: u32::MAX });
        let metadata = Metadata { key, size: u64::MAX, modified: UnixMillis(u64::MAX), attributes };
        let sealed = SealedMetadata::seal(&keys, Iv([0; 16]), &metadata);
        assert_eq!(SealedMetadata::from_bytes(sealed.as_bytes()), Ok(sealed.clone()));
        let long = vec![0; METADATA_BYTES_MAX + 1];
        assert_eq!(SealedMetadata::from_bytes(&long), Err(MetadataError::Length { bytes: long.len() }));
    }
}
