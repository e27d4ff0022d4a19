//! The keys of a node, all derived from one master secret (BLAKE3 key derivation, one context for each purpose).

use std::str::FromStr;
use std::sync::Arc;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::hex::{self, HexError};
use super::{Key, LinkKey, NodeId, ReplicaName};

/// The one secret that makes a node what it is. With it one can read and write all files of the node.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MasterSecret(pub [u8; 32]);

/// The secret that all nodes of a cluster share. It is mixed into every handshake: without it a caller gets no answer.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ClusterSecret(pub [u8; 32]);

/// The keys of a node, one for each purpose.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Keys {
    /// Proves the node id. Handshakes share it; it is wiped when the last of them ends.
    #[zeroize(skip)]
    pub(crate) link: Arc<LinkKey>,
    pub(super) content: [u8; 32],
    pub(super) name: [u8; 32],
    pub(super) metadata: [u8; 32],
    pub(super) tag: [u8; 32],
}

impl ClusterSecret {
    /// Returns the secret of an open cluster: a well-known constant, so it keeps nobody out.
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
    /// Derives every key. A secret gives the same keys for ever: changing a context loses all files.
    #[must_use]
    pub fn derive(master: &MasterSecret) -> Self {
        let link = Zeroizing::new(blake3::derive_key("dacapo link identity v1", &master.0));
        Self {
            link: Arc::new(LinkKey::new(&link)),
            content: blake3::derive_key("dacapo content encryption v1", &master.0),
            name: blake3::derive_key("dacapo replica names v1", &master.0),
            metadata: blake3::derive_key("dacapo metadata encryption v1", &master.0),
            tag: blake3::derive_key("dacapo replica tags v1", &master.0),
        }
    }

    /// Returns the id that the link key proves.
    #[must_use]
    pub fn node(&self) -> NodeId {
        *self.link.public()
    }

    /// Returns the name that a file's replicas have on peers.
    #[must_use]
    pub fn replica_name(&self, key: &Key) -> ReplicaName {
        key.replica_name(&self.name)
    }
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
    fn every_purpose_has_its_own_key() {
        let keys = Keys::derive(&MasterSecret([7; 32]));
        let all = [keys.node().0, keys.content, keys.name, keys.metadata, keys.tag];
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
