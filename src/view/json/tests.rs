//! The text of every form. A change here breaks scripts, and has to stand in the changelog.

use crate::crypto::{Digest, Version};
use crate::node::{Load, Progress, Scrubbed, Status};
use crate::protocol::Refusal;
use crate::time::UnixMillis;

use super::*;

const ID: &str = "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a";

fn key() -> Key {
    "a \"b\"".parse().expect("a valid key")
}

fn node() -> NodeId {
    ID.parse().expect("an id")
}

fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a form has no maps with odd keys")
}

/// Asserts that a value is printed as this text, in which `ID` stands for the id of the node.
fn assert_printed(value: &impl Serialize, expected: &str) {
    assert_eq!(json_text(value).replace(ID, "ID"), expected);
}

fn receipts() -> Vec<Receipt> {
    let unreachable = ReplicaError::Unreachable { reason: "the connection was closed".to_owned() };
    let unconfirmed = ReplicaError::Unconfirmed { reason: "nothing moved for 20 seconds".to_owned() };
    let outcomes = [Ok(()), Err(ReplicaError::Refused(Refusal::DiskFull)), Err(unreachable), Err(unconfirmed)];
    outcomes.into_iter().map(|outcome| Receipt { peer: node(), outcome }).collect()
}

const RECEIPTS: &str = r#"[{"peer":"ID","outcome":"stored"},"#;
const REFUSED: &str = r#"{"peer":"ID","outcome":"refused","reason":"it refused: its disk is full"},"#;
const UNREACHABLE: &str =
    r#"{"peer":"ID","outcome":"unreachable","reason":"it could not be reached: the connection was closed"},"#;
const UNCONFIRMED: &str =
    r#"{"peer":"ID","outcome":"unconfirmed","reason":"perhaps stored there: nothing moved for 20 seconds"}]"#;

#[test]
fn put_and_rm_everywhere_print_a_receipt_per_peer() {
    let list = [RECEIPTS, REFUSED, UNREACHABLE, UNCONFIRMED].concat();
    let stored = Stored { version: Version(3), size: 22, receipts: receipts(), away: 1 };
    let head = r#"{"key":"a \"b\"","version":3,"size":22,"replicas":1,"receipts":"#;
    assert_printed(&StoredJson::new(&key(), &stored), &format!("{head}{list},\"away\":1}}"));
    let head = r#"{"key":"a \"b\"","deleted":true,"peers":1,"receipts":"#;
    let key = key();
    let deleted = DeletedEverywhereJson::new(&key, &stored.receipts, 2);
    assert_printed(&deleted, &format!("{head}{list},\"away\":2}}"));
    assert_printed(&DeletedJson::new(&key), r#"{"key":"a \"b\"","deleted":true}"#);
}

#[test]
fn ls_and_stat_print_a_file() {
    let digest: Digest = "5a".repeat(32).parse().expect("a digest");
    let modified = UnixMillis(1_764_000_000_123);
    let (key, version) = (key(), Version(3));
    let info = FileInfo { key, size: 22, version, modified, attributes: None, digest, is_local: false };
    let head = r#"{"key":"a \"b\"","size":22,"version":3,"stored_unix_ms":1764000000123,"digest":""#;
    assert_printed(&FileJson::from(&info), &format!("{head}{digest}\",\"local\":false}}"));
}

#[test]
fn status_prints_what_the_node_says_of_itself() {
    let status = Status {
        files: 7,
        deleted: 2,
        owners: 1,
        held: Usage { files: 2, bytes: 76, ..Usage::default() },
        last_scrub: Some(UnixMillis(5)),
        rolled_back: Some(Version(3)),
        load: Load { calls: 1, exchanges: 2, connections: 3, tasks: 4, ..Load::default() },
    };
    let known = KnownPeers { rolled_back: Some(Version(3)), ..KnownPeers::default() };
    let address = ([127, 0, 0, 1], 3000).into();
    let expected = concat!(
        r#"{"node":"ID","address":"127.0.0.1:3000","peers_connected":0,"peers_behind":0,"peers_away":0,"files":7,"#,
        r#""deleted":2,"held_files":2,"held_bytes":76,"calls":1,"exchanges":2,"connections":3,"tasks":4,"#,
        r#""last_scrub_unix_ms":5,"rolled_back":true,"attention":["look"]}"#
    );
    assert_printed(&StatusJson::new(node(), address, &status, &known, vec!["look".to_owned()]), expected);
}

#[test]
fn peers_prints_known_nodes_and_those_that_are_kept_out() {
    let mut info = PeerInfo {
        peer: Some(node()),
        address: Some("127.0.0.1:3000".parse().expect("an address")),
        not_reached_at: None,
        is_dialled: true,
        is_connected: true,
        progress: Progress::Behind,
        refused: 4,
        has_twin: true,
        sees_twin: false,
        is_slow: false,
    };
    let held = Usage { files: 2, bytes: 76, ..Usage::default() };
    let head = r#"{"peer":"ID","address":"127.0.0.1:3000","#;
    let end = r#""refused":4,"twin":true,"sees_twin":false,"slow":false}"#;
    let tail = format!(r#""forgotten":false,"locked_out":false,"current":false,"held_files":2,"held_bytes":76,{end}"#);
    assert_printed(&PeerJson::known(&info, Some(&held), None), &format!("{head}\"connected\":true,{tail}"));
    info.is_connected = false;
    let tail =
        format!(r#""forgotten":false,"locked_out":false,"current":null,"held_files":null,"held_bytes":null,{end}"#);
    assert_printed(&PeerJson::known(&info, None, None), &format!("{head}\"connected\":false,{tail}"));
    info.not_reached_at = Some("127.0.0.1:2999".parse().expect("an address"));
    let head = r#"{"peer":"ID","address":"127.0.0.1:3000","not_reached_at":"127.0.0.1:2999","#;
    assert_printed(&PeerJson::known(&info, None, None), &format!("{head}\"connected\":false,{tail}"));
    let full = Refusing { files: 3, reason: "its disk is full".to_owned() };
    let tail = r#""slow":false,"not_taken":3,"not_taken_reason":"its disk is full"}"#;
    assert!(json_text(&PeerJson::known(&info, None, Some(&full))).ends_with(tail));
    let head = r#"{"peer":"ID","address":null,"connected":false,"#;
    let tail =
        r#""current":null,"held_files":2,"held_bytes":76,"refused":0,"twin":false,"sees_twin":false,"slow":false}"#;
    for (is_forgotten, state) in
        [(true, r#""forgotten":true,"locked_out":false,"#), (false, r#""forgotten":false,"locked_out":true,"#)]
    {
        let printed = format!("{head}{state}{tail}");
        assert_printed(&PeerJson::kept_out(node(), is_forgotten, Some(&held)), &printed);
    }
}

#[test]
fn scrub_prints_the_counts_of_the_node() {
    let scrubbed = Scrubbed {
        checked: 5,
        bytes: 110,
        damaged: 5,
        restored: 1,
        missing: 1,
        failed: 0,
        absent: 3,
        set_aside: 2,
        gone: 1,
    };
    let expected = r#"{"checked":5,"bytes":110,"damaged":5,"restored":1,"missing":1,"failed":0,"absent":3,"#;
    assert_printed(&scrubbed, &format!(r#"{expected}"set_aside":2,"gone":1}}"#));
}
