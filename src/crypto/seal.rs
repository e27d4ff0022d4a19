//! The seal of a file: AES-256-CTR (NIST SP 800-38A), then a digest that anyone can check, then a tag that only
//! the owner can make (encrypt-then-authenticate).
//!
//! A replica is exactly `[16-byte IV][ciphertext]`. The digest is BLAKE3 of these bytes, so whoever holds them can
//! tell rot from health. The tag is keyed BLAKE3 over whose, which, and how new the replica is, its length, its
//! digest and its sealed metadata, so a holder can neither alter a replica, nor pass one off as another, nor
//! pass off an old version as a new one.

use ctr::cipher::{KeyIvInit, StreamCipher};
use serde::{Deserialize, Serialize};

use super::hex::hex_bytes;
use super::{HashedKey, Keys, NodeId, SealedMetadata};
use crate::limits::FILE_BYTES_MAX;

pub(super) type Aes256Ctr = ctr::Ctr128BE<aes::Aes256>;

/// The IV that precedes every ciphertext: one AES block.
pub const IV_BYTES: usize = 16;

hex_bytes! {
    /// An initialisation vector: random, and used for one encryption only.
    Iv, IV_BYTES
}

hex_bytes! {
    /// BLAKE3 of a sealed file, IV included.
    Digest, 32
}

hex_bytes! {
    /// The owner's proof that a replica is what it claims to be.
    Tag, 32
}

/// The place of a store in the order of its owner's stores. Greater is newer; numbers may be skipped, and none is
/// used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub u64);

impl Version {
    /// No owner gets so far: at a million stores a second it takes 146,000 years. A proof over a greater number counts for
    /// nothing, so that numbers can be added without a thought.
    pub const MAX: Self = Self(1 << 62);
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// Everything about a sealed file but its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Which store of the owner made it.
    pub version: Version,
    /// The length of the plaintext in bytes; the sealed file has 16 more.
    pub size: u64,
    /// BLAKE3 of the sealed bytes.
    pub digest: Digest,
    /// The owner's proof over all of this.
    pub tag: Tag,
    /// Name, size and time, for the owner only.
    pub metadata: SealedMetadata,
}

impl Seal {
    /// Makes the proof. `digest` is that of the sealed bytes under this version.
    #[must_use]
    pub fn new(
        keys: &Keys,
        hashed: HashedKey,
        version: Version,
        size: u64,
        digest: Digest,
        metadata: SealedMetadata,
    ) -> Self {
        let mut seal = Self { version, size, digest, tag: Tag([0; 32]), metadata };
        seal.tag = Tag(*seal.mac(keys, keys.node(), hashed).as_bytes());
        seal
    }

    /// Whether the owner of `keys` made this seal for that name. Takes the same time whatever differs.
    #[must_use]
    pub fn is_authentic(&self, keys: &Keys, hashed: HashedKey) -> bool {
        // `blake3::Hash` compares in constant time.
        self.mac(keys, keys.node(), hashed) == blake3::Hash::from_bytes(self.tag.0) && self.version <= Version::MAX
    }

    /// The length of the sealed file: IV and ciphertext.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        sealed_bytes(self.size)
    }

    fn mac(&self, keys: &Keys, owner: NodeId, hashed: HashedKey) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&keys.tag);
        // Every field but the last has a fixed length, so the encoding is injective.
        mac.update(b"dacapo seal v1");
        mac.update(&owner.0);
        mac.update(&hashed.0);
        mac.update(&self.version.0.to_le_bytes());
        mac.update(&self.size.to_le_bytes());
        mac.update(&self.digest.0);
        mac.update(self.metadata.as_bytes());
        mac.finalize()
    }
}

/// The owner's word that a file was deleted everywhere. It takes the place of every version before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Which act of the owner it was; versions of files and of deletions are one sequence.
    pub version: Version,
    /// The owner's proof.
    pub tag: Tag,
}

impl Tombstone {
    /// Makes the proof.
    #[must_use]
    pub fn new(keys: &Keys, hashed: HashedKey, version: Version) -> Self {
        Self { version, tag: Tag(*Self::mac(keys, hashed, version).as_bytes()) }
    }

    /// Whether the owner of `keys` deleted the file of that name. Takes the same time whatever differs.
    #[must_use]
    pub fn is_authentic(&self, keys: &Keys, hashed: HashedKey) -> bool {
        Self::mac(keys, hashed, self.version) == blake3::Hash::from_bytes(self.tag.0) && self.version <= Version::MAX
    }

    fn mac(keys: &Keys, hashed: HashedKey, version: Version) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&keys.tag);
        // No seal begins so: neither can be taken for the other.
        mac.update(b"dacapo grave v1");
        mac.update(&keys.node().0);
        mac.update(&hashed.0);
        mac.update(&version.0.to_le_bytes());
        mac.finalize()
    }
}

/// The length of a sealed file for a plaintext of `size` bytes.
#[must_use]
pub(super) fn sealed_bytes(size: u64) -> u64 {
    size.saturating_add(IV_BYTES as u64)
}

/// One pass over the content of a file, in order: encrypts or decrypts in place and computes the digest.
pub struct ContentCipher {
    cipher: Aes256Ctr,
    hasher: blake3::Hasher,
}

impl ContentCipher {
    /// Starts at the first byte after the IV.
    #[must_use]
    pub fn new(keys: &Keys, iv: Iv) -> Self {
        const { assert!(FILE_BYTES_MAX / 16 < 1 << 63, "the block counter must not wrap within a file") };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&iv.0);
        Self { cipher: Aes256Ctr::new(&keys.content.into(), &iv.0.into()), hasher }
    }

    /// Plaintext becomes ciphertext.
    pub fn seal(&mut self, chunk: &mut [u8]) {
        self.cipher.apply_keystream(chunk);
        self.hasher.update(chunk);
    }

    /// Ciphertext becomes plaintext, not to be believed before the digest is compared.
    pub fn open(&mut self, chunk: &mut [u8]) {
        self.hasher.update(chunk);
        self.cipher.apply_keystream(chunk);
    }

    /// The digest of the sealed bytes that went by.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Key, MasterSecret, Metadata, hex};
    use crate::time::UnixMillis;

    fn keys() -> Keys {
        Keys::derive(&MasterSecret([1; 32]))
    }

    #[test]
    fn the_cipher_matches_nist_sp_800_38a_f_5_5() {
        let key: [u8; 32] =
            hex::decode("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4").expect("hex");
        let iv: [u8; 16] = hex::decode("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").expect("hex");
        let mut block: [u8; 32] =
            hex::decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51").expect("hex");
        Aes256Ctr::new(&key.into(), &iv.into()).apply_keystream(&mut block);
        assert_eq!(hex::encode(&block), "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5");
    }

    #[test]
    fn chunks_do_not_change_the_seal() {
        let plain: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let mut whole = plain.clone();
        let mut one = ContentCipher::new(&keys(), Iv([3; 16]));
        one.seal(&mut whole);
        let mut pieces = plain.clone();
        let mut many = ContentCipher::new(&keys(), Iv([3; 16]));
        for piece in pieces.chunks_mut(777) {
            many.seal(piece);
        }
        assert!(whole == pieces && one.digest() == many.digest());
        let mut stored = vec![3; 16];
        stored.extend_from_slice(&whole);
        assert_eq!(one.digest().0, *blake3::hash(&stored).as_bytes());
        let mut back = ContentCipher::new(&keys(), Iv([3; 16]));
        back.open(&mut whole);
        assert!(whole == plain && back.digest() == one.digest());
    }

    #[test]
    fn a_seal_holds_for_one_name_version_length_and_content() {
        let keys = keys();
        let key: Key = "a".parse().expect("a key");
        let metadata = Metadata { key: key.clone(), size: 22, modified: UnixMillis(0) };
        let sealed = SealedMetadata::seal(&keys, Iv([0; 16]), &metadata);
        let hashed = keys.hashed(&key);
        let seal = Seal::new(&keys, hashed, Version(3), 22, Digest([5; 32]), sealed);
        assert!(seal.is_authentic(&keys, hashed));
        assert!(!seal.is_authentic(&keys, HashedKey([0; 16])));
        assert!(!seal.is_authentic(&Keys::derive(&MasterSecret([2; 32])), hashed));
        let other = SealedMetadata::seal(&keys, Iv([1; 16]), &metadata);
        for forged in [
            Seal { version: Version(4), ..seal.clone() },
            Seal { size: 23, ..seal.clone() },
            Seal { digest: Digest([6; 32]), ..seal.clone() },
            Seal { tag: Tag([0; 32]), ..seal.clone() },
            Seal { metadata: other, ..seal.clone() },
        ] {
            assert!(!forged.is_authentic(&keys, hashed), "{forged:?}");
        }
    }

    #[test]
    fn a_tombstone_holds_for_one_name_and_version() {
        let (keys, hashed) = (keys(), HashedKey([1; 16]));
        let tombstone = Tombstone::new(&keys, hashed, Version(3));
        assert!(tombstone.is_authentic(&keys, hashed));
        assert!(!tombstone.is_authentic(&keys, HashedKey([0; 16])));
        assert!(!tombstone.is_authentic(&Keys::derive(&MasterSecret([2; 32])), hashed));
        assert!(!Tombstone { version: Version(4), ..tombstone }.is_authentic(&keys, hashed));
        let beyond = Tombstone::new(&keys, hashed, Version(Version::MAX.0 + 1));
        assert!(!beyond.is_authentic(&keys, hashed), "no owner gets so far");
    }
}
