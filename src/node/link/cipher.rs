//! The cipher of a link and the hash of its handshake, computed by AWS-LC: AES-256-GCM (NIST SP 800-38D) and SHA-256
//! (FIPS 180-4), with the nonces that Noise gives them (specification, 12.4). Bytes are encrypted and decrypted on
//! their way from one buffer into another.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256};
use snow::Error;
use snow::types::{Cipher, Hash};

/// The authentication tag of AES-GCM.
pub(super) const TAG_BYTES: usize = 16;

/// AES-256-GCM with the key of one direction. Noise counts the nonces, and ends the link before it would use one twice.
pub(super) struct AesGcm {
    key: LessSafeKey,
}

impl AesGcm {
    /// Returns a cipher that is given its key before it is used.
    pub(super) fn new() -> Self {
        Self { key: key_of(&[0; 32]) }
    }
}

fn key_of(bytes: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("any 32 bytes are a key"))
}

/// Four zero bytes, and the counter.
fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

impl Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.key = key_of(key);
    }

    fn encrypt(&self, counter: u64, authtext: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let len = plaintext.len();
        let (sealed, behind) = out.split_at_mut(len);
        let (nonce, aad, tag) = (nonce(counter), Aad::from(authtext), &mut behind[..TAG_BYTES]);
        let done = self.key.seal_out_of_place_scatter(nonce, aad, plaintext, sealed, &[], tag);
        done.expect("a record is far shorter than the cipher can take");
        len + TAG_BYTES
    }

    fn decrypt(&self, counter: u64, authtext: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let len = sealed.len().checked_sub(TAG_BYTES).ok_or(Error::Decrypt)?;
        let (sealed, tag) = sealed.split_at(len);
        let out = out.get_mut(..len).ok_or(Error::Decrypt)?;
        let opened = self.key.open_separate_gather(nonce(counter), Aad::from(authtext), sealed, tag, out);
        opened.map_err(|_| Error::Decrypt)?;
        Ok(len)
    }
}

/// SHA-256 over what has been put in so far.
pub(super) struct Sha256(Context);

impl Sha256 {
    /// Returns the hash of nothing.
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Hash for Sha256 {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        *self = Self::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        out[..32].copy_from_slice(self.0.clone().finish().as_ref());
    }
}
