//! The curve as the handshake uses it: once with the node's prepared key, and once with a fresh key.

use std::sync::Arc;

use snow::Error;
use snow::types::{Dh, Random};

use crate::crypto::LinkKey;

/// A key of a handshake. There is none until the handshake sets the node's key or generates a fresh one.
pub(super) struct Curve {
    node: Arc<LinkKey>,
    chosen: Option<Arc<LinkKey>>,
}

impl Curve {
    /// Returns a curve without a key. Setting one takes the node's key; another can be generated.
    pub(super) fn new(node: Arc<LinkKey>) -> Self {
        Self { node, chosen: None }
    }
}

impl Dh for Curve {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    /// Takes the node's key. The key is here already, and no bytes of it pass through the handshake.
    fn set(&mut self, _private: &[u8]) {
        self.chosen = Some(self.node.clone());
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut private = [0; 32];
        rng.try_fill_bytes(&mut private)?;
        self.chosen = Some(Arc::new(LinkKey::new(&private)));
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        self.chosen.as_ref().map_or(&[], |key| &key.public().0)
    }

    /// Returns nothing: the private key is never told, and no handshake asks for it.
    fn privkey(&self) -> &[u8] {
        &[]
    }

    fn dh(&self, theirs: &[u8], out: &mut [u8]) -> Result<(), Error> {
        // The buffers of the handshake have room for the keys of larger curves.
        let theirs = theirs.get(..self.pub_len()).ok_or(Error::Dh)?;
        let secret = self.chosen.as_ref().and_then(|key| key.agree(theirs)).ok_or(Error::Dh)?;
        out.get_mut(..secret.len()).ok_or(Error::Dh)?.copy_from_slice(&secret);
        Ok(())
    }
}
