//! The list of a node: which nodes it dials, which it admits by name, and which it has forgotten.
//!
//! ```text
//! dacapo members 2
//! dial other.example:3000 <node id>     with the id, no other node may answer there
//! allow <node id>
//! forget <node id>
//! locked                                only nodes that are allowed or dialled by id may be peers
//! <16 hex digits>                       the check of all lines before: damage admits nobody
//! ```
//!
//! A list with a 1 in its first line has no check.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::io;

use serde::{Deserialize, Serialize};

use crate::crypto::NodeId;
use crate::disk::Disk;
use crate::disk::text_file;
use crate::limits::{DIALS_MAX, MEMBERS_FILE_BYTES_MAX, MEMBERS_MAX};
use crate::store::layout;
use crate::transport::Address;

const HEADER: &str = "dacapo members 2";
const HEADER_WITHOUT_CHECK: &str = "dacapo members 1";

/// The nodes that a node dials and admits. Bounded by [`MEMBERS_MAX`] and [`DIALS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    dials: Vec<Dial>,
    allowed: BTreeSet<NodeId>,
    forgotten: BTreeSet<NodeId>,
    is_locked: bool,
}

/// A peer that is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// The address that is dialled.
    pub address: Address,
    /// The node that has to answer there; `None` if any may.
    pub node: Option<NodeId>,
}

/// Whether a node that has the cluster secret may be a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The node may be a peer.
    Admitted,
    /// The node was forgotten.
    Forgotten,
    /// The list is locked, and the node is not on it.
    NotListed,
}

impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admitted => "it is admitted",
            Self::Forgotten => "this node has forgotten it",
            Self::NotListed => "it is not on the list of this node, which is locked",
        })
    }
}

/// A change of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberChange {
    /// This node is no longer a peer. Where it is dialled by id, it is not until it is allowed again.
    Forget(NodeId),
    /// This node may be a peer, even if it was forgotten, and even if the list is locked.
    Allow(NodeId),
    /// Only nodes on the list may be peers.
    Lock,
    /// Every node that has the cluster secret may be a peer, except those that were forgotten.
    Unlock,
    /// This address is no longer dialled. The node that is known by it may still be a peer.
    ForgetAddress(Address),
    /// This node is neither allowed nor forgotten any more: it may be a peer unless the list is locked.
    Unlist(NodeId),
}

/// Why the list cannot be used, or was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MembersError {
    /// The file is not what a node writes.
    #[error("line {line} of the file members is {problem}")]
    Malformed {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with the line.
        problem: String,
    },
    /// The file is not as it was written.
    #[error("the file members is damaged: {0}; put back a copy, or remove it and name the members anew before a start")]
    Damaged(&'static str),
    /// There is no room for another id.
    #[error(
        "the list holds {MEMBERS_MAX} already; `dacapo peers unlist ID` takes one off it, and with `dacapo peers lock` \
         only those on it are admitted"
    )]
    Full,
    /// There is no room for another address.
    #[error("{DIALS_MAX} addresses are dialled already")]
    TooManyDials,
    /// The address that is to be forgotten is not one that is dialled.
    #[error("nobody is dialled at {address}")]
    NotDialled {
        /// The address.
        address: Address,
    },
    /// The node that is to be taken off the list is neither allowed nor forgotten.
    #[error("the list neither allows {node} nor has forgotten it")]
    NotListed {
        /// The node.
        node: NodeId,
    },
    /// The file could not be read.
    #[error("cannot read the file members: {0}")]
    NotRead(#[source] io::Error),
    /// The list was not written, or is not known to be durable.
    #[error("cannot write the file members: {0}; the change is not in force, and may be after a start: try again")]
    Unconfirmed(#[source] io::Error),
}

impl Members {
    /// Reads the list of a data directory; it is empty if there is no file.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or is malformed.
    pub fn load(disk: &impl Disk) -> Result<Self, MembersError> {
        let text = text_file::read(disk, &layout::members(), MEMBERS_FILE_BYTES_MAX + 1);
        match text.map_err(MembersError::NotRead)? {
            Some(text) => Self::parse(&text),
            None => Ok(Self::default()),
        }
    }

    /// Writes the list. Durable on return; a crash leaves the old or the new one.
    ///
    /// # Errors
    /// After an error the old or the new list is in force at the next start.
    pub fn save(&self, disk: &impl Disk) -> Result<(), MembersError> {
        text_file::replace(disk, &layout::members_temporary(), &layout::members(), &self.render())
            .map_err(MembersError::Unconfirmed)
    }

    /// Tells whether a node that has the cluster secret may be a peer, and if not, why.
    #[must_use]
    pub fn admission(&self, node: NodeId) -> Admission {
        if self.forgotten.contains(&node) {
            Admission::Forgotten
        } else if self.is_locked && !self.names(node) {
            Admission::NotListed
        } else {
            Admission::Admitted
        }
    }

    /// Tells whether the list names a node: as one that is allowed, dialled by id, or forgotten.
    #[must_use]
    pub fn names(&self, node: NodeId) -> bool {
        let is_dialled = || self.dials.iter().any(|dial| dial.node == Some(node));
        self.allowed.contains(&node) || self.forgotten.contains(&node) || is_dialled()
    }

    /// Returns the peers to dial.
    #[must_use]
    pub fn dials(&self) -> &[Dial] {
        &self.dials
    }

    /// Returns the peers to dial, and any node at each further address: another one may be where one that was
    /// forgotten is dialled by id.
    #[must_use]
    pub fn dials_and(&self, addresses: &[Address]) -> Vec<Dial> {
        let is_of_a_peer = |dial: &&Dial| !dial.node.is_some_and(|node| self.forgotten.contains(&node));
        let listed = self.dials.iter().filter(|dial| is_of_a_peer(dial) || !addresses.contains(&dial.address));
        let is_new = |address: &&Address| self.dials.iter().filter(is_of_a_peer).all(|dial| dial.address != **address);
        let more = addresses.iter().filter(is_new).map(|address| Dial { address: address.clone(), node: None });
        listed.cloned().chain(more).collect()
    }

    /// Returns the nodes that were forgotten, in the order of their ids.
    pub fn forgotten(&self) -> impl Iterator<Item = NodeId> {
        self.forgotten.iter().copied()
    }

    /// Makes a change.
    ///
    /// # Errors
    /// Fails if there is no room, or no such address or node; nothing has changed then.
    pub fn change(&mut self, change: MemberChange) -> Result<(), MembersError> {
        let (from, to, node) = match change {
            MemberChange::Forget(node) => (&mut self.allowed, &mut self.forgotten, node),
            MemberChange::Allow(node) => (&mut self.forgotten, &mut self.allowed, node),
            MemberChange::Lock | MemberChange::Unlock => {
                self.is_locked = change == MemberChange::Lock;
                return Ok(());
            }
            MemberChange::ForgetAddress(address) => return self.forget_address(address),
            MemberChange::Unlist(node) => return self.unlist(node),
        };
        if to.len() == MEMBERS_MAX && !to.contains(&node) {
            return Err(MembersError::Full);
        }
        from.remove(&node);
        to.insert(node);
        Ok(())
    }

    fn forget_address(&mut self, address: Address) -> Result<(), MembersError> {
        let before = self.dials.len();
        self.dials.retain(|dial| dial.address != address);
        if self.dials.len() < before { Ok(()) } else { Err(MembersError::NotDialled { address }) }
    }

    fn unlist(&mut self, node: NodeId) -> Result<(), MembersError> {
        let was_listed = self.allowed.remove(&node) | self.forgotten.remove(&node);
        if was_listed { Ok(()) } else { Err(MembersError::NotListed { node }) }
    }

    /// Adds a peer to dial. An entry with the same address is replaced, and so is the address of a node that has moved.
    /// If there is no room, the oldest entry of a forgotten node gives way.
    ///
    /// # Errors
    /// Fails if there is no room.
    pub fn dial(&mut self, dial: Dial) -> Result<(), MembersError> {
        self.dials.retain(|known| dial.node.is_none() || known.node != dial.node);
        self.add_dial(dial)
    }

    fn add_dial(&mut self, dial: Dial) -> Result<(), MembersError> {
        self.dials.retain(|known| known.address != dial.address);
        if self.dials.len() == DIALS_MAX {
            // Nobody sees that a forgotten node holds a place.
            let is_forgotten = |dial: &Dial| dial.node.is_some_and(|node| self.forgotten.contains(&node));
            let oldest = self.dials.iter().position(is_forgotten).ok_or(MembersError::TooManyDials)?;
            self.dials.remove(oldest);
        }
        self.dials.push(dial);
        Ok(())
    }

    /// Reads a list from the bytes of its file.
    ///
    /// # Errors
    /// Says that the bytes are damaged, or names the first line that no node writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, MembersError> {
        let malformed = |line, problem: &str| MembersError::Malformed { line, problem: problem.to_owned() };
        if bytes.len() > MEMBERS_FILE_BYTES_MAX {
            return Err(malformed(1, &format!("the first of more than {MEMBERS_FILE_BYTES_MAX} bytes")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, "the first of a file that is not text"))?;
        let text = match text.lines().next() {
            Some(HEADER) => text_file::without_check_line(text).map_err(MembersError::Damaged)?,
            Some(HEADER_WITHOUT_CHECK) => text,
            _ => return Err(malformed(1, &format!("not {HEADER:?}"))),
        };
        let mut members = Self::default();
        let lines = text.lines().zip(1..).skip(1);
        for (line, number) in lines.filter(|(line, _)| !line.is_empty()) {
            members.take_line(line, number)?;
        }
        Ok(members)
    }

    fn take_line(&mut self, text: &str, line: usize) -> Result<(), MembersError> {
        let malformed = |problem: String| MembersError::Malformed { line, problem };
        let node = |text: &str| text.parse().map_err(|error| malformed(format!("without a node id: {error}")));
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["dial", address, ref rest @ ..] if rest.len() < 2 => {
                let address = address.parse().map_err(|error| malformed(format!("without an address: {error}")))?;
                self.add_dial(Dial { address, node: rest.first().map(|text| node(text)).transpose()? })
            }
            ["allow", id] => self.change(MemberChange::Allow(node(id)?)),
            ["forget", id] => self.change(MemberChange::Forget(node(id)?)),
            ["locked"] => self.change(MemberChange::Lock),
            _ => Err(malformed("not a dial, an allow, a forget, or locked".to_owned())),
        }
    }

    fn render(&self) -> String {
        let mut text = format!("{HEADER}\n");
        let mut line = |line: fmt::Arguments<'_>| writeln!(text, "{line}").expect("a String takes all");
        for Dial { address, node } in &self.dials {
            match node {
                Some(node) => line(format_args!("dial {address} {node}")),
                None => line(format_args!("dial {address}")),
            }
        }
        self.allowed.iter().for_each(|node| line(format_args!("allow {node}")));
        self.forgotten.iter().for_each(|node| line(format_args!("forget {node}")));
        if self.is_locked {
            line(format_args!("locked"));
        }
        text_file::with_check_line(&text)
    }
}

#[cfg(test)]
mod tests;
