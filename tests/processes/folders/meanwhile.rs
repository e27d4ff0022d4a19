//! A folder that changes while it is stored.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};

use super::{run, text};
use crate::support::bench::{Bench, Node, Running, wait_until};

/// Makes a folder with more files than are stored while somebody looks, of which one is stored and gone.
fn with_one_gone(bench: &Bench, node: &Node) -> PathBuf {
    let folder = bench.path("folder");
    for dir in ["a", "y", "z"] {
        fs::create_dir_all(folder.join(dir)).expect("made");
    }
    fs::write(folder.join("old"), b"old").expect("written");
    bench.succeed(&node.data, &["put", "-r", text(&folder), "kept", "-q"]);
    fs::remove_file(folder.join("old")).expect("removed");
    for number in 0..600 {
        fs::write(folder.join(format!("a/{number}")), number.to_string()).expect("written");
    }
    folder
}

/// Begins to store a folder, in the order of the names, and to delete what is gone from it.
fn begin(bench: &Bench, node: &Node, folder: &Path) -> Running {
    let put = ["put", "-r", text(folder), "kept", "--delete", "-j", "1"];
    let running = bench.spawn(&node.data, &put, Stdio::null());
    wait_until("some are stored", || bench.succeed(&node.data, &["ls", "kept/a", "-q"]).lines().count() > 20);
    running
}

#[test]
fn what_vanishes_or_comes_to_be_behind_a_link_is_left_out_and_holds_deletions_back() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = with_one_gone(&bench, &node);
    let elsewhere = bench.path("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    for path in [folder.join("y/vanishes"), folder.join("z/linked"), elsewhere.join("linked")] {
        fs::write(&path, text(&path)).expect("written");
    }
    let put = begin(&bench, &node, &folder);
    fs::remove_file(folder.join("y/vanishes")).expect("removed");
    fs::rename(folder.join("z"), bench.path("moved")).expect("renamed");
    symlink(&elsewhere, folder.join("z")).expect("made");
    let ended = put.end();
    let expected = "\
warning: left out y/vanishes: it is gone by now
warning: left out z/linked: it is gone by now
error: nothing was deleted: the folder has changed meanwhile, and what is gone may have another name by now
";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
    assert_eq!(bench.run(&node.data, &["get", "kept/z/linked"]).code, Some(3));
    assert_eq!(bench.succeed(&node.data, &["get", "kept/old"]), "old");
    assert_eq!(run(&bench, &node, &["put", "-r", text(&folder), "kept", "--delete"]).0, Some(0));
    assert_eq!(bench.run(&node.data, &["get", "kept/old"]).code, Some(3));
}

#[test]
fn a_version_that_the_folder_has_never_had_is_not_deleted() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = with_one_gone(&bench, &node);
    let put = begin(&bench, &node, &folder);
    bench.run_with_input(&node.data, &["put", "kept/old"], b"newer");
    let ended = put.end();
    let expected = "warning: left out kept/old: another version was stored meanwhile\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), expected));
    assert_eq!(bench.succeed(&node.data, &["get", "kept/old"]), "newer");
}

#[test]
fn a_file_that_moves_to_where_the_folder_was_read_already_is_stored_before_it_is_deleted() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = bench.path("folder");
    fs::create_dir_all(folder.join("x/z")).expect("made");
    for name in ["x/stays", "x/z/stays", "x/z/moves"] {
        fs::write(folder.join(name), name).expect("written");
    }
    let put = ["put", "-r", text(&folder), "kept", "--delete"];
    assert_eq!(run(&bench, &node, &put).0, Some(0));
    // Whoever reads the folder stands still between its directories until somebody writes here.
    let pipe = folder.join("x/z/.dacapoignore");
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("made");
    let running = bench.spawn(&node.data, &put, Stdio::null());
    let mut writer = None;
    wait_until("the pipe is read", || {
        writer = open(&pipe, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()).ok();
        writer.is_some()
    });
    fs::rename(folder.join("x/z/moves"), folder.join("x/moves")).expect("renamed");
    fs::remove_file(&pipe).expect("removed");
    drop(writer);
    let ended = running.end();
    // A file system may show the file in a directory that is being read.
    let has = |key: &str| bench.run(&node.data, &["get", key]).code == Some(0);
    assert!(has("kept/x/z/moves") || has("kept/x/moves"), "{}", ended.stderr);
    assert_eq!(run(&bench, &node, &put).0, Some(0));
    assert!(has("kept/x/moves") && !has("kept/x/z/moves"));
}
