//! The content of a file, encrypted: AES-256-CTR (NIST SP 800-38A) after an IV, and the digest of both.
//!
//! A replica is exactly `[16-byte IV][ciphertext]`. The digest is BLAKE3 of these bytes, so a holder can find damage
//! without a key. Proving which owner made the bytes is left to the [`Seal`](super::Seal).

use ctr::cipher::{KeyIvInit, StreamCipher};

use super::Keys;
use super::hex::hex_bytes;
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

/// Returns the length of a sealed file for a plaintext of `size` bytes.
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
    /// Returns a cipher that starts at the first byte after the IV.
    #[must_use]
    pub fn new(keys: &Keys, iv: Iv) -> Self {
        const { assert!(FILE_BYTES_MAX / 16 < 1 << 63, "the block counter must not wrap within a file") };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&iv.0);
        Self { cipher: Aes256Ctr::new(&keys.content.into(), &iv.0.into()), hasher }
    }

    /// Encrypts the next piece in place.
    pub fn seal(&mut self, chunk: &mut [u8]) {
        self.cipher.apply_keystream(chunk);
        self.hasher.update(chunk);
    }

    /// Decrypts the next piece in place. The plaintext is not to be trusted before the digest has been compared.
    pub fn open(&mut self, chunk: &mut [u8]) {
        self.hasher.update(chunk);
        self.cipher.apply_keystream(chunk);
    }

    /// Returns the digest of the sealed bytes that were processed so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{MasterSecret, hex};

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
}
