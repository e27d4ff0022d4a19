//! Tests that every message of every public error is as it was reviewed. They live in the library, where the compiler
//! still counts the variants of an enum that outsiders may not match exhaustively.

use std::collections::BTreeSet;
use std::fmt::{Display, Write};
use std::io;
use std::path::PathBuf;

use crate::crypto::{HexError, KeyError, MetadataError, NodeId, Version};
use crate::disk::dir::DirDiskError;
use crate::disk::{DiskPath, PathError};
use crate::membership::{Admission, ClusterError, InvitationError, Members, MembersError};
use crate::node::{
    DeleteError, DiskCheckError, GetError, MemberError, Panicked, ReadError, ReplicaError, StartError, StatError,
    StoreError, StoreFault, Unasked,
};
use crate::protocol::{DecodeError, Refusal, WireError};
use crate::store::layout::Layout;
use crate::store::{CatalogError, IdentityError, LayoutError, StorageError};
use crate::transport::AddressError;

/// Names each value by its variant, and says which variants there are.
macro_rules! messages {
    ($enum:ident { $($variant:ident),* $(,)? }, $($value:expr),* $(,)?) => {{
        use $enum::*;
        let name = |error: &$enum| match error {
            $($variant { .. } => stringify!($variant),)*
        };
        render(stringify!($enum), &[$(stringify!($variant)),*], &[$($value),*], name)
    }};
}

/// Returns a text that has the name of an enum, and a line for each value.
fn render<E: Display>(name: &str, variants: &[&str], values: &[E], variant: impl Fn(&E) -> &'static str) -> String {
    let width = variants.iter().map(|name| name.len()).max().unwrap_or_default();
    let mut text = format!("{name}\n");
    for value in values {
        writeln!(text, "  {:width$}  {value}", variant(value)).expect("a String takes all");
    }
    let shown: BTreeSet<_> = values.iter().map(variant).collect();
    assert_eq!(shown, variants.iter().copied().collect(), "every variant of {name} has an example");
    text
}

fn check(name: &str, parts: &[String]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, parts.join("\n")));
}

fn denied() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

fn disk_error() -> StorageError {
    StorageError::Disk { operation: "sync", path: DiskPath::root().child("tmp"), source: denied() }
}

#[test]
fn messages_about_names_and_addresses() {
    check(
        "errors_names",
        &[
            messages!(
                KeyError { Empty, TooLong, Control, NotUtf8 },
                Empty,
                TooLong { bytes: 10_485_760 },
                Control { character: '\x1b' },
                NotUtf8 { position: 2 }
            ),
            messages!(HexError { Length, Digit }, Length { expected: 64, found: 3 }, Digit),
            messages!(PathError { NotAName, ForbiddenByte }, NotAName { bytes: 0 }, ForbiddenByte { byte: b'/' }),
            messages!(
                AddressError { TooLong, NoPort, BadPort, BadHost },
                TooLong { bytes: 300 },
                NoPort,
                BadPort,
                BadHost
            ),
            messages!(MetadataError { Length, Content }, Length { bytes: 3 }, Content),
        ],
    );
}

#[test]
fn messages_about_data_directories() {
    let path = || PathBuf::from("/srv/data");
    let database = redb::Error::from(redb::DatabaseError::RepairAborted);
    check(
        "errors_data_directory",
        &[
            messages!(
                DirDiskError { InUse, Foreign, NotADirectory, Unwritable },
                InUse { path: path() },
                Foreign { path: path() },
                NotADirectory { path: path() },
                Unwritable { path: path(), source: denied() }
            ),
            messages!(
                IdentityError { Damaged, Missing, Other, Disk },
                Damaged("its check line does not match"),
                Missing,
                Other,
                Disk { operation: "read", source: denied() }
            ),
            messages!(
                CatalogError { Database, Panicked, NotReplaced, OtherNode, Record },
                Database(Box::new(database)),
                Panicked,
                NotReplaced { reason: disk_error().to_string(), kind: None },
                OtherNode,
                Record { table: "own" }
            ),
            messages!(
                StorageError { Disk, Catalog, Layout, QuarantineFull, Unsettled, CatalogsSetAside },
                disk_error(),
                Catalog(CatalogError::Record { table: "own" }),
                Layout(LayoutError::Damaged),
                QuarantineFull,
                Unsettled { path: DiskPath::root().child("tmp").child("own.1.2.3") },
                CatalogsSetAside { count: 8 }
            ),
            messages!(
                LayoutError { Damaged, Other, Unrecorded, Mismatch, Converting, Disk },
                Damaged,
                Other { found: Layout::Folders, wanted: Layout::Packed },
                Unrecorded { wanted: Layout::Packed },
                Mismatch { said: Layout::Folders, blobs: Layout::Packed },
                Converting { to: Layout::Packed },
                Disk { operation: "read", source: denied() }
            ),
        ],
    );
}

#[test]
fn messages_between_peers() {
    check(
        "errors_peers",
        &[
            messages!(
                DecodeError { TooLong, Malformed, Trailing },
                TooLong { bytes: 5000 },
                Malformed,
                Trailing { bytes: 3 }
            ),
            messages!(
                WireError { Closed, Io, Tag, Decode, StreamLength, Unexpected, Stalled, TurnedAway, Superseded },
                Closed,
                Io(denied()),
                Tag { expected: 1, found: 7 },
                Decode(DecodeError::Malformed),
                StreamLength { expected: 38, found: 22 },
                Unexpected { expected: "stored", found: "alive" },
                Stalled { seconds: 20 },
                TurnedAway,
                Superseded
            ),
            messages!(
                Refusal {
                    NotOwner,
                    Stale,
                    Damaged,
                    Rotten,
                    TooLarge,
                    DiskFull,
                    DiskFailed,
                    Unexpected,
                    QuotaBytes,
                    QuotaFiles,
                    QuotaDeleted
                },
                NotOwner,
                Stale { held: Version(7) },
                Damaged,
                Rotten,
                TooLarge,
                DiskFull,
                DiskFailed,
                Unexpected,
                QuotaBytes { max: 1 << 30 },
                QuotaFiles { max: 1000 },
                QuotaDeleted
            ),
            messages!(
                ReplicaError { Refused, Unreachable, Unconfirmed },
                Refused(Refusal::DiskFull),
                Unreachable { reason: "the connection was closed".to_owned() },
                Unconfirmed { reason: "nothing moved for 20 seconds".to_owned() }
            ),
        ],
    );
}

#[test]
fn messages_about_members() {
    let malformed = || Members::parse(b"dacapo members 1\nallow 12").expect_err("no id");
    check(
        "errors_membership",
        &[
            messages!(
                ClusterError { Damaged, Taken, Disk },
                Damaged("its check line does not match"),
                Taken,
                Disk { operation: "read", source: denied() }
            ),
            messages!(
                MembersError { Malformed, Damaged, Full, TooManyDials, NotDialled, NotListed, NotRead, Unconfirmed },
                malformed(),
                Damaged("its check line does not match"),
                Full,
                TooManyDials,
                NotDialled { address: ":3000".parse().expect("an address") },
                NotListed { node: NodeId([7; 32]) },
                NotRead(denied()),
                Unconfirmed(denied())
            ),
            messages!(
                InvitationError { Foreign, Version, TooLong, Damaged, Address, Hex },
                Foreign,
                Version,
                TooLong,
                Damaged,
                Address(AddressError::NoPort),
                Hex(HexError::Digit)
            ),
            messages!(Admission { Admitted, Forgotten, NotListed }, Admitted, Forgotten, NotListed),
            messages!(MemberError { List, Stopped }, List(MembersError::Unconfirmed(denied())), Stopped),
        ],
    );
}

fn unasked() -> Vec<Unasked> {
    let unasked = |peer, address, reason: &str| Unasked { peer, address, reason: reason.to_owned() };
    vec![
        unasked(Some(NodeId([7; 32])), None, "nothing moved for 20 seconds"),
        unasked(None, ":3000".parse().ok(), "it is away"),
    ]
}

#[test]
fn messages_of_a_node() {
    let listen = || StartError::Listen { address: ":3000".parse().expect("an address"), source: denied() };
    check(
        "errors_node",
        &[
            messages!(
                StartError { Identity, Store, Members, Listen },
                Identity(IdentityError::Missing),
                Store(disk_error()),
                Members(MembersError::Full),
                listen()
            ),
            format!("Panicked\n  {Panicked}\n"),
            messages!(
                StoreError { Rejected, Unconfirmed },
                Rejected(StoreFault::Stopped),
                Unconfirmed(StoreFault::Disk(disk_error()))
            ),
            messages!(
                StoreFault { Content, Size, TooLarge, TooFewReplicas, CallerGone, Disk, NoEntropy, Stopped },
                Content(denied()),
                Size { expected: 22, found: 3 },
                TooLarge { max: 1 << 44 },
                TooFewReplicas { wanted: 2, found: 1 },
                CallerGone,
                NoEntropy(io::ErrorKind::Unsupported.into()),
                Disk(disk_error()),
                Stopped
            ),
            messages!(
                GetError { NotFound, Deleted, NoCopy, Unreachable, Damaged, Stale, Disk, Stopped },
                NotFound { asked: 2 },
                Deleted,
                NoCopy { asked: 2 },
                Unreachable { unasked: unasked(), peers: 4 },
                Damaged { damaged: 2, unreachable: 1 },
                Stale { stale: 1, unreachable: 1 },
                Disk(disk_error()),
                Stopped
            ),
            messages!(
                DeleteError { NotFound, Changed, TooFewReplicas, Unconfirmed, Rejected, Stopped },
                NotFound,
                Changed,
                TooFewReplicas { wanted: 2, found: 1, asked: 2 },
                TooFewReplicas { wanted: 1, found: 0, asked: 0 },
                Unconfirmed(disk_error()),
                Rejected(disk_error()),
                Stopped
            ),
            messages!(StatError { NotFound, Deleted, Disk, Stopped }, NotFound, Deleted, Disk(disk_error()), Stopped),
            messages!(DiskCheckError { Failed, Silent, Stopped }, Failed(disk_error().into()), Silent, Stopped),
            messages!(ReadError { Disk, Damaged, Stopped }, Disk(disk_error()), Damaged, Stopped),
        ],
    );
}
