//! The encodings: what is encoded decodes to itself, and any bytes decode to a value or an error, without a panic and
//! without an allocation beyond the bound. The allocator that watches for this is that of the whole test program; it
//! counts for each thread by itself, so that tests beside these do not matter.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use dacapo::crypto::{Digest, Iv, NameCount, NodeId, ReplicaName, Seal, SealedMetadata, Tag, Tombstone, Version};
use dacapo::limits::{LEAF_PAGE_MAX, MESSAGE_BYTES_MAX, METADATA_BYTES_MAX, SOUGHT_MAX};
use dacapo::protocol::{BootId, Hello, Message, Purpose, Refusal, Welcome, Whereabouts, message_frame, read_message};
use dacapo::replication::{Entry, Print, Summary};
use dacapo::store::layout;
use dacapo::time::UnixMillis;
use proptest::collection::vec;
use proptest::prelude::*;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The system allocator, which notes the largest single allocation of each thread.
struct Watched;

#[expect(unsafe_code, reason = "only a global allocator sees every allocation")]
// SAFETY: every call is passed on unchanged to the system allocator, which keeps the contract.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        note(bytes);
        // SAFETY: the system allocator gave out the pointer, and the caller's contract is the system allocator's.
        unsafe { System.realloc(pointer, layout, bytes) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the system allocator gave out the pointer.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Notes an allocation. A thread that is being torn down has no cell any more, and nothing to note.
fn note(bytes: usize) {
    LARGEST.try_with(|largest| largest.set(largest.get().max(bytes))).ok();
}

/// Returns the bytes of the largest single allocation that `work` makes on this thread.
fn largest_allocation(work: impl FnOnce()) -> usize {
    LARGEST.with(|largest| largest.set(0));
    work();
    LARGEST.with(Cell::get)
}

fn seal() -> impl Strategy<Value = Seal> {
    let metadata = vec(any::<u8>(), 16..=METADATA_BYTES_MAX);
    (any::<u64>(), any::<u64>(), any::<[u8; 32]>(), any::<[u8; 32]>(), metadata).prop_map(
        |(version, size, digest, tag, metadata)| Seal {
            version: Version(version),
            size,
            digest: Digest(digest),
            tag: Tag(tag),
            metadata: SealedMetadata::from_bytes(&metadata).expect("within the bound"),
        },
    )
}

fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        Just(Refusal::NotOwner),
        any::<u64>().prop_map(|held| Refusal::Stale { held: Version(held) }),
        Just(Refusal::Damaged),
        Just(Refusal::Rotten),
        Just(Refusal::TooLarge),
        Just(Refusal::DiskFull),
        Just(Refusal::DiskFailed),
        Just(Refusal::Unexpected),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let file = (any::<[u8; 32]>(), any::<[u8; 16]>()).prop_map(|(owner, name)| (NodeId(owner), ReplicaName(name)));
    prop_oneof![
        (file.clone(), any::<u64>(), any::<u64>()).prop_map(|((owner, replica_name), version, sealed_bytes)| {
            Message::StoreFile { owner, replica_name, version: Version(version), sealed_bytes }
        }),
        seal().prop_map(Message::Sealed),
        Just(Message::Stored),
        file.prop_map(|(owner, replica_name)| Message::GetFile { owner, replica_name }),
        seal().prop_map(Message::Found),
        Just(Message::NotFound),
        Just(Message::Proceed),
        (prop::option::of(print()), any::<bool>(), whereabouts())
            .prop_map(|(held, has_twin, whereabouts)| Message::Heartbeat { held, has_twin, whereabouts }),
        (any::<u8>(), prop::option::of(print()), any::<bool>(), whereabouts()).prop_map(
            |(connections_wanted, held, has_twin, whereabouts)| Message::Alive {
                connections_wanted,
                held,
                has_twin,
                whereabouts
            }
        ),
        refusal().prop_map(Message::Refused),
        repair(),
    ]
}

fn whereabouts() -> impl Strategy<Value = Whereabouts> {
    let id = || any::<[u8; 32]>().prop_map(NodeId);
    let address = "[a-z]{1,240}:[1-9][0-9]{0,3}".prop_map(|text| text.parse().expect("an address"));
    (vec(id(), 0..=SOUGHT_MAX), vec((id(), address), 0..=SOUGHT_MAX))
        .prop_map(|(sought, found)| Whereabouts { sought, found })
}

/// The messages of repair: comparisons, checks and deletions.
fn repair() -> impl Strategy<Value = Message> {
    let replica_name = || any::<[u8; 16]>().prop_map(ReplicaName);
    prop_oneof![
        prop::option::of(any::<u8>()).prop_map(|group| Message::Summarise { group }),
        vec(print(), 0..=64).prop_map(Message::Summary),
        (any::<u16>(), prop::option::of(replica_name())).prop_map(|(leaf, after)| Message::ListLeaf { leaf, after }),
        vec(entry(), 0..=LEAF_PAGE_MAX).prop_map(Message::Leaf),
        replica_name().prop_map(|replica_name| Message::CheckFile { replica_name }),
        (seal(), any::<[u8; 16]>(), any::<u64>()).prop_map(|(seal, iv, verified)| Message::Checked {
            seal,
            iv: Iv(iv),
            verified: UnixMillis(verified)
        }),
        tombstone().prop_map(Message::Gone),
        (replica_name(), tombstone())
            .prop_map(|(replica_name, tombstone)| Message::DeleteFile { replica_name, tombstone }),
        (replica_name(), any::<u64>())
            .prop_map(|(replica_name, version)| Message::ReleaseFile { replica_name, version: Version(version) }),
        Just(Message::Released),
        Just(Message::NoteCount(NameCount { names: 3, version: Version(4), tag: Tag([5; 32]) })),
        Just(Message::Noted),
        Just(Message::AskCount),
        Just(Message::Count(NameCount { names: 3, version: Version(4), tag: Tag([5; 32]) })),
        replica_name().prop_map(|replica_name| Message::VerifyFile { replica_name }),
        Just(Message::Verifying),
        Just(Message::Deleted),
        Just(Message::PerhapsStored),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    (any::<[u8; 16]>(), any::<u64>(), any::<[u8; 8]>()).prop_map(|(replica_name, version, mark)| Entry {
        replica_name: ReplicaName(replica_name),
        version: Version(version),
        mark,
    })
}

fn print() -> impl Strategy<Value = Print> {
    entry().prop_map(|entry| {
        let mut summary = Summary::default();
        summary.add(&entry);
        summary.print()
    })
}

fn tombstone() -> impl Strategy<Value = Tombstone> {
    (any::<u64>(), any::<[u8; 32]>()).prop_map(|(version, tag)| Tombstone { version: Version(version), tag: Tag(tag) })
}

fn read(mut bytes: &[u8]) -> Result<Message, dacapo::protocol::WireError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(read_message(&mut bytes))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_survives_the_wire(message in message()) {
        let encoded = message.encode();
        prop_assert!(encoded.len() <= MESSAGE_BYTES_MAX);
        prop_assert_eq!(Message::decode(&encoded), Ok(message.clone()));
        prop_assert_eq!(read(&message_frame(&encoded)).ok(), Some(message));
    }

    #[test]
    fn a_cut_or_extended_message_is_an_error(message in message(), cut in any::<prop::sample::Index>()) {
        let mut encoded = message.encode();
        let len = cut.index(encoded.len());
        prop_assert_ne!(Message::decode(&encoded[..len]), Ok(message.clone()));
        encoded.push(0);
        prop_assert!(Message::decode(&encoded).is_err());
    }

    #[test]
    fn any_bytes_decode_within_the_bound(bytes in vec(any::<u8>(), 0..6000), tag in 0..3_u8) {
        let mut framed = bytes.clone();
        if let Some(first) = framed.first_mut() {
            *first = tag;
        }
        let largest = largest_allocation(|| {
            drop(Message::decode(&bytes));
            drop(Hello::decode(&bytes, 1));
            drop(Welcome::decode(&bytes, 1));
        });
        // An error may allocate its text.
        prop_assert!(largest <= MESSAGE_BYTES_MAX, "allocated {largest} bytes");
        drop(read(&framed));
    }

    #[test]
    fn a_length_that_lies_allocates_nothing(claimed in any::<u32>(), bytes in vec(any::<u8>(), 0..50)) {
        let mut frame = vec![1];
        frame.extend_from_slice(&claimed.to_le_bytes());
        frame.extend_from_slice(&bytes);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let largest = largest_allocation(|| drop(runtime.block_on(read_message(&mut frame.as_slice()))));
        prop_assert!(largest <= MESSAGE_BYTES_MAX, "allocated {largest} bytes for {claimed} claimed ones");
    }

    #[test]
    fn a_hello_survives_the_wire(listen_port in any::<u16>(), purpose in 0..3_u8) {
        let purpose = [Purpose::Control, Purpose::DialerAsks, Purpose::AcceptorAsks][usize::from(purpose)];
        let hello = Hello { protocol: 1, listen_port, purpose, boot: BootId([3; 8]) };
        prop_assert_eq!(Hello::decode(&hello.encode(), 1), Ok(hello));
    }

    #[test]
    fn names_are_read_in_their_one_form_only(text in "\\PC{0,80}") {
        for parsed in [
            text.parse::<NodeId>().map(|id| id.to_string()),
            text.parse::<ReplicaName>().map(|name| name.to_string()),
        ].into_iter().flatten() {
            prop_assert_eq!(&parsed, &text);
        }
        if let Some((blob, version, attempt)) = layout::parse_temporary(&text) {
            prop_assert!(layout::temporary(&blob, version, attempt).as_str().ends_with(&text));
        }
    }
}
