//! Everything worth telling about a node, as one typed enum. `Display` is the console line and the trace line; tests
//! and oracles match on the variants. No event carries a key, content or a secret: a file is named by its hash on the
//! disk concerned. Where the events go is left to the caller's [`EventSink`].

mod news;

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::crypto::{FileName, NodeId, ReplicaName, Version};
use crate::disk::DiskPath;
use crate::limits::DROP_LOG_INTERVAL;
use crate::membership::MemberChange;
use crate::transport::Address;

/// One fact, in the past tense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are named for what they hold, and Display says the rest")]
pub enum Event {
    /// The node has opened its data directory and bound its port.
    Started { node: NodeId, address: SocketAddr, is_new: bool },
    /// A start found traces of a crash: unfinished blobs were published or dropped.
    Recovered { finished: usize, dropped: usize },
    /// The node dials a configured peer.
    Dialled { address: Address },
    /// A dial led to no connection; the next dial follows after the wait.
    DialFailed { address: Address, reason: String, retry_ms: u64 },
    /// A peer is connected that was not connected before.
    PeerConnected { peer: NodeId, address: Option<Address> },
    /// A peer that was away answers at another address, which a third one has named, or which the node remembered.
    PeerFound { peer: NodeId, address: Address, through: Option<NodeId> },
    /// The last control connection of a peer ended.
    PeerLost { peer: NodeId, reason: String },
    /// Two nodes with the identity of a peer are running.
    PeerRunsTwice { peer: NodeId, addresses: [Address; 2] },
    /// A peer says that another node with this node's identity is running.
    RunsTwice { peer: NodeId },
    /// The list of members was changed.
    MembersChanged { change: MemberChange },
    /// An incoming connection was dropped before it became a peer's.
    InboundDropped { from: SocketAddr, reason: String },
    /// More incoming connections were dropped than are told one by one.
    InboundFlooded { dropped: u64 },
    /// A message was handed to a link to a peer. Told once for each, so only for a close look.
    MessageSent { peer: NodeId, link: u64, message: &'static str },
    /// A message of a peer has arrived. Told once for each; both sides have the same number for the link.
    MessageReceived { peer: NodeId, link: u64, message: &'static str },
    /// An exchange that a peer opened was refused or broke off.
    ExchangeFailed { peer: NodeId, reason: String },
    /// A peer asked for what it may not have. Told the first time, and whenever the count has doubled.
    RequestRefused { peer: NodeId, reason: String, count: u64 },
    /// A replica of a peer found no room on this disk. Told again after one that did.
    DiskFilled { peer: NodeId },
    /// The disk has failed while it did what a peer had asked; told once until a replica was kept.
    DiskFailed { peer: NodeId, reason: String },
    /// An own file is durable on this disk.
    FileWritten { file: FileName, version: Version, bytes: u64 },
    /// A peer acknowledged a replica as durable.
    ReplicaAcknowledged { peer: NodeId, file: FileName, bytes: u64 },
    /// A peer did not acknowledge a replica.
    ReplicaFailed { peer: NodeId, file: FileName, reason: String },
    /// A replica for a peer is durable on this disk.
    ReplicaWritten { owner: NodeId, replica: ReplicaName, version: Version, bytes: u64 },
    /// The local copy of an own file is gone.
    FileDeleted { file: FileName },
    /// An own file was deleted here, and is to be deleted at every peer.
    FileDeletedEverywhere { file: FileName },
    /// Every file and replica on this disk was compared with the catalog.
    Scrubbed { checked: u64, damaged: u64 },
    /// The local copy of an own file is not what was stored.
    FileDamaged { file: FileName },
    /// The disk does not give the local copy of an own file, so the peers are asked.
    FileUnreadable { file: FileName, reason: String },
    /// The local copy of an own file is missing, so the peers are asked.
    FetchStarted { file: FileName, peers: usize },
    /// A peer has answered a get with anything but a good copy, or could not answer.
    FetchAnswered { peer: NodeId, file: FileName, answer: FetchAnswer },
    /// An own file came back from a peer and was verified. It is on this disk again if it is kept.
    FileFetched { file: FileName, peer: NodeId, bytes: u64, is_kept: bool },
    /// A peer was brought up to date with this node's files.
    PeerRepaired { peer: NodeId, sent: usize, learnt: usize, released: usize, failed: usize },
    /// The files that a peer holds could not be compared with this node's.
    RepairFailed { peer: NodeId, reason: String },
    /// A peer knew a file of this node, or a version of it, that the catalog had lost.
    FileLearnt { file: FileName, version: Version },
    /// A peer knows a version of this node's that its data directory never reserved: the directory was put back from an
    /// older copy.
    RolledBack { met: Version },
    /// The catalog was missing, though there was an identity and perhaps files.
    CatalogLost,
    /// The catalog was damaged. It was set aside, and one took its place that has what could be salvaged.
    CatalogDamaged { own: u64, held: u64, lost_pages: u64 },
    /// Something that is none of a node lay in the place of one of its files or folders. It is at `place`, or gone if
    /// it was an empty folder.
    ObstacleSetAside { path: DiskPath, place: Option<DiskPath> },
    /// A temporary file that a crash has left could not be settled; the next use of its blob tries again.
    LeftUnsettled { path: DiskPath, reason: String },
    /// A damaged file stays in its place, because the quarantine is full and the file may be the only copy of
    /// something.
    QuarantineFull { file: FileName },
    /// Replicas that no record names were set aside; some stay where they are, because the quarantine keeps room for
    /// what is damaged.
    StraysSetAside { replicas: u64, staying: u64 },
    /// The file of the catalog became smaller by this much.
    CatalogCompacted { bytes: u64 },
    /// Deletions that every peer has known of for long were forgotten.
    DeletionsForgotten { count: u64 },
    /// A replica is not what its owner sealed, or is gone, so this node does not hold it any more.
    ReplicaSetAside { owner: NodeId, replica: ReplicaName, is_gone: bool },
    /// A replica was deleted because its owner deleted the file everywhere.
    ReplicaDeleted { owner: NodeId, replica: ReplicaName },
    /// A replica was dropped because its owner said that others hold the file.
    ReplicaReleased { owner: NodeId, replica: ReplicaName },
    /// This node sent a replica to its owner.
    ReplicaServed { owner: NodeId, replica: ReplicaName, bytes: u64 },
    /// The node has stopped; its data directory is closed.
    Stopped,
}

/// How one peer answered when it was asked for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchAnswer {
    /// The peer does not have the file.
    NotFound,
    /// The peer has only a version older than the newest acknowledged one.
    Stale(Version),
    /// The peer has the owner's tombstone: the file is deleted everywhere.
    Deleted(Version),
    /// The bytes that the peer sent are not what the owner stored.
    Damaged,
    /// The peer could not be asked, or the exchange broke off.
    Failed(String),
}

/// The receiver of a node's events. It is called on the node's thread and must not block.
pub type EventSink = Rc<dyn Fn(&Event)>;

/// Returns a count with the word "peer" or "peers".
pub(crate) fn count_peers(count: usize) -> String {
    format!("{count} {}", if count == 1 { "peer" } else { "peers" })
}

/// Returns the first ten hex digits of a name: enough to find the file by.
fn short(name: &impl fmt::Display) -> String {
    name.to_string()[..10].to_owned()
}

impl Event {
    /// Why a repair ends if the peer has listed too much that is not there or not from this node.
    pub const UNPROVEN: &str = "it claims to have what it cannot prove";

    /// Why a repair ends if the peer's summary and its listings do not agree.
    pub const UNLIKE: &str = "what it says of all files is not what it lists";

    /// Whether this tells of one message on a link. There are many of these.
    #[must_use]
    pub fn is_message(&self) -> bool {
        matches!(self, Self::MessageSent { .. } | Self::MessageReceived { .. })
    }
}

impl fmt::Display for Event {
    /// Writes one line. The match has an arm for each variant, so that a new variant does not compile without its line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { node, address, is_new } => {
                let identity = if *is_new { "new identity" } else { "identity" };
                write!(f, "listening on {address}, {identity} {}", node.short())
            }
            Self::Recovered { finished, dropped } => {
                write!(f, "recovered from a crash: {finished} files finished, {dropped} dropped")
            }
            Self::Dialled { address } => write!(f, "attempting to connect with {address}"),
            Self::DialFailed { address, reason, retry_ms } => {
                write!(f, "no connection with {address}: {reason}; next attempt in {retry_ms} ms")
            }
            Self::PeerConnected { peer, address: Some(address) } => {
                write!(f, "connected with {} at {address}", peer.short())
            }
            Self::PeerConnected { peer, address: None } => {
                write!(f, "connected with {}, which cannot be dialled", peer.short())
            }
            Self::PeerFound { peer, address, through: Some(through) } => {
                write!(f, "found {} at {address}, by the word of {}", peer.short(), through.short())
            }
            Self::PeerFound { peer, address, through: None } => {
                write!(f, "found {} at {address}, where it was before", peer.short())
            }
            Self::PeerLost { peer, reason } => write!(f, "lost {}: {reason}", peer.short()),
            Self::PeerRunsTwice { peer, addresses: [one, other] } => {
                write!(f, "{} runs twice, at {one} and at {other}: one of the two has to be stopped", peer.short())
            }
            Self::RunsTwice { peer } => {
                let advice = "stop one of them, and see \"twice\" in docs/SECURITY.md";
                write!(f, "another node with this identity is running, says {}: {advice}", peer.short())
            }
            Self::InboundDropped { from, reason } => write!(f, "dropped a connection from {from}: {reason}"),
            Self::ExchangeFailed { peer, reason } => write!(f, "an exchange with {} failed: {reason}", peer.short()),
            Self::FileWritten { file, version, bytes } => {
                write!(f, "received and written {bytes} bytes to disk as {} {version}", short(file))
            }
            Self::ReplicaAcknowledged { peer, file, bytes } => {
                write!(f, "{} acknowledged {bytes} sealed bytes of {}", peer.short(), short(file))
            }
            Self::ReplicaFailed { peer, file, reason } => {
                write!(f, "{} has no replica of {}: {reason}", peer.short(), short(file))
            }
            Self::ReplicaWritten { owner, replica, version, bytes } => {
                write!(f, "written {bytes} sealed bytes to disk as {} {version} for {}", short(replica), owner.short())
            }
            Self::FileDeleted { file } => write!(f, "deleted {} from disk", short(file)),
            Self::FileDamaged { file } => write!(f, "the local copy of {} is damaged", short(file)),
            Self::FileUnreadable { file, reason } => {
                write!(f, "cannot read the local copy of {}: {reason}", short(file))
            }
            Self::FetchStarted { file, peers } => {
                write!(f, "don't have {} locally, asking {}", short(file), count_peers(*peers))
            }
            Self::FetchAnswered { peer, file, answer } => write!(f, "{} {answer} {}", peer.short(), short(file)),
            Self::FileFetched { file, peer, bytes, is_kept } => {
                let kept = if *is_kept { "written to disk as" } else { "not kept:" };
                write!(f, "received {bytes} bytes from {}, verified, {kept} {}", peer.short(), short(file))
            }
            Self::ReplicaServed { owner, replica, bytes } => {
                write!(f, "served {bytes} sealed bytes of {} to {}", short(replica), owner.short())
            }
            Self::PeerRepaired { peer, sent, learnt, released, failed } => {
                write!(f, "repaired {}: {sent} sent, {learnt} learnt, {failed} failed", peer.short())?;
                if *released > 0 { write!(f, ", {released} placed on others") } else { Ok(()) }
            }
            Self::RepairFailed { peer, reason } => write!(f, "could not repair {}: {reason}", peer.short()),
            Self::FileLearnt { file, version } => write!(f, "learnt of {} {version} from a peer", short(file)),
            Self::RolledBack { met } => write!(
                f,
                "this data directory is older than what its peers know: {met} was not made here; its files are brought \
                 up to date, and local copies that give way are kept in the folder kept"
            ),
            Self::CatalogLost => f.write_str("the catalog is lost; files are learnt again from the peers"),
            Self::CatalogDamaged { own, held, lost_pages } => write!(
                f,
                "the catalog was damaged, and was set aside; {own} records of own files and {held} of replicas are \
                 salvaged, {lost_pages} pages are lost; the rest is learnt again from the peers"
            ),
            Self::ObstacleSetAside { path, place: Some(place) } => {
                write!(f, "what lay at {path} is none of this node's, and is now at {place}")
            }
            Self::ObstacleSetAside { path, place: None } => write!(f, "removed an empty folder that lay at {path}"),
            Self::LeftUnsettled { path, reason } => write!(f, "left {path} as it is: {reason}"),
            Self::StraysSetAside { replicas, staying } => {
                write!(f, "set aside {replicas} replicas that no record names")?;
                if *staying == 0 {
                    return Ok(());
                }
                write!(f, "; {staying} more stay, until quarantine/ has room again")
            }
            Self::DeletionsForgotten { count } => {
                write!(f, "forgot {count} deletions that every peer has known of for long")
            }
            Self::CatalogCompacted { bytes } => write!(f, "the catalog is {bytes} bytes smaller"),
            Self::QuarantineFull { file } => {
                write!(f, "left {} in its place: quarantine/ is full, move its files to another place", short(file))
            }
            Self::ReplicaSetAside { owner, replica, is_gone } => {
                let (done, why) = if *is_gone { ("misses", "gone") } else { ("set aside", "damaged") };
                write!(f, "{done} {} of {}, which is {why}", short(replica), owner.short())
            }
            Self::ReplicaDeleted { owner, replica } => {
                write!(f, "deleted {} for {}", short(replica), owner.short())
            }
            Self::ReplicaReleased { owner, replica } => {
                write!(f, "dropped {} of {}, which others hold", short(replica), owner.short())
            }
            Self::MessageSent { peer, message, .. } => write!(f, "sent {message} to {}", peer.short()),
            Self::MessageReceived { peer, message, .. } => write!(f, "received {message} from {}", peer.short()),
            Self::RequestRefused { peer, reason, count } => {
                write!(f, "refused {count} requests of {}, the last because {reason}", peer.short())
            }
            Self::DiskFilled { peer } => {
                write!(
                    f,
                    "the disk is full: refused a replica of {}, and refuses others until there is room",
                    peer.short()
                )
            }
            Self::DiskFailed { peer, reason } => {
                write!(f, "the disk failed while it worked for {}: {reason}", peer.short())
            }
            Self::InboundFlooded { dropped } => {
                write!(f, "dropped {dropped} more connections within {} seconds", DROP_LOG_INTERVAL.as_secs())
            }
            Self::MembersChanged { change } => match change {
                MemberChange::Forget(peer) => write!(f, "forgot {}", peer.short()),
                MemberChange::Allow(peer) => write!(f, "allowed {}", peer.short()),
                MemberChange::Lock => f.write_str("locked the list of members"),
                MemberChange::Unlock => f.write_str("unlocked the list of members"),
                MemberChange::ForgetAddress(address) => write!(f, "forgot the address {address}"),
                MemberChange::Unlist(peer) => write!(f, "took {} off the list of members", peer.short()),
            },
            Self::FileDeletedEverywhere { file } => write!(f, "deleted {} everywhere", short(file)),
            Self::Scrubbed { checked, damaged } => write!(f, "scrubbed {checked} files, {damaged} damaged"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl fmt::Display for FetchAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("does not have"),
            Self::Stale(version) => write!(f, "has only the older {version} of"),
            Self::Deleted(version) => write!(f, "has the deletion {version} of"),
            Self::Damaged => f.write_str("sent a damaged copy of"),
            Self::Failed(reason) => write!(f, "could not be asked ({reason}) for"),
        }
    }
}
