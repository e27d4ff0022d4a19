//! Floors: imports point down only. A table says which rooms lie on which floor, the roof first; a room may import
//! itself and the rooms below its floor, and not its neighbours.

use super::imports::{Imports, find};
use super::sources::{assert_none, sources};

/// The rooms of the library. Each is a module with all that lies below it.
const LIBRARY: &[&[&str]] = &[
    &["src/main"],
    &["src/cli"],
    &["src/lib", "src/error_messages"],
    &["src/http"],
    &["src/folder", "src/view"],
    &["src/node"],
    &["src/event"],
    &["src/membership", "src/protocol"],
    &["src/store"],
    &["src/replication"],
    &["src/crypto"],
    &["src/platform"],
    &["src/disk", "src/transport"],
    &["src/limits", "src/seed", "src/time"],
];

/// The rooms of the node: its two roles over one set of connections.
const NODE: &[&[&str]] = &[
    &["src/node.rs"],
    &["src/node/dispatch.rs"],
    &["src/node/dial.rs", "src/node/follow.rs", "src/node/inbound", "src/node/scrub", "src/node/status.rs"],
    &["src/node/heartbeat.rs"],
    // The two roles.
    &["src/node/owner", "src/node/holder"],
    // What they use.
    &["src/node/peers", "src/node/commit.rs", "src/node/transfer.rs", "src/node/data_dir.rs"],
    &["src/node/context.rs"],
    &["src/node/config.rs"],
    // State without behaviour that needs the others.
    &[
        "src/node/peers.rs",
        "src/node/commit/queue.rs",
        "src/node/holder/quota.rs",
        "src/node/holder/refusals.rs",
        "src/node/holder/verified.rs",
    ],
    &["src/node/peers/peer.rs", "src/node/peers/in_flight.rs", "src/node/repair_log.rs"],
    &["src/node/peers/hints.rs", "src/node/peers/met.rs", "src/node/peers/schedule.rs"],
    &["src/node/peers/liveness.rs"],
    // The face.
    &["src/node/handle"],
    // Ground.
    &["src/node/connection.rs"],
    &[
        "src/node/boots.rs",
        "src/node/disk_check.rs",
        "src/node/eviction_queue.rs",
        "src/node/meter.rs",
        "src/node/link",
        "src/node/locks.rs",
        "src/node/members.rs",
        "src/node/mending.rs",
        "src/node/panic_guard.rs",
    ],
    &["src/node/lanes.rs", "src/node/tally.rs"],
];

/// The rooms of the command line.
const COMMAND_LINE: &[&[&str]] = &[
    &["src/main"],
    &["src/cli"],
    &["src/cli/commands"],
    &["src/cli/folder", "src/cli/http"],
    &[
        "src/cli/starting",
        "src/cli/secret",
        "src/cli/source",
        "src/cli/own_files",
        "src/cli/space",
        "src/cli/passphrase",
        "src/cli/placed",
        "src/cli/connecting",
    ],
    &["src/cli/json", "src/cli/chance", "src/cli/output", "src/cli/runtime"],
    &["src/cli/error", "src/cli/progress", "src/cli/receipts"],
    &["src/cli/config", "src/cli/control"],
    &["src/cli/logging"],
    &["src/cli/arguments", "src/cli/limits"],
];

/// The rooms of the simulation: the harness knows no file store.
const SIMULATION: &[&[&str]] = &[
    &["sim/src/main"],
    &["sim/src/lib"],
    &["sim/src/store"],
    &["sim/src/cli"],
    &["sim/src/artefacts", "sim/src/check", "sim/src/crash", "sim/src/search"],
    &["sim/src/export"],
    &["sim/src/summary"],
    &["sim/src/shrink", "sim/src/sweep"],
    &["sim/src/run"],
    &["sim/src/draw", "sim/src/film", "sim/src/oracle", "sim/src/report"],
    &["sim/src/subject"],
    &["sim/src/pairs", "sim/src/plan", "sim/src/network", "sim/src/twice"],
    &["sim/src/trace"],
    &["sim/src/fault", "sim/src/platform"],
    &["sim/src/disk", "sim/src/links", "sim/src/words", "sim/src/mailboxes"],
    &["sim/src/cause", "sim/src/host", "sim/src/named", "sim/src/parallel", "sim/src/transport"],
];

/// The rooms of the file store as a subject.
const SUBJECT: &[&[&str]] = &[
    &["sim/src/store.rs"],
    &["sim/src/store/subject"],
    &["sim/src/store/settle"],
    &["sim/src/store/perform", "sim/src/store/reached", "sim/src/store/host"],
    &["sim/src/store/http"],
    &["sim/src/store/oracle"],
    &[
        "sim/src/store/liar",
        "sim/src/store/placed",
        "sim/src/store/planted",
        "sim/src/store/recovery",
        "sim/src/store/status",
    ],
    &["sim/src/store/clients"],
    &["sim/src/store/many"],
    &["sim/src/store/files", "sim/src/store/history"],
    &[
        "sim/src/store/bug",
        "sim/src/store/call",
        "sim/src/store/contents",
        "sim/src/store/conversion",
        "sim/src/store/ivs",
        "sim/src/store/listing",
        "sim/src/store/options",
        "sim/src/store/patience",
        "sim/src/store/scripted_peer",
        "sim/src/store/sources",
        "sim/src/store/walkthrough",
    ],
    &["sim/src/store/about", "sim/src/store/quotas", "sim/src/store/settings", "sim/src/store/told"],
];

/// Rooms that may not name a certain room below them. The holder answers peers and asks none.
const FORBIDDEN: &[(&str, &str)] = &[("src/node/holder", "src/node/peers")];

/// The sets of files that import each other on purpose: a type and its organs.
const ORGANS: &[&[&str]] = &[
    // `Store`
    &[
        "src/store.rs",
        "src/store/comparison.rs",
        "src/store/convert.rs",
        "src/store/folders.rs",
        "src/store/news.rs",
        "src/store/quarantine.rs",
        "src/store/recovery.rs",
        "src/store/scrubbing.rs",
        "src/store/versions.rs",
    ],
    // `Catalog`
    &[
        "src/store/catalog.rs",
        "src/store/catalog/compact.rs",
        "src/store/catalog/file.rs",
        "src/store/catalog/marks.rs",
        "src/store/catalog/put.rs",
        "src/store/catalog/read.rs",
        "src/store/catalog/salvage.rs",
        "src/store/catalog/summaries.rs",
        "src/store/catalog/untold.rs",
    ],
    // `DirDisk` and its calls on names
    &["src/disk/dir.rs", "src/disk/dir/below.rs"],
    // `Backup` and its text
    &["src/membership/backup.rs", "src/membership/backup/text.rs"],
    // `SimDisk` and `SimFile`
    &["sim/src/disk.rs", "sim/src/disk/file.rs"],
    // `Tree` and its operations
    &["sim/src/disk/tree.rs", "sim/src/disk/tree/operations.rs"],
    // `Plan` and its text
    &["sim/src/plan.rs", "sim/src/plan/text.rs"],
];

fn imports_of(folder: &str, crate_name: &str) -> Imports {
    find(&sources(&[folder]), folder, crate_name)
}

/// Returns the floor of the room that a file lies in, and the room. The most precise name of a room counts.
fn room_of<'a>(floors: &[&[&'a str]], file: &str) -> Option<(usize, &'a str)> {
    let lies_in =
        |room: &str| file == room || file.strip_suffix(".rs") == Some(room) || file.starts_with(&format!("{room}/"));
    let rooms = floors.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, *room)));
    rooms.filter(|(_, room)| lies_in(room)).max_by_key(|(_, room)| room.len())
}

fn check(imports: &Imports, floors: &[&[&str]], folder: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for (file, imported) in imports.of.iter().filter(|(file, _)| file.starts_with(folder)) {
        let Some((floor, room)) = room_of(floors, file) else {
            broken.push(format!("{file} is on no floor"));
            continue;
        };
        for other in imported {
            let Some((below, other_room)) = room_of(floors, other) else { continue };
            if other_room != room && below <= floor {
                broken.push(format!("{file} may not import {other}: {other_room} does not lie below {room}"));
            }
        }
    }
    broken
}

#[test]
fn floors_of_the_library_point_down() {
    assert_none(&check(&imports_of("src", "dacapo"), LIBRARY, "src"));
}

#[test]
fn floors_of_the_node_point_down() {
    assert_none(&check(&imports_of("src", "dacapo"), NODE, "src/node"));
}

#[test]
fn the_holder_does_not_know_the_peers() {
    let imports = imports_of("src", "dacapo");
    let lies_in = |file: &str, room: &str| file.starts_with(&format!("{room}/")) || file == format!("{room}.rs");
    let mut broken = Vec::new();
    for (room, other) in FORBIDDEN {
        let files: Vec<_> = imports.of.iter().filter(|(file, _)| lies_in(file, room)).collect();
        assert!(!files.is_empty(), "{room} has moved");
        for (file, imported) in files {
            let named = imported.iter().filter(|imported| lies_in(imported, other));
            broken.extend(named.map(|named| format!("{file} may not import {named}")));
        }
    }
    assert_none(&broken);
}

#[test]
fn floors_of_the_command_line_point_down() {
    assert_none(&check(&imports_of("src", "dacapo"), COMMAND_LINE, "src/cli"));
}

#[test]
fn floors_of_the_harness_point_down_and_it_names_no_file_store() {
    assert_none(&check(&imports_of("sim/src", "dacapo_sim"), SIMULATION, "sim/src"));
}

#[test]
fn floors_of_the_file_store_as_a_subject_point_down() {
    assert_none(&check(&imports_of("sim/src", "dacapo_sim"), SUBJECT, "sim/src/store"));
}

#[test]
fn no_files_import_each_other_but_a_type_and_its_organs() {
    let mut broken = Vec::new();
    for (folder, crate_name) in [("src", "dacapo"), ("sim/src", "dacapo_sim")] {
        let imports = imports_of(folder, crate_name);
        for circle in imports.circles() {
            let is_known = ORGANS.iter().any(|organs| circle.iter().all(|file| organs.contains(file)));
            if !is_known {
                broken.push(format!("a circle of {}: {circle:?}", circle.len()));
            }
        }
    }
    assert_none(&broken);
}
