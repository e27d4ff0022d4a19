//! What a node says of one of its files.

use dacapo::crypto::{Attributes, Version};
use dacapo::node::FileInfo;
use dacapo::time::UnixMillis;

/// What a node says of one of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The current version.
    pub version: Version,
    /// The length of the content in bytes.
    pub size: u64,
    /// When the file was stored, by the clock of the node.
    pub stored: UnixMillis,
    /// What the file has beside its content.
    pub beside: Beside,
}

/// What a node says of what a file has beside its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// HTTP does not tell it, and has not taken it either.
    Untold,
    /// The file has this.
    Told(Option<Attributes>),
}

impl From<&FileInfo> for About {
    fn from(info: &FileInfo) -> Self {
        let FileInfo { version, size, modified, attributes, .. } = *info;
        Self { version, size, stored: modified, beside: Beside::Told(attributes) }
    }
}
