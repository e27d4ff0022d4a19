//! The names of files and nodes: the user's key, its name on the owner's disk, its name on a peer's disk, and the id of
//! a node.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use super::hex::hex_bytes;
use crate::limits::KEY_BYTES_MAX;

hex_bytes! {
    /// The identity of a node: its X25519 public key (RFC 7748), proved in every handshake.
    NodeId, 32
}

hex_bytes! {
    /// The name of a file on its owner's disk: SHA-1 of the key (FIPS 180-4). It says where the file lies and proves
    /// nothing.
    FileName, 20
}

hex_bytes! {
    /// The name of a replica on a peer's disk: HMAC-MD5 of the key under the owner's name key (RFC 2104, RFC 1321). It
    /// has the shape of an MD5 digest, and without the owner's secret it cannot be guessed from the key.
    ReplicaName, 16
}

/// The user's name for a file: 1 to 1,024 bytes of UTF-8 without control characters. A key is hashed and never joined
/// to a path, so `../x` is a key like any other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// Why a text cannot be a key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is empty.
    #[error("a key cannot be empty")]
    Empty,
    /// The text is too long.
    #[error("a key has at most {KEY_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// The length of the text.
        bytes: usize,
    },
    /// The text has a control character, which would garble a terminal.
    #[error("a key cannot contain the control character {character:?}")]
    Control {
        /// The first control character.
        character: char,
    },
    /// The bytes are not UTF-8.
    #[error("a key is UTF-8 text, byte {position} of this one is not")]
    NotUtf8 {
        /// How many bytes before the fault are valid.
        position: usize,
    },
}

impl Key {
    /// Makes a key from bytes that may be anything.
    ///
    /// # Errors
    /// Says what keeps the bytes from being a key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| KeyError::NotUtf8 { position: error.valid_up_to() })?;
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if let Some(character) = text.chars().find(|character| character.is_control()) {
            return Err(KeyError::Control { character });
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text of the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the file on its owner's disk.
    #[must_use]
    pub fn file_name(&self) -> FileName {
        FileName(Sha1::digest(self.0.as_bytes()).into())
    }

    /// Returns the name of the file's replicas on peers' disks, under the owner's name key.
    #[must_use]
    pub(super) fn replica_name(&self, name_key: &[u8; 32]) -> ReplicaName {
        let mut mac = Hmac::<Md5>::new_from_slice(name_key).expect("HMAC takes a key of any length");
        mac.update(self.0.as_bytes());
        ReplicaName(mac.finalize().into_bytes().into())
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::from_bytes(text.as_bytes())
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the length only: the names of files are their owner's secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().expect("a valid key")
    }

    #[test]
    fn path_names_are_sha1_of_the_key() {
        assert_eq!(key("picture_0.png").file_name().to_string(), "d44bbd0bbda685d5db90f419568b531ab9afa97b");
        // FIPS 180-4, "abc".
        assert_eq!(key("abc").file_name().to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn hmac_md5_matches_rfc_2202() {
        // RFC 2202, section 2, test cases 1 and 2.
        let mut mac = Hmac::<Md5>::new_from_slice(&[0x0b; 16]).expect("any length");
        mac.update(b"Hi There");
        let first: [u8; 16] = mac.finalize().into_bytes().into();
        assert_eq!(ReplicaName(first).to_string(), "9294727a3638bb1c13f48ef8158bfc9d");
        let mut mac = Hmac::<Md5>::new_from_slice(b"Jefe").expect("any length");
        mac.update(b"what do ya want for nothing?");
        let second: [u8; 16] = mac.finalize().into_bytes().into();
        assert_eq!(ReplicaName(second).to_string(), "750c783e6ab0b503eaa86e310a5db738");
    }

    #[test]
    fn md5_matches_the_measured_vector() {
        let digest: [u8; 16] = Md5::digest(b"picture_0.png").into();
        assert_eq!(ReplicaName(digest).to_string(), "44b2a6b69cffe1ea7922da80d75577e7");
    }

    #[test]
    fn replica_names_depend_on_the_owner() {
        assert_ne!(key("a").replica_name(&[1; 32]), key("a").replica_name(&[2; 32]));
        assert_ne!(key("a").replica_name(&[1; 32]), key("b").replica_name(&[1; 32]));
    }

    #[test]
    fn hostile_keys_are_refused_with_a_reason() {
        assert_eq!(Key::from_bytes(b""), Err(KeyError::Empty));
        assert_eq!(Key::from_bytes(b"a\0b"), Err(KeyError::Control { character: '\0' }));
        assert_eq!(Key::from_bytes(b"a\x1b[2J"), Err(KeyError::Control { character: '\x1b' }));
        assert_eq!(Key::from_bytes(b"ab\xff"), Err(KeyError::NotUtf8 { position: 2 }));
        assert_eq!(Key::from_bytes(&vec![b'a'; 10 << 20]), Err(KeyError::TooLong { bytes: 10 << 20 }));
        assert!(Key::from_bytes("../../etc/passwd".as_bytes()).is_ok());
        assert!(Key::from_bytes("écran/zoë 写真.png".as_bytes()).is_ok());
    }
}
