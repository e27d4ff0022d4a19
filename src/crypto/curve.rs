//! The key pair that a node is known by: X25519 (RFC 7748), computed by AWS-LC.
//!
//! The curve takes most of the time of short simulations. AWS-LC computes a secret in 24 µs, and pure Rust in 52 µs
//! (one core of an AMD EPYC with ADX). A key pair is computed once and serves all handshakes.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};

use super::NodeId;

/// A private key and its public key. AWS-LC wipes the private key when this is dropped.
pub(crate) struct LinkKey {
    private: PrivateKey,
    public: NodeId,
}

impl LinkKey {
    /// Makes the key pair of a private key. Any 32 bytes are one.
    pub(crate) fn new(private: &[u8; 32]) -> Self {
        let private = PrivateKey::from_private_key(&X25519, private).expect("any 32 bytes are an X25519 key");
        let public = private.compute_public_key().expect("every X25519 key has a public one");
        let public = NodeId(public.as_ref().try_into().expect("an X25519 public key has 32 bytes"));
        Self { private, public }
    }

    /// Returns the public key, which is the id of the node.
    pub(crate) fn public(&self) -> &NodeId {
        &self.public
    }

    /// Returns the secret that this key shares with a public key. `None` if the public key is one of the few that give
    /// every private key the same secret; no node has such a key.
    pub(crate) fn agree(&self, theirs: &[u8]) -> Option<[u8; 32]> {
        agree(&self.private, UnparsedPublicKey::new(&X25519, theirs), (), |secret| secret.try_into().map_err(drop)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;

    /// The test vector of RFC 7748, section 6.1: private and public keys, and the secret that they share.
    const ALICE: [&str; 2] = [
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    ];
    const BOB: [&str; 2] = [
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ];
    const SHARED: &str = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

    #[test]
    fn keys_and_secrets_are_those_of_rfc_7748() {
        let key = |[private, _]: [&str; 2]| LinkKey::new(&hex::decode(private).expect("hex"));
        let (alice, bob) = (key(ALICE), key(BOB));
        assert_eq!([alice.public().to_string(), bob.public().to_string()], [ALICE[1], BOB[1]]);
        let secrets = [alice.agree(&bob.public().0), bob.agree(&alice.public().0)];
        assert_eq!(secrets, [Some(hex::decode(SHARED).expect("hex")); 2]);
    }

    #[test]
    fn no_secret_is_shared_with_a_key_that_shares_it_with_everybody() {
        let key = LinkKey::new(&[7; 32]);
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!([key.agree(&[0; 32]), key.agree(&one), key.agree(&[])], [None; 3]);
    }
}
