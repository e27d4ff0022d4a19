//! The first message of each side, in a layout that no protocol version changes, so that two nodes of different
//! versions can still tell each other their versions.

use super::DecodeError;
use crate::seed::{Rng, SeedRng};

/// The first message of the dialling side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The protocol version that the dialling side speaks.
    pub protocol: u16,
    /// The port that the dialling side listens on, at the address that the connection comes from; 0 if it does not
    /// listen.
    pub listen_port: u16,
    /// What the connection is for.
    pub purpose: Purpose,
    /// The start of the dialling side that dials.
    pub boot: BootId,
}

/// What tells one start of a node from every other one. A node draws it at each start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootId(pub [u8; 8]);

impl BootId {
    /// Draws the id of a start.
    #[must_use]
    pub fn draw(lane: &mut SeedRng) -> Self {
        let mut boot = Self::default();
        lane.fill_bytes(&mut boot.0);
        boot
    }
}

/// What a connection is for: which side opens the exchanges on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Heartbeats, opened by the dialling side. The peer counts as connected while one control connection lives.
    Control = 0,
    /// The dialling side asks.
    DialerAsks = 1,
    /// The accepting side asks. Opened for a peer that cannot dial back.
    AcceptorAsks = 2,
}

/// The answer of the accepting side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The protocol version that the accepting side speaks. If the two differ, the connection ends here.
    pub protocol: u16,
    /// Whether the connection may be used.
    pub verdict: Verdict,
    /// The start of the accepting side that answers. It says nothing if the connection may not be used.
    pub boot: BootId,
}

/// Whether a connection may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// The connection may not be used: the node has no room for it.
    Full = 0,
    /// The connection may be used.
    Accepted = 1,
    /// The connection may not be used: the node does not admit the other side as a peer.
    NotAdmitted = 2,
}

impl Hello {
    /// Encodes the hello as `[protocol: u16 LE][listen port: u16 LE][purpose: u8][boot: 8 bytes]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.protocol.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.listen_port.to_le_bytes());
        bytes.push(self.purpose as u8);
        bytes.extend_from_slice(&self.boot.0);
        bytes
    }

    /// Reads a hello. Bytes after the known ones are a later protocol's and are ignored. If the version is not
    /// `protocol`, everything but the version is ignored.
    ///
    /// # Errors
    /// Fails if the bytes are no hello of any version.
    pub fn decode(bytes: &[u8], protocol: u16) -> Result<Self, DecodeError> {
        let (version, rest) = split_protocol(bytes)?;
        if version != protocol {
            let boot = BootId::default();
            return Ok(Self { protocol: version, listen_port: 0, purpose: Purpose::Control, boot });
        }
        let Some(([low, high, purpose], rest)) = rest.split_first_chunk() else { return Err(DecodeError::Malformed) };
        let boot = split_boot(rest)?;
        let purpose = match *purpose {
            0 => Purpose::Control,
            1 => Purpose::DialerAsks,
            2 => Purpose::AcceptorAsks,
            _ => return Err(DecodeError::Malformed),
        };
        Ok(Self { protocol: version, listen_port: u16::from_le_bytes([*low, *high]), purpose, boot })
    }
}

impl Welcome {
    /// Encodes the welcome as `[protocol: u16 LE][verdict: u8][boot: 8 bytes]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.protocol.to_le_bytes().to_vec();
        bytes.push(self.verdict as u8);
        bytes.extend_from_slice(&self.boot.0);
        bytes
    }

    /// Reads a welcome. Bytes after the known ones are a later protocol's and are ignored. If the version is not
    /// `protocol`, everything but the version is ignored.
    ///
    /// # Errors
    /// Fails if the bytes are no welcome of any version.
    pub fn decode(bytes: &[u8], protocol: u16) -> Result<Self, DecodeError> {
        let (version, rest) = split_protocol(bytes)?;
        if version != protocol {
            return Ok(Self { protocol: version, verdict: Verdict::Full, boot: BootId::default() });
        }
        let (verdict, rest) = rest.split_first().ok_or(DecodeError::Malformed)?;
        let boot = split_boot(rest)?;
        let verdict = match verdict {
            0 => Verdict::Full,
            1 => Verdict::Accepted,
            2 => Verdict::NotAdmitted,
            _ => return Err(DecodeError::Malformed),
        };
        Ok(Self { protocol: version, verdict, boot })
    }
}

fn split_protocol(bytes: &[u8]) -> Result<(u16, &[u8]), DecodeError> {
    let (version, rest) = bytes.split_first_chunk().ok_or(DecodeError::Malformed)?;
    Ok((u16::from_le_bytes(*version), rest))
}

fn split_boot(bytes: &[u8]) -> Result<BootId, DecodeError> {
    bytes.first_chunk().map(|boot| BootId(*boot)).ok_or(DecodeError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: BootId = BootId([7; 8]);

    #[test]
    fn a_hello_of_another_version_still_says_its_version() {
        assert_eq!(Hello::decode(&[9, 0], 1).map(|hello| hello.protocol), Ok(9));
        assert_eq!(Hello::decode(&[9, 0, 0xff, 0xff, 0xff, 0xff], 1).map(|hello| hello.protocol), Ok(9));
        assert_eq!(Hello::decode(&[1, 0, 0xff], 1), Err(DecodeError::Malformed));
        assert_eq!(Hello::decode(&[1, 0, 1, 2, 3, 7, 7, 7, 7, 7, 7, 7, 7], 1), Err(DecodeError::Malformed));
        assert_eq!(Hello::decode(&[1, 0, 1, 2, 1, 7, 7, 7, 7, 7, 7, 7], 1), Err(DecodeError::Malformed));
        assert_eq!(Hello::decode(&[], 1), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_welcome_of_another_version_still_says_its_version() {
        assert_eq!(Welcome::decode(&[9, 0], 1).map(|welcome| welcome.protocol), Ok(9));
        assert_eq!(Welcome::decode(&[9, 0, 1], 1).map(|welcome| welcome.protocol), Ok(9));
        assert_eq!(Welcome::decode(&[1, 0, 1, 7, 7, 7, 7, 7, 7, 7], 1), Err(DecodeError::Malformed));
        assert_eq!(Welcome::decode(&[1, 0, 3, 7, 7, 7, 7, 7, 7, 7, 7], 1), Err(DecodeError::Malformed));
        assert_eq!(Welcome::decode(&[1], 1), Err(DecodeError::Malformed));
    }

    #[test]
    fn hellos_and_welcomes_survive_the_wire() {
        for purpose in [Purpose::Control, Purpose::DialerAsks, Purpose::AcceptorAsks] {
            let hello = Hello { protocol: 1, listen_port: 3000, purpose, boot: BOOT };
            assert_eq!(Hello::decode(&hello.encode(), 1), Ok(hello));
        }
        for verdict in [Verdict::Full, Verdict::Accepted, Verdict::NotAdmitted] {
            let welcome = Welcome { protocol: 1, verdict, boot: BOOT };
            assert_eq!(Welcome::decode(&welcome.encode(), 1), Ok(welcome));
        }
    }
}
