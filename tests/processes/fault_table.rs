//! Faults on the real program: an owner and two holders as processes, a file of 8 MiB, and what the command line says
//! while one of the nodes is broken and after it is whole again. The table is a snapshot. In every line, a command that
//! succeeds has given or stored the right bytes, and a command that fails has said why and left nothing behind.
//!
//! `cargo test --test processes fault_table -- --nocapture` prints it.

mod star;

use std::fmt::Write;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;

use rustix::process::Signal;
use star::{Row, Star};

use crate::support::bench::without_versions;
use crate::support::snapshots::assert_snapshot;

const FAULTS: &[fn(Star) -> Vec<Row>] = &[
    a_holder_is_down_during_a_put,
    both_holders_are_down_during_a_put,
    a_holder_hangs,
    a_holder_is_down_during_a_get,
    both_holders_are_down_during_a_get,
    a_holder_returns_and_is_left_alone,
    a_holder_finds_damage_itself,
    a_holder_misses_a_copy_itself,
    the_only_holder_has_an_altered_copy,
    a_copy_is_altered,
    a_copy_is_cut_short,
    a_copy_is_gone,
    both_copies_are_altered,
    the_local_copy_is_altered,
    the_owner_is_killed,
];

#[test]
fn every_fault_ends_in_the_right_bytes_or_a_clear_error() {
    // Each fault waits more than it works, so all of them run at the same time.
    let rows: Vec<Row> = thread::scope(|scope| {
        let run = |(number, fault): (u64, &fn(Star) -> Vec<Row>)| {
            let fault = *fault;
            scope.spawn(move || fault(Star::new(number)))
        };
        let running: Vec<_> = (0..).zip(FAULTS).map(run).collect();
        running.into_iter().flat_map(|fault| fault.join().expect("every line of the table is right")).collect()
    });
    let table = table(&rows);
    println!("{table}");
    assert_snapshot("fault_table", &table);
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from("| fault | command | exit | what it says |\n|---|---|---|---|\n");
    for Row { fault, command, exit, says } in rows {
        let says = without_versions(says);
        writeln!(text, "| {fault} | {command} | {exit} | {says} |").expect("a String takes all");
    }
    text
}

fn a_holder_is_down_during_a_put(mut star: Star) -> Vec<Row> {
    star.kill(1);
    star.put("a holder is down");
    star.remove();
    star.get("a holder is down, no local copy", 0);
    star.start(1);
    star.put("that holder returns");
    star.remove();
    star.kill(0);
    star.get("that holder alone is left, no local copy", 0);
    star.rows()
}

fn a_holder_returns_and_is_left_alone(mut star: Star) -> Vec<Row> {
    star.kill(1);
    star.put("a holder is away");
    star.start(1);
    star.healed();
    star.remove();
    star.kill(0);
    star.get("it alone is left, no local copy", 0);
    star.rows()
}

fn a_holder_finds_damage_itself(mut star: Star) -> Vec<Row> {
    flip(&star.replica(0));
    star.scrub(0, "a holder's copy is altered, at that holder", 1);
    star.mended(0);
    star.remove();
    star.kill(1);
    star.get("it alone is left, no local copy", 0);
    star.rows()
}

fn a_holder_misses_a_copy_itself(mut star: Star) -> Vec<Row> {
    fs::remove_file(star.replica(0)).expect("it is there");
    star.scrub(0, "a holder's copy is gone, at that holder", 1);
    star.mended(0);
    star.scrub(0, "the owner has sent it again, at that holder", 0);
    star.rows()
}

fn the_only_holder_has_an_altered_copy(mut star: Star) -> Vec<Row> {
    star.kill(1);
    flip(&star.replica(0));
    star.remove_refused("the only holder's copy is altered");
    star.mended(0);
    star.remove();
    star.get("the owner has sent it again, no local copy", 0);
    star.rows()
}

fn both_holders_are_down_during_a_put(mut star: Star) -> Vec<Row> {
    star.kill(0);
    star.kill(1);
    star.put("both holders are down");
    star.remove_refused("both holders are down");
    star.get("both holders are down", 0);
    star.rows()
}

fn a_holder_hangs(mut star: Star) -> Vec<Row> {
    star.signal(1, Signal::STOP);
    star.put("a holder hangs");
    star.remove();
    star.get("a holder hangs, no local copy", 0);
    star.signal(1, Signal::CONT);
    star.connected(2);
    star.put("that holder goes on");
    // A holder that hung is left to repair until it has taken a file again.
    star.healed();
    star.remove();
    star.kill(0);
    star.get("that holder alone is left, no local copy", 0);
    star.rows()
}

fn a_holder_is_down_during_a_get(mut star: Star) -> Vec<Row> {
    star.remove();
    star.kill(0);
    star.get("the first holder is down, no local copy", 0);
    star.start(0);
    star.remove();
    star.kill(1);
    star.get("the second holder is down, no local copy", 0);
    star.rows()
}

fn both_holders_are_down_during_a_get(mut star: Star) -> Vec<Row> {
    star.remove();
    star.kill(0);
    star.kill(1);
    star.get("both holders are down, no local copy", 1);
    star.start(1);
    star.get("one of them returns", 0);
    star.rows()
}

fn a_copy_is_altered(mut star: Star) -> Vec<Row> {
    star.remove();
    let good = fs::read(star.replica(0)).expect("it is there");
    flip(&star.replica(0));
    star.get("the first holder's copy is altered, no local copy", 0);
    // The holder may have found the damage, and is then sent the replica again.
    star.mended(0);
    fs::write(star.replica(0), good).expect("written");
    star.remove();
    flip(&star.replica(1));
    star.get("the second holder's copy is altered, no local copy", 0);
    star.rows()
}

fn a_copy_is_cut_short(mut star: Star) -> Vec<Row> {
    star.remove();
    let replica = OpenOptions::new().write(true).open(star.replica(0)).expect("it is there");
    replica.set_len(5 << 20).expect("cut short");
    star.get("a holder's copy is cut short, no local copy", 0);
    star.rows()
}

fn a_copy_is_gone(mut star: Star) -> Vec<Row> {
    star.remove();
    fs::remove_file(star.replica(1)).expect("it is there");
    star.get("a holder's copy is gone, no local copy", 0);
    star.rows()
}

fn both_copies_are_altered(mut star: Star) -> Vec<Row> {
    star.remove();
    // One verified replica is enough for the removal. A holder that still verifies the other one would find it altered,
    // and say that it has none.
    for holder in 0..2 {
        star.kill(holder);
        star.start(holder);
    }
    flip(&star.replica(0));
    flip(&star.replica(1));
    star.get("both copies are altered, no local copy", 1);
    // Both holders have set theirs aside, or are about to.
    star.put("both copies were altered");
    star.get("both copies were altered, and the file is stored again", 0);
    star.rows()
}

fn the_local_copy_is_altered(mut star: Star) -> Vec<Row> {
    fs::remove_file(star.replica(0)).expect("it is there");
    flip(&star.local_copy());
    star.get("the local copy is altered", 0);
    star.get("the local copy has been mended", 0);
    star.rows()
}

fn the_owner_is_killed(mut star: Star) -> Vec<Row> {
    star.restart_owner();
    star.get("the owner is killed and returns", 0);
    star.put("the owner is killed and returns");
    star.remove();
    star.kill(0);
    star.get("a holder is down after that, no local copy", 0);
    star.rows()
}

/// Flips one bit in the middle of a file. A second flip undoes the first.
fn flip(path: &Path) {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("it is there");
    let (mut byte, middle) = ([0], 4 << 20);
    file.read_exact_at(&mut byte, middle).expect("read");
    file.write_all_at(&[byte[0] ^ 1], middle).expect("written");
}
