//! One seed, and independent streams of random bytes drawn from it.
//!
//! Every random choice comes from the [`Seed`] that a caller hands in: operating-system entropy in `main`, a number in
//! a simulation. Each purpose draws from a stream of its own, so that a draw added for one purpose never shifts the
//! bytes of another. Which purpose has which number is left to the caller: a node's are its `Lane`s.

use rand_chacha::ChaCha20Rng;
pub use rand_chacha::rand_core::Rng;
use rand_chacha::rand_core::SeedableRng;

/// The 32 bytes that every key, IV and jitter of one start of a node is drawn from.
///
/// A seed is used for one start only. A node that is started twice with one seed would draw the same IVs again, so a
/// caller that replays runs derives a seed for each node and each start (see [`Seed::derive`]).
#[derive(Clone)]
pub struct Seed([u8; 32]);

/// A stream of random bytes (ChaCha20, RFC 8439 block function).
pub type SeedRng = ChaCha20Rng;

impl Seed {
    /// Makes a seed of 32 bytes. In production they come from the operating system's entropy source.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Makes the seed that a number names. A number gives the same seed on every machine.
    #[must_use]
    pub fn from_u64(number: u64) -> Self {
        Self(blake3::derive_key("dacapo seed from number v1", &number.to_le_bytes()))
    }

    /// Derives an independent seed for a part of a run, such as one start of one node.
    #[must_use]
    pub fn derive(&self, part: &str, index: u64) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&index.to_le_bytes());
        hasher.update(part.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// Returns a stream of random bytes from its beginning. Take each stream once and keep it.
    #[must_use]
    pub fn rng(&self, stream: impl Into<u64>) -> SeedRng {
        let mut rng = ChaCha20Rng::from_seed(self.0);
        rng.set_stream(stream.into());
        rng
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_word(seed: &Seed, stream: u64) -> u64 {
        seed.rng(stream).next_u64()
    }

    #[test]
    fn a_stream_repeats_and_streams_differ() {
        let seed = Seed::from_u64(7);
        assert_eq!(first_word(&seed, 3), first_word(&seed, 3));
        assert_ne!(first_word(&seed, 3), first_word(&seed, 4));
    }

    #[test]
    fn a_seed_means_the_same_bytes_on_every_machine() {
        assert_eq!(first_word(&Seed::from_u64(7), 3), SEED_7_STREAM_3_WORD);
    }

    const SEED_7_STREAM_3_WORD: u64 = 0xf63d_a9e2_67da_da75;

    #[test]
    fn two_derived_seeds_give_different_bytes() {
        let seed = Seed::from_u64(7);
        let (first, second) = (seed.derive("n1", 0), seed.derive("n1", 1));
        assert_ne!(first_word(&first, 3), first_word(&second, 3));
    }
}
