//! The form of the answers belongs to the version of the protocol.

use std::collections::BTreeMap;

use dacapo::crypto::Digest;
use dacapo::node::{Holding, Load, Progress, Refusing, Remembered, ReplicaError};
use dacapo::protocol::Refusal;
use dacapo::store::Usage;
use dacapo::time::UnixMillis;

use super::*;
use crate::cli::limits::{CONTROL_VERSION, FAILURE_BYTES_MAX};

/// A peer that is away.
fn peer(node: NodeId) -> PeerInfo {
    PeerInfo {
        peer: Some(node),
        address: Some(":3000".parse().expect("an address")),
        not_reached_at: Some("127.0.0.1:2999".parse().expect("an address")),
        is_dialled: true,
        is_connected: false,
        progress: Progress::Behind,
        refused: 4,
        has_twin: true,
        sees_twin: false,
        is_slow: false,
    }
}

/// Answers that carry every type of the node that travels.
fn answers() -> Vec<Answer> {
    let (node, key, version) = (NodeId([1; 32]), "k".parse().expect("a valid key"), Version(3));
    let outcomes = [
        Ok(()),
        Err(ReplicaError::Refused(Refusal::DiskFull)),
        Err(ReplicaError::Unreachable { reason: "r".to_owned() }),
        Err(ReplicaError::Unconfirmed { reason: "r".to_owned() }),
    ];
    let receipts: Vec<_> = outcomes.into_iter().map(|outcome| Receipt { peer: node, outcome }).collect();
    let attributes = Some(Attributes { mode: 0o640, changed_s: 5, changed_ns: 6 });
    let (modified, digest, place) = (UnixMillis(5), Digest([2; 32]), Some("p".to_owned()));
    let file = FileInfo { key, size: 22, version, modified, attributes, digest, is_local: true };
    let holder = Holder { peer: node, holding: Holding::Current { verified: UnixMillis(5), is_fresh: true } };
    let unknown = Holder { peer: node, holding: Holding::Unknown { reason: "r".to_owned() } };
    let held = BTreeMap::from([(node, Usage { files: 1, bytes: 38, ..Usage::default() })]);
    let refusing = BTreeMap::from([(node, Refusing { files: 2, reason: "r".to_owned() })]);
    vec![
        Answer::Stored(Stored { version, size: 22, receipts, away: 1 }),
        Answer::Found(FoundFile { version, size: 22, from: Some(node), attributes, place, is_passing: true }),
        Answer::File(file),
        Answer::Status {
            address: ([127, 0, 0, 1], 3000).into(),
            node,
            status: Box::new(Status {
                files: 7,
                deleted: 2,
                owners: 1,
                held: Usage { files: 1, bytes: 38, ..Usage::default() },
                last_scrub: Some(UnixMillis(5)),
                rolled_back: Some(version),
                load: Load { calls: 1, arriving: Usage { files: 1, bytes: 38, ..Usage::default() }, ..Load::default() },
            }),
            known: KnownPeers {
                wanted: Some(3),
                peers: vec![peer(node)],
                forgotten: vec![node],
                remembered: Remembered { locked_out: vec![node], places_taken: 2, places_away: 1 },
                held,
                refusing,
                unlearnt: 3,
                rolled_back: Some(version),
            },
        },
        Answer::Failed(Failure::failed(&"r")),
        Answer::Holders { holders: vec![holder, unknown], away: Vec::new() },
        Answer::Scrubbed(Scrubbed { checked: 5, ..Scrubbed::default() }),
        Answer::MembersChanged { locked_out: vec![node] },
        Answer::Address(([127, 0, 0, 1], 3000).into()),
        Answer::Working,
    ]
}

#[test]
fn the_reasons_of_peers_are_cut_before_they_travel() {
    let reason = || "é".repeat(FAILURE_BYTES_MAX);
    let peer = NodeId([1; 32]);
    let receipts = vec![
        Receipt { peer, outcome: Err(ReplicaError::Unreachable { reason: reason() }) },
        Receipt { peer, outcome: Err(ReplicaError::Unconfirmed { reason: reason() }) },
    ];
    let holders = vec![Holder { peer, holding: Holding::Unknown { reason: reason() } }];
    for answer in [
        Answer::Stored(Stored { version: Version(1), size: 1, receipts: receipts.clone(), away: 0 }),
        Answer::DeletedEverywhere { receipts, away: 0 },
        Answer::Holders { holders, away: Vec::new() },
    ] {
        assert!(wire::encode(&answer.bounded()).len() < 2 * FAILURE_BYTES_MAX + 200);
    }
}

#[test]
fn the_version_stands_for_the_form_of_the_answers() {
    let bytes = answers().iter().flat_map(wire::encode).collect::<Vec<_>>();
    let found = (CONTROL_VERSION, blake3::hash(&bytes).to_hex()[..16].to_owned());
    // Another form of an answer, in a type of the node too, needs another version: then a program of another version
    // gets an error that says so.
    assert_eq!(found, (12, "1c640a5057f32168".to_owned()));
}
