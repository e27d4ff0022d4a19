//! The keys of a node, all derived from one master secret (BLAKE3 key derivation, one context per purpose).

use std::str::FromStr;

use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::hex::{self, HexError};
use super::{HashedKey, Key, NodeId};

/// The one secret that makes a node what it is. Whoever has it can read and write all of the node's files.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MasterSecret(pub [u8; 32]);

/// What all nodes of a cluster share. It is mixed into every handshake: who does not have it gets no answer.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ClusterSecret(pub [u8; 32]);

/// The keys of a node, one for each purpose.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Keys {
    #[zeroize(skip)]
    node: NodeId,
    /// X25519 private key that proves the node id.
    pub(crate) link: [u8; 32],
    pub(super) content: [u8; 32],
    pub(super) name: [u8; 32],
    pub(super) metadata: [u8; 32],
    pub(super) tag: [u8; 32],
}

impl ClusterSecret {
    /// The secret of a cluster that is open to everybody: a well-known constant, so it keeps nobody out.
    #[must_use]
    pub fn open() -> Self {
        Self(blake3::derive_key("dacapo open cluster v1", &[]))
    }
}

impl FromStr for ClusterSecret {
    type Err = HexError;

    /// Reads 64 lower-case hex digits.
    fn from_str(text: &str) -> Result<Self, HexError> {
        hex::decode(text).map(Self)
    }
}

impl Keys {
    /// Derives every key. The same secret gives the same keys for ever: changing a context loses all files.
    #[must_use]
    pub fn derive(master: &MasterSecret) -> Self {
        let link = blake3::derive_key("dacapo link identity v1", &master.0);
        Self {
            node: public_key(&link),
            link,
            content: blake3::derive_key("dacapo content encryption v1", &master.0),
            name: blake3::derive_key("dacapo replica names v1", &master.0),
            metadata: blake3::derive_key("dacapo metadata encryption v1", &master.0),
            tag: blake3::derive_key("dacapo replica tags v1", &master.0),
        }
    }

    /// The id that the link key proves.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The name of a key's replica on peers.
    #[must_use]
    pub fn hashed(&self, key: &Key) -> HashedKey {
        key.hashed(&self.name)
    }
}

fn public_key(private: &[u8; 32]) -> NodeId {
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519).expect("the curve is compiled in");
    dh.set(private);
    NodeId(dh.pubkey().try_into().expect("an X25519 public key has 32 bytes"))
}

macro_rules! hidden_debug {
    ($($name:ident),*) => {$(
        /// Shows nothing of the secret.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
hidden_debug!(MasterSecret, ClusterSecret, Keys);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_id_is_the_x25519_public_key_of_rfc_7748() {
        // RFC 7748, section 6.1, Alice.
        let private = hex::decode("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a").expect("hex");
        let public = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
        assert_eq!(public_key(&private).to_string(), public);
    }

    #[test]
    fn every_purpose_has_its_own_key() {
        let keys = Keys::derive(&MasterSecret([7; 32]));
        let all = [keys.link, keys.content, keys.name, keys.metadata, keys.tag];
        for (index, key) in all.iter().enumerate() {
            assert!(!all[..index].contains(key));
        }
        assert_eq!(Keys::derive(&MasterSecret([7; 32])).node(), keys.node());
        assert_ne!(Keys::derive(&MasterSecret([8; 32])).node(), keys.node());
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let master = MasterSecret([0xab; 32]);
        assert_eq!(format!("{master:?} {:?}", Keys::derive(&master)), "MasterSecret(..) Keys(..)");
        assert_eq!(format!("{:?}", ClusterSecret::open()), "ClusterSecret(..)");
    }
}
