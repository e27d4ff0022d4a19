//! A folder that is kept stored while it changes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use super::{done, folder, run, text};
use crate::support::bench::{Bench, Node, Running, wait_until};

fn watch(bench: &Bench, node: &Node, folder: &Path) -> Running {
    bench.spawn(&node.data, &["watch", text(folder), "kept", "--delete"], Stdio::null())
}

/// Tells whether so many files are stored, each as it is in the folder, and none beside them.
fn is_stored(bench: &Bench, node: &Node, folder: &Path, files: usize) -> bool {
    let put = ["put", "-r", text(folder), "kept", "--dry-run"];
    let keys = bench.succeed(&node.data, &["ls", "kept", "-q"]).lines().count().saturating_sub(1);
    keys == files && run(bench, node, &put) == done(&format!("dry run: 0 files stored, 0 B; {files} unchanged"))
}

#[test]
fn a_watched_folder_is_kept_stored() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    // By a symbolic link, it is the directory that it leads to.
    let link = bench.path("link");
    symlink(&folder, &link).expect("made");
    let watch = watch(&bench, &node, &link);
    let is_stored = |files: usize| is_stored(&bench, &node, &folder, files);
    wait_until("the folder is stored", || is_stored(6));
    // A directory is full before anybody can have noticed that it is new.
    fs::create_dir_all(folder.join("new/deep")).expect("made");
    fs::write(folder.join("new/deep/file"), b"deep").expect("written");
    fs::write(folder.join("one"), b"two").expect("written");
    fs::write(folder.join("later"), b"later").expect("written");
    fs::rename(folder.join("sub/script"), folder.join("sub/renamed")).expect("renamed");
    fs::remove_file(folder.join("dangling")).expect("removed");
    wait_until("the changes are stored", || is_stored(7));
    assert_eq!(bench.succeed(&node.data, &["get", "kept/one"]), "two");
    assert_eq!(bench.succeed(&node.data, &["get", "kept/new/deep/file"]), "deep");
    // What is in a new directory is noticed too, and what a file says of others.
    fs::write(folder.join("new/deep/more"), b"more").expect("written");
    fs::write(folder.join("new/.dacapoignore"), b"left\n").expect("written");
    fs::write(folder.join("new/left"), b"left").expect("written");
    wait_until("what is not left out is stored", || is_stored(9));
    fs::remove_file(folder.join("new/.dacapoignore")).expect("removed");
    wait_until("what is no longer left out is stored", || is_stored(9));
    assert_eq!(bench.succeed(&node.data, &["get", "kept/new/left"]), "left");
    // A directory of which the last file goes was no disk.
    fs::rename(folder.join("sub/deep/large"), folder.join("sub/large")).expect("renamed");
    fs::rename(folder.join("new"), bench.path("elsewhere")).expect("renamed");
    wait_until("what went is deleted", || is_stored(6));
    watch.signal(Signal::TERM);
    let ended = watch.end();
    // The signal may come while the last round ends.
    let stderr = ended.stderr.replace("interrupted: what is under way comes to its end\n", "");
    assert_eq!((ended.code, stderr), (Some(0), format!("watching {} until Ctrl-C\n", text(&folder))));
    assert!(String::from_utf8_lossy(&ended.stdout).starts_with("6 files stored, 683.6 KiB\n"));
}

#[test]
fn what_could_not_be_stored_or_deleted_is_tried_again() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let odd = OsStr::from_bytes(b"one\xff");
    let watch = watch(&bench, &node, &folder);
    wait_until("the folder is stored", || is_stored(&bench, &node, &folder, 6));
    // Nothing is deleted that may have another name.
    fs::rename(folder.join("one"), folder.join(odd)).expect("renamed");
    fs::write(folder.join("later"), b"later").expect("written");
    wait_until("the rest is stored", || bench.run(&node.data, &["get", "kept/later"]).code == Some(0));
    assert_eq!(bench.succeed(&node.data, &["get", "kept/one"]), "one");
    fs::rename(folder.join(odd), folder.join("other")).expect("renamed");
    wait_until("the old name is deleted", || is_stored(&bench, &node, &folder, 7));
    // A node that starts anew is waited for.
    node.signal(Signal::KILL);
    drop(node);
    fs::write(folder.join("meanwhile"), b"meanwhile").expect("written");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let node = bench.node("n1", &[]);
    wait_until("what came meanwhile is stored", || is_stored(&bench, &node, &folder, 8));
    watch.signal(Signal::INT);
    let ended = watch.end();
    assert_eq!(ended.code, Some(0));
    let failed = "warning: one\u{fffd}: not stored: its name is not UTF-8\nwarning: 1 file failed, and so nothing was \
                  deleted; tried again in 5 s\n";
    assert!(ended.stderr.contains(failed), "{}", ended.stderr);
    assert!(ended.stderr.contains("warning: no node is running on "), "{}", ended.stderr);
}

#[test]
fn a_watch_ends_where_there_is_nothing_to_watch() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let ended = bench.run(&node.data, &["watch", text(&folder.join("one"))]);
    assert!(ended.stderr.ends_with("is not a directory; `dacapo put` without -r stores one file\n"));
    assert_eq!(ended.code, Some(2));
    assert_eq!(bench.run(&node.data, &["watch", text(&folder), "--delete"]).code, Some(2));
    assert_eq!(bench.run(&bench.path("nothing"), &["watch", text(&folder)]).code, Some(1));
    let watch = watch(&bench, &node, &folder);
    wait_until("the folder is stored", || is_stored(&bench, &node, &folder, 6));
    fs::rename(&folder, bench.path("moved")).expect("renamed");
    fs::create_dir(&folder).expect("made");
    let ended = watch.end();
    let expected = format!("error: {} is another directory than when this command began: begin again\n", text(&folder));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.ends_with(&expected), "{}", ended.stderr);
    // The node still has all of it.
    assert_eq!(bench.succeed(&node.data, &["ls", "kept", "-q"]).lines().count(), 7);
}

#[test]
fn a_folder_that_is_made_anew_is_another_one_whatever_number_it_gets() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let watch = watch(&bench, &node, &folder);
    wait_until("the folder is stored", || is_stored(&bench, &node, &folder, 6));
    fs::remove_dir_all(&folder).expect("removed");
    fs::create_dir(&folder).expect("made");
    let ended = watch.end();
    let says = ended.stderr.ends_with("is another directory than when this command began: begin again\n");
    assert_eq!((ended.code, says), (Some(1), true), "{}", ended.stderr);
    assert_eq!(bench.succeed(&node.data, &["ls", "kept", "-q"]).lines().count(), 7);
}

#[test]
fn what_was_written_is_stored_whatever_time_the_file_has() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let _watch = watch(&bench, &node, &folder);
    wait_until("the folder is stored", || is_stored(&bench, &node, &folder, 6));
    let one = folder.join("one");
    let before = fs::metadata(&one).and_then(|found| found.modified()).expect("it is there");
    fs::write(&one, b"two").expect("written");
    File::options().append(true).open(&one).and_then(|file| file.set_modified(before)).expect("changed");
    wait_until("what was written is stored", || bench.succeed(&node.data, &["get", "kept/one"]) == "two");
}

#[test]
fn a_place_whose_path_is_too_long_for_a_key_holds_up_no_other() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let deep = (0..5).fold(folder.clone(), |path, _| path.join("x".repeat(240)));
    fs::create_dir_all(&deep).expect("made");
    let _watch = watch(&bench, &node, &folder);
    wait_until("the folder is stored", || is_stored(&bench, &node, &folder, 6));
    fs::write(deep.join("file"), b"deep").expect("written");
    fs::write(folder.join("one"), b"changed").expect("written");
    wait_until("what is beside it is stored", || bench.succeed(&node.data, &["get", "kept/one"]) == "changed");
    fs::write(folder.join("one"), b"again").expect("written");
    wait_until("and what changes then", || bench.succeed(&node.data, &["get", "kept/one"]) == "again");
}
