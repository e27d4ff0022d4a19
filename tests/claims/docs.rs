//! The numbers in the documents are those of the code.

use std::collections::BTreeMap;
use std::time::Duration;

use dacapo::limits;
use dacapo_sim::fault::Fault;
use dacapo_sim::store::Files;
use dacapo_sim::subject::Subject;

const PROTOCOL: &str = include_str!("../../docs/PROTOCOL.md");
const SIMULATION: &str = include_str!("../../docs/SIMULATION.md");
const DURABILITY: &str = include_str!("../../docs/DURABILITY.md");
const DISK_ERRORS: &str = include_str!("../../snapshots/disk_errors.snap");

macro_rules! row {
    ($name:ident) => {
        (stringify!($name), limits::$name.to_string())
    };
}

#[test]
fn the_protocol_document_has_the_limits_of_the_code() {
    let rows = [
        row!(PROTOCOL_VERSION),
        row!(KEY_BYTES_MAX),
        row!(FILE_BYTES_MAX),
        row!(METADATA_BYTES_MAX),
        row!(MESSAGE_BYTES_MAX),
        row!(EAGER_BYTES_MAX),
        row!(INBOUND_CONNECTIONS_MAX),
        row!(INBOUND_CONTROLS_MAX),
        row!(INBOUND_PER_PEER_MAX),
        row!(INBOUND_OPEN_PER_PEER_MAX),
        row!(CONTROLS_PER_PEER_MAX),
        row!(BOOTS_PER_PEER_MAX),
        row!(STRANGERS_MAX),
        row!(HANDSHAKES_MAX),
        row!(POOL_CONNECTIONS_MAX),
        row!(PEERS_MAX),
        row!(MEMBERS_MAX),
        row!(MET_PEERS_MAX),
        row!(LEAF_PAGE_MAX),
        row!(LEAF_ENTRIES_MAX),
        row!(REPAIR_LEAVES_MAX),
        row!(REPAIRS_MAX),
        row!(UNPROVEN_MAX),
        row!(CHECK_BYTES_MAX),
        row!(TOMBSTONES_PER_OWNER_MAX),
    ];
    for (name, value) in rows {
        let row = format!("| `{name}` | {value} |");
        assert!(PROTOCOL.contains(&row), "docs/PROTOCOL.md needs the row {row}");
    }
}

#[test]
fn the_protocol_document_has_the_deadlines_of_the_code() {
    let rows: [(&str, Duration); 12] = [
        ("DIAL_TIMEOUT", limits::DIAL_TIMEOUT),
        ("DIAL_HEAD_START", limits::DIAL_HEAD_START),
        ("HANDSHAKE_TIMEOUT", limits::HANDSHAKE_TIMEOUT),
        ("PROGRESS_TIMEOUT", limits::PROGRESS_TIMEOUT),
        ("HEARTBEAT_INTERVAL", limits::HEARTBEAT_INTERVAL),
        ("HEARTBEAT_GRACE", limits::HEARTBEAT_GRACE),
        ("SEEK_AFTER", limits::SEEK_AFTER),
        ("SEEK_AFTER_START", limits::SEEK_AFTER_START),
        ("IDLE_ASKER_TIMEOUT", limits::IDLE_ASKER_TIMEOUT),
        ("IDLE_SERVER_TIMEOUT", limits::IDLE_SERVER_TIMEOUT),
        ("REPAIR_RETRY_MIN", limits::REPAIR_RETRY_MIN),
        ("REPAIR_RETRY_MAX", limits::REPAIR_RETRY_MAX),
    ];
    for (name, value) in rows {
        let row = format!("| `{name}` | {} |", value.as_secs_f64());
        assert!(PROTOCOL.contains(&row), "docs/PROTOCOL.md needs the row {row}");
    }
}

/// Each kind of calls and each fault has a row or a column in the table of what they met, and each pair happened.
#[test]
fn the_simulation_document_shows_that_each_kind_of_calls_has_met_each_fault() {
    let table = SIMULATION.split("<!-- pairs -->").nth(1).expect("docs/SIMULATION.md marks the table");
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with("```"));
    let mut met = BTreeMap::new();
    let mut verbs = Vec::new();
    for line in lines {
        let words: Vec<_> = line.split_whitespace().collect();
        if line.starts_with(' ') {
            verbs = words;
            continue;
        }
        for (verb, count) in verbs.iter().zip(&words[1..]) {
            met.insert((*verb, words[0]), count.parse::<u64>().expect("a number"));
        }
    }
    for verb in Files::default().verbs() {
        for fault in Fault::WORDS {
            let count = met.get(&(verb, fault)).unwrap_or_else(|| panic!("the table lacks {verb} with {fault}"));
            assert!(*count > 0, "{verb} never met {fault}");
        }
    }
}

#[test]
fn the_durability_document_says_of_disk_errors_what_the_snapshot_says() {
    let of_folders = DISK_ERRORS.lines().skip_while(|line| !line.starts_with("in folders")).skip(1);
    let rows: Vec<_> = of_folders.take_while(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), 7, "{rows:?}");
    for row in rows {
        let cells: Vec<_> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        // The document leaves out the errors of names.
        let [call, reads, writes, syncs, renames, _, full] = cells[..] else { panic!("{cells:?}") };
        let row = format!("| {call} | {reads} | {writes} | {syncs} | {renames} | {full} |");
        assert!(DURABILITY.contains(&row), "docs/DURABILITY.md needs the row {row}");
    }
}
