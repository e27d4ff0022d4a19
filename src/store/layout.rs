//! The places of all files in a data directory. Pure.
//!
//! ```text
//! identity             the master secret
//! cluster              the secret of the cluster
//! members              the nodes that this node dials and admits
//! layout               which of the two layouts the blobs have
//! catalog.redb         what every blob must be, and the small blobs if they are packed
//! <own id>/d44bd/0bbda/685d5/db90f/41956/8b531/ab9af/a97b/<SHA-1 of the key>     own files, plaintext
//! <owner's id>/44b2a/6b69c/ffe1e/a7922/da80d/75577/<replica name>                  replicas, sealed
//! tmp/                 files that are being written
//! quarantine/          damaged files, for people to look at
//! kept/                own files that gave way to what the peers knew of a later life of this directory
//! ```
//!
//! That is [`Layout::Folders`]: each 5 digits of a name make a folder, so a name of 40 digits lies 8 folders deep, and
//! one of 32 digits lies 6 folders deep (2 digits are left over). In [`Layout::Packed`] blobs of up to
//! [`PACKED_BYTES_MAX`](crate::limits::PACKED_BYTES_MAX) lie in the catalog, and the others one folder of 2 digits
//! deep.

use std::fmt;
use std::str::FromStr;

use crate::crypto::{FileName, NodeId, ReplicaName, Version};
use crate::disk::DiskPath;

/// The digits of a name that make one folder of many. Source: the original layout.
const FOLDER_DIGITS: usize = 5;

/// The digits of a name that make its only folder. Chosen: 256 folders keep each short up to some million large files.
const PACKED_FOLDER_DIGITS: usize = 2;

/// How the blobs of a data directory lie in it. Chosen when the directory is first used, and recorded there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Each blob is a file below folders made of its name, as in the original.
    #[default]
    Folders,
    /// Small blobs lie in the catalog and become durable with its commit; large ones are files one folder deep.
    Packed,
}

/// A blob of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlobId {
    /// A file of this node, in plaintext.
    Own(FileName),
    /// A replica that this node holds for another one.
    Held(NodeId, ReplicaName),
}

impl Layout {
    /// Every layout with its name.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Folders, "folders"), (Self::Packed, "packed")];

    /// Returns the place of a blob as a file in the data directory of `node`.
    #[must_use]
    pub fn place(self, node: NodeId, blob: &BlobId) -> DiskPath {
        let (owner, name) = match blob {
            BlobId::Own(name) => (node, name.to_string()),
            BlobId::Held(owner, replica_name) => (*owner, replica_name.to_string()),
        };
        let folders: Vec<&str> = match self {
            Self::Folders => {
                let folders = name.as_bytes().chunks_exact(FOLDER_DIGITS);
                folders.map(|folder| std::str::from_utf8(folder).expect("hex digits are ASCII")).collect()
            }
            Self::Packed => vec![&name[..PACKED_FOLDER_DIGITS]],
        };
        let owners = DiskPath::root().child(&owner.to_string());
        folders.into_iter().fold(owners, |path, folder| path.child(folder)).child(&name)
    }
}

/// The word is not one for a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not one of folders, packed")]
pub struct UnknownLayout {
    /// The word.
    pub word: String,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folders => "folders",
            Self::Packed => "packed",
        })
    }
}

impl FromStr for Layout {
    type Err = UnknownLayout;

    fn from_str(text: &str) -> Result<Self, UnknownLayout> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(layout, _)| *layout).ok_or_else(|| UnknownLayout { word: text.to_owned() })
    }
}

/// Returns the path of the identity file.
#[must_use]
pub fn identity() -> DiskPath {
    DiskPath::root().child("identity")
}

/// Returns the path of the identity file while it is being written.
#[must_use]
pub(super) fn identity_temporary() -> DiskPath {
    DiskPath::root().child("identity.new")
}

/// Returns the path of the file that names the cluster.
#[must_use]
pub fn cluster() -> DiskPath {
    DiskPath::root().child("cluster")
}

/// Returns the path of the file that names the cluster while it is being written.
#[must_use]
pub(crate) fn cluster_temporary() -> DiskPath {
    DiskPath::root().child("cluster.new")
}

/// Returns the path of the list of members.
#[must_use]
pub fn members() -> DiskPath {
    DiskPath::root().child("members")
}

/// Returns the path of the list of members while it is being written.
#[must_use]
pub(crate) fn members_temporary() -> DiskPath {
    DiskPath::root().child("members.new")
}

/// Returns the path of the file that marks that the identity was exported: its time tells when. The node itself neither
/// reads nor writes it.
#[must_use]
pub fn backed_up() -> DiskPath {
    DiskPath::root().child("backed-up")
}

/// Returns the path of the file that names the layout.
#[must_use]
pub fn layout() -> DiskPath {
    DiskPath::root().child("layout")
}

/// Returns the path of the file that names the layout while it is being written.
#[must_use]
pub(super) fn layout_temporary() -> DiskPath {
    DiskPath::root().child("layout.new")
}

/// Returns the path of the catalog.
#[must_use]
pub fn catalog() -> DiskPath {
    DiskPath::root().child("catalog.redb")
}

/// Returns the path of the catalog while it is being made.
#[must_use]
pub(super) fn catalog_temporary() -> DiskPath {
    DiskPath::root().child("catalog.new")
}

/// Returns the path of the file that marks a failed sync of the catalog, so that a start after a kill knows of it too.
#[must_use]
pub(super) fn catalog_doubtful() -> DiskPath {
    DiskPath::root().child("catalog.doubtful")
}

/// Returns the folder in which files are written before they get their final name.
#[must_use]
pub fn temporary_dir() -> DiskPath {
    DiskPath::root().child("tmp")
}

/// Returns the folder of the damaged files.
#[must_use]
pub fn quarantine_dir() -> DiskPath {
    DiskPath::root().child("quarantine")
}

/// Whether a name in the quarantine is that of a copy of this blob.
#[must_use]
pub fn is_quarantined(blob: &BlobId, name: &str) -> bool {
    name.starts_with(&quarantined_prefix(blob))
}

/// Returns what the names of the copies of a blob in the quarantine begin with.
#[must_use]
pub(super) fn quarantined_prefix(blob: &BlobId) -> String {
    match blob {
        BlobId::Own(name) => format!("own.{name}."),
        BlobId::Held(owner, replica_name) => format!("held.{owner}.{replica_name}."),
    }
}

/// Returns the place where an own file is kept that gives way to what the peers know.
#[must_use]
pub fn kept(name: FileName, version: Version) -> DiskPath {
    DiskPath::root().child("kept").child(&format!("own.{name}.{version}"))
}

/// Returns a place where a damaged catalog is set aside: there is one for each number.
#[must_use]
pub(super) fn quarantined_catalog(number: usize) -> DiskPath {
    let name = if number == 0 { "catalog.redb".to_owned() } else { format!("catalog.{number}.redb") };
    quarantine_dir().child(&name)
}

/// Returns the place where one version of a blob is written. No two attempts between a start and a stop of a node share
/// a file.
#[must_use]
pub fn temporary(blob: &BlobId, version: Version, attempt: u64) -> DiskPath {
    let name = match blob {
        BlobId::Own(name) => format!("own.{name}.{:016x}.{attempt:x}", version.0),
        BlobId::Held(owner, replica_name) => format!("held.{owner}.{replica_name}.{:016x}.{attempt:x}", version.0),
    };
    temporary_dir().child(&name)
}

/// Returns the blob, version and attempt that a name in the temporary folder stands for; `None` if no node makes that
/// name.
#[must_use]
pub fn parse_temporary(name: &str) -> Option<(BlobId, Version, u64)> {
    let mut parts = name.split('.');
    let blob = match parts.next()? {
        "own" => BlobId::Own(parts.next()?.parse().ok()?),
        "held" => BlobId::Held(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?),
        _ => return None,
    };
    let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
    let (version, attempt) = (Version(number()?), number()?);
    // Only the exact text that `temporary` writes counts, so that each meaning has one name.
    (temporary(&blob, version, attempt).segments().last() == Some(name)).then_some((blob, version, attempt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_files_lie_eight_folders_deep_and_replicas_six_or_packed_one() {
        let node = NodeId([0xaa; 32]);
        let name: FileName = "d44bd0bbda685d5db90f419568b531ab9afa97b0".parse().expect("hex");
        let own = Layout::Folders.place(node, &BlobId::Own(name));
        assert_eq!(
            own.segments().skip(1).collect::<Vec<_>>(),
            "d44bd 0bbda 685d5 db90f 41956 8b531 ab9af a97b0 d44bd0bbda685d5db90f419568b531ab9afa97b0"
                .split(' ')
                .collect::<Vec<_>>()
        );
        let replica_name: ReplicaName = "44b2a6b69cffe1ea7922da80d75577e7".parse().expect("hex");
        let held = BlobId::Held(NodeId([0xbb; 32]), replica_name);
        let path = Layout::Folders.place(node, &held);
        assert_eq!(
            path.segments().collect::<Vec<_>>().join(" "),
            format!("{} 44b2a 6b69c ffe1e a7922 da80d 75577 {replica_name}", "bb".repeat(32))
        );
        let path = Layout::Packed.place(node, &held);
        assert_eq!(path.segments().collect::<Vec<_>>().join(" "), format!("{} 44 {replica_name}", "bb".repeat(32)));
    }

    #[test]
    fn temporary_names_say_what_they_hold() {
        let blobs = [BlobId::Own(FileName([1; 20])), BlobId::Held(NodeId([2; 32]), ReplicaName([3; 16]))];
        for blob in blobs {
            let path = temporary(&blob, Version(7), 11);
            let name = path.segments().last().expect("a name");
            assert_eq!(parse_temporary(name), Some((blob, Version(7), 11)));
        }
        for name in [
            "",
            "own",
            "own.x.1",
            "identity",
            "held.00.00.00",
            "own...",
            "lock",
            "own.0101010101010101010101010101010101010101.0000000000000007.00",
        ] {
            assert_eq!(parse_temporary(name), None, "{name}");
        }
    }
}
