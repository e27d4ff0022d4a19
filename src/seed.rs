//! One seed, and independent lanes of random bytes drawn from it.
//!
//! Every random choice of a node comes from the [`Seed`] that its caller hands in: operating-system entropy in
//! `main`, a number in a simulation. Each purpose draws from a lane of its own, so that a draw added for one
//! purpose never shifts the bytes of another.

use rand_chacha::ChaCha20Rng;
pub use rand_chacha::rand_core::Rng;
use rand_chacha::rand_core::SeedableRng;

/// The 32 bytes that every key, IV and jitter of one start of a node is drawn from.
///
/// A seed is used for one start only. A node that is started twice with the same seed would draw the same IVs
/// again, so a caller that replays runs derives a seed per node and per start (see [`Seed::derive`]).
#[derive(Clone)]
pub struct Seed([u8; 32]);

/// What random bytes are drawn for. The number selects the ChaCha stream and is part of what a seed means:
/// it is never reused or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Lane {
    /// The master secret of a new data directory.
    Identity = 1,
    /// Ephemeral keys of the link handshake.
    Handshake = 2,
    /// Initialisation vectors of file contents.
    Iv = 3,
    /// Initialisation vectors of sealed metadata.
    MetadataIv = 4,
    /// Jitter of the waits between two dials.
    Backoff = 5,
    /// The secret of a new cluster.
    Cluster = 6,
    /// The salt of a backup of an identity.
    Salt = 7,
}

/// A stream of random bytes for one purpose (ChaCha20, RFC 8439 block function).
pub type LaneRng = ChaCha20Rng;

impl Seed {
    /// A seed of 32 bytes, for production from the operating system's entropy source.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The seed that a number names: the same number gives the same seed on every machine.
    #[must_use]
    pub fn from_u64(number: u64) -> Self {
        Self(blake3::derive_key("dacapo seed from number v1", &number.to_le_bytes()))
    }

    /// An independent seed for a part of a run, such as one start of one node.
    #[must_use]
    pub fn derive(&self, part: &str, index: u64) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&index.to_le_bytes());
        hasher.update(part.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The lane of one purpose, from its beginning. Take each lane once and keep it.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> LaneRng {
        let mut rng = ChaCha20Rng::from_seed(self.0);
        rng.set_stream(lane as u64);
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

    fn first_word(seed: &Seed, lane: Lane) -> u64 {
        seed.lane(lane).next_u64()
    }

    #[test]
    fn a_lane_repeats_and_lanes_differ() {
        let seed = Seed::from_u64(7);
        assert_eq!(first_word(&seed, Lane::Iv), first_word(&seed, Lane::Iv));
        assert_ne!(first_word(&seed, Lane::Iv), first_word(&seed, Lane::MetadataIv));
    }

    #[test]
    fn a_seed_means_the_same_bytes_on_every_machine() {
        assert_eq!(first_word(&Seed::from_u64(7), Lane::Iv), SEED_7_IV_WORD);
    }

    const SEED_7_IV_WORD: u64 = 0xf63d_a9e2_67da_da75;

    #[test]
    fn two_starts_of_one_node_draw_different_ivs() {
        let seed = Seed::from_u64(7);
        let (first, second) = (seed.derive("n1", 0), seed.derive("n1", 1));
        assert_ne!(first_word(&first, Lane::Iv), first_word(&second, Lane::Iv));
    }
}
