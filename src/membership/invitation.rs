//! An invitation: one line by which another machine enters the cluster. It holds the cluster's secret.
//!
//! ```text
//! dacapo-invitation-1:<host:port>:<64 hex digits: node id>:<64 hex digits: secret, or "open">:<16 hex digits: check>
//! ```
//!
//! The check is the first 8 bytes of the BLAKE3 of everything before its colon. So a line that was cut or mistyped is
//! noticed before anything is written.

use std::str::FromStr;

use zeroize::Zeroizing;

use super::Cluster;
use crate::crypto::{HexError, NodeId};
use crate::disk::text_file::check;
use crate::limits::INVITATION_BYTES_MAX;
use crate::transport::{Address, AddressError};

const PREFIX: &str = "dacapo-invitation-";
const VERSION: &str = "1";

/// What a node has to know to enter a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The address of a node of the cluster.
    pub address: Address,
    /// The node that has to answer at this address.
    pub node: NodeId,
    /// The cluster, with its secret.
    pub cluster: Cluster,
}

/// Why a text is not an invitation. No message shows any part of the text: it may hold a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// The text does not begin as an invitation.
    #[error("it does not begin with {PREFIX}{VERSION}")]
    Foreign,
    /// The text is an invitation of another version.
    #[error("it is an invitation of another version than {VERSION}")]
    Version,
    /// The text is longer than any invitation.
    #[error("it is longer than {INVITATION_BYTES_MAX} bytes")]
    TooLong,
    /// A part is missing, or the check does not match.
    #[error("it is not whole: copy all of the line")]
    Damaged,
    /// The address is malformed.
    #[error("its address is malformed: {0}")]
    Address(#[from] AddressError),
    /// The id or the secret is malformed.
    #[error("its id or secret is malformed: {0}")]
    Hex(#[from] HexError),
}

impl Invitation {
    /// Returns the invitation as a line. Everybody with this line can enter the cluster.
    #[must_use]
    pub fn line(&self) -> Zeroizing<String> {
        let Self { address, node, cluster } = self;
        let body = Zeroizing::new(format!("{PREFIX}{VERSION}:{address}:{node}:{}", cluster.word().as_str()));
        Zeroizing::new(format!("{}:{}", body.as_str(), check(&body)))
    }

    /// Whether a text is meant to be an invitation, even if it is damaged.
    #[must_use]
    pub fn is_like(text: &str) -> bool {
        text.trim_start().starts_with(PREFIX)
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    /// Reads a line. Space around it does not count.
    fn from_str(text: &str) -> Result<Self, InvitationError> {
        let line = text.trim();
        if line.len() > INVITATION_BYTES_MAX {
            return Err(InvitationError::TooLong);
        }
        let rest = line.strip_prefix(PREFIX).ok_or(InvitationError::Foreign)?;
        let (version, rest) = rest.split_once(':').ok_or(InvitationError::Damaged)?;
        if version != VERSION {
            return Err(InvitationError::Version);
        }
        let (body, found) = line.rsplit_once(':').ok_or(InvitationError::Damaged)?;
        if found != check(body) {
            return Err(InvitationError::Damaged);
        }
        let parts = rest.strip_suffix(found).and_then(|rest| rest.strip_suffix(':'));
        // Split from the end, because the address may hold colons.
        let mut parts = parts.ok_or(InvitationError::Damaged)?.rsplitn(3, ':');
        let mut next = || parts.next().ok_or(InvitationError::Damaged);
        let (cluster, node, address) = (next()?, next()?, next()?);
        Ok(Self { address: address.parse()?, node: node.parse()?, cluster: cluster.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ClusterSecret;

    fn invitation(address: &str, cluster: Cluster) -> Invitation {
        Invitation { address: address.parse().expect("an address"), node: NodeId([0x1a; 32]), cluster }
    }

    #[test]
    fn an_invitation_reads_back() {
        for address in ["other.example:3000", "[2001:db8::1]:3000", "127.0.0.1:1"] {
            for cluster in [Cluster::Closed(ClusterSecret([7; 32])), Cluster::Open] {
                let invitation = invitation(address, cluster);
                let line = invitation.line();
                assert_eq!(line.parse(), Ok(invitation.clone()));
                assert_eq!(format!(" {}\r\n", line.as_str()).parse(), Ok(invitation));
            }
        }
    }

    #[test]
    fn a_mistake_in_an_invitation_is_noticed_anywhere() {
        let line = invitation("other.example:3000", Cluster::Closed(ClusterSecret([7; 32]))).line();
        for position in 0..line.len() {
            let mut damaged = line.as_bytes().to_vec();
            damaged[position] ^= 1;
            let damaged = String::from_utf8(damaged).expect("still ASCII");
            assert!(damaged.parse::<Invitation>().is_err(), "byte {position}");
            assert!(line[..position].parse::<Invitation>().is_err(), "cut at {position}");
        }
    }

    #[test]
    fn an_invitation_shows_its_secret_on_its_line_only() {
        let invitation = invitation("other.example:3000", Cluster::Closed(ClusterSecret([0xab; 32])));
        assert!(invitation.line().contains(&"ab".repeat(32)));
        assert!(!format!("{invitation:?}").contains("abab"));
    }
}
