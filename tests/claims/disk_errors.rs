//! What a node tells its caller while its disk fails, and what is there afterwards: a table of every call and every
//! kind of error, in both layouts. During the call every disk call of one kind fails; then the disk works again, and
//! then the power fails.

use dacapo::node::{Content, DeleteError, Handle, Lane, ReplicaError, StoreError};
use dacapo::seed::Seed;
use dacapo::store::layout::Layout;
use dacapo_sim::disk::{CallKind, SimDisk};

use crate::support::in_memory::{Network, get, key, lose_power, put, run};
use crate::support::snapshots::assert_snapshot;

/// What the disk does wrong.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Errors(CallKind),
    Full,
}

/// The call that is made while the disk fails. The last one is a store on a node whose disk works, and it is the disk
/// of the peer that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    StoreNew,
    Overwrite,
    Delete,
    DeleteEverywhere,
    GetLocal,
    GetFromPeer,
    PeerTakes,
}

const CALLS: [(Call, &str); 7] = [
    (Call::StoreNew, "store a new file"),
    (Call::Overwrite, "overwrite"),
    (Call::Delete, "delete the local copy"),
    (Call::DeleteEverywhere, "delete everywhere"),
    (Call::GetLocal, "get the local copy"),
    (Call::GetFromPeer, "get from a peer"),
    (Call::PeerTakes, "a peer is sent a replica"),
];

const OLD: [u8; 5000] = [1; 5000];
const NEW: [u8; 5000] = [2; 5000];

/// What a file may be afterwards: absent, the old content, the new content.
#[derive(Clone, Copy, Debug)]
struct May {
    nothing: bool,
    old: bool,
    new: bool,
}

fn set(disk: &SimDisk, wrong: Wrong, begins: bool) {
    match wrong {
        Wrong::Errors(kind) => {
            disk.set_errors(kind, if begins { 1000 } else { 0 }, Seed::from_u64(7).rng(Lane::Backoff));
        }
        Wrong::Full => disk.set_capacity(begins.then_some(0)),
    }
}

/// Makes the call. Returns what the caller was told, and what the file may be according to that.
async fn make(node: &Handle, call: Call) -> (&'static str, May) {
    let name = key("a");
    let (nothing, old, new) = (
        May { nothing: true, old: false, new: false },
        May { nothing: false, old: true, new: false },
        May { nothing: false, old: false, new: true },
    );
    match call {
        Call::StoreNew | Call::Overwrite | Call::PeerTakes => {
            let before = if call == Call::Overwrite { old } else { nothing };
            match node.store(&name, Content::bytes(NEW.to_vec())).await {
                Ok(stored) if call == Call::PeerTakes => (receipt(&stored.receipts[0].outcome), new),
                Ok(_) => ("done", new),
                Err(StoreError::Rejected(_)) => ("not stored", before),
                Err(StoreError::Unconfirmed(_)) => ("perhaps stored", May { new: true, ..before }),
            }
        }
        Call::Delete => match node.delete(&name).await {
            Ok(()) => ("done", old),
            Err(DeleteError::Rejected(_)) => ("not deleted", old),
            Err(DeleteError::Unconfirmed(_)) => ("perhaps deleted", old),
            Err(error) => panic!("{error}"),
        },
        Call::DeleteEverywhere => match node.delete_everywhere(&name).await {
            Ok(_) => ("done", nothing),
            Err(DeleteError::Rejected(_)) => ("not deleted", old),
            Err(DeleteError::Unconfirmed(_)) => ("perhaps deleted", May { nothing: true, ..old }),
            Err(error) => panic!("{error}"),
        },
        Call::GetLocal | Call::GetFromPeer => match node.get(&name).await {
            Ok(fetched) => match fetched.read_all().await {
                Ok(content) => (if content == OLD { "done" } else { "OTHER BYTES" }, old),
                Err(_) => ("failed", old),
            },
            Err(_) => ("failed", old),
        },
    }
}

fn receipt(outcome: &Result<(), ReplicaError>) -> &'static str {
    match outcome {
        Ok(()) => "done",
        Err(ReplicaError::Refused(_)) => "refused",
        Err(ReplicaError::Unconfirmed { .. }) => "perhaps there",
        Err(ReplicaError::Unreachable { .. }) => "not there",
    }
}

/// Fills one cell of the table: what the caller was told. Panics if what is there afterwards is nothing that this
/// allows.
async fn cell(layout: Layout, call: Call, wrong: Wrong) -> &'static str {
    let what = format!("{layout}, {call:?}, {wrong:?}");
    let (network, owner, holder) = (Network::of(layout), SimDisk::new(), SimDisk::new());
    let pair = network.pair(&owner, &holder).await;
    let node = pair.owner.handle();
    if !matches!(call, Call::StoreNew | Call::PeerTakes) {
        assert_eq!(put(&node, "a", OLD.to_vec()).await.replicas(), 1);
    }
    put(&node, "neighbour", OLD.to_vec()).await;
    if call == Call::GetFromPeer {
        node.delete(&key("a")).await.expect("deleted");
    }
    let failing = if call == Call::PeerTakes { &holder } else { &owner };
    set(failing, wrong, true);
    let (told, may) = make(&node, call).await;
    set(failing, wrong, false);
    assert_may(&node, may, &format!("{what}: told {told:?}, then")).await;
    let again = put(&node, "again", NEW.to_vec()).await;
    assert_eq!(again.replicas(), 1, "{what}: it serves again");
    for disk in [&owner, &holder] {
        lose_power(disk, 9);
    }
    pair.stop().await;
    let pair = network.pair(&owner, &holder).await;
    let node = pair.owner.handle();
    assert_may(&node, may, &format!("{what}: told {told:?}, after a power loss")).await;
    assert!(get(&node, "neighbour").await == OLD, "{what}: its neighbour");
    assert!(get(&node, "again").await == NEW, "{what}: what was stored after it");
    pair.stop().await;
    told
}

/// Gets the file, and panics if it may not be what it is.
async fn assert_may(node: &Handle, may: May, what: &str) {
    let found = match node.get(&key("a")).await {
        Ok(fetched) => Some(fetched.read_all().await.expect("readable")),
        Err(_) => None,
    };
    let is_allowed = match &found {
        None => may.nothing,
        Some(content) if *content == OLD => may.old,
        Some(content) if *content == NEW => may.new,
        Some(_) => false,
    };
    let found = found.map(|content| content.first().copied());
    assert!(is_allowed, "{what}: {found:?} is not allowed by {may:?}");
}

#[test]
fn every_call_says_what_has_happened_while_the_disk_fails_and_serves_when_it_works_again() {
    let wrongs = CallKind::ALL.iter().map(|kind| (Wrong::Errors(*kind), kind.name()));
    let wrongs: Vec<_> = wrongs.chain([(Wrong::Full, "full disk")]).collect();
    let mut text = String::new();
    for layout in [Layout::Folders, Layout::Packed] {
        text += &format!("{:26}", format!("in {layout}, failing:"));
        text += &wrongs.iter().map(|(_, name)| format!("{name:17}")).collect::<String>();
        text = format!("{}\n", text.trim_end());
        for (call, name) in CALLS {
            let cells: String =
                wrongs.iter().map(|(wrong, _)| format!("{:17}", run(cell(layout, call, *wrong)))).collect();
            text += &format!("{}\n", format!("{name:26}{cells}").trim_end());
        }
        text.push('\n');
    }
    assert_snapshot("disk_errors", text.trim_end());
}
