//! A folder that changes while it is stored.

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};
use rustix::process::Signal;

use super::{run, text};
use crate::support::bench::{Bench, Node, Running, wait_until};

/// Makes a folder with more files than a pipe holds lines about them, of which one is stored and gone.
fn with_one_gone(bench: &Bench, node: &Node) -> PathBuf {
    let folder = bench.path("folder");
    for dir in ["a", "y", "z"] {
        fs::create_dir_all(folder.join(dir)).expect("made");
    }
    fs::write(folder.join("old"), b"old").expect("written");
    bench.succeed(&node.data, &["put", "-r", text(&folder), "kept", "-q"]);
    fs::remove_file(folder.join("old")).expect("removed");
    for number in 0..600 {
        fs::write(folder.join(format!("a/{number:0>200}")), number.to_string()).expect("written");
    }
    folder
}

/// Begins to store a folder, in the order of the names, and to delete what is gone from it. It stands still among the
/// files of the first directory until somebody reads what it tells of them.
fn begin(bench: &Bench, node: &Node, folder: &Path) -> Running {
    let put = ["put", "-r", text(folder), "kept", "--delete", "-j", "1", "--json"];
    let running = bench.spawn_with(&node.data, &put, |command| command.stdout(Stdio::piped()));
    wait_until("some are stored", || bench.succeed(&node.data, &["ls", "kept/a", "-q"]).lines().count() > 4);
    running
}

/// Lets it go on. Returns its exit code, what it told, and its errors.
fn go_on(mut put: Running) -> (Option<i32>, String, String) {
    let mut told = String::new();
    let mut output = put.child().stdout.take().expect("it is a pipe");
    output.read_to_string(&mut told).expect("text");
    let ended = put.end();
    (ended.code, told, ended.stderr)
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
    let (code, told, errors) = go_on(put);
    for name in ["y/vanishes", "z/linked"] {
        let expected = format!("{{\"skipped\":\"{name}\",\"reason\":\"it is gone by now\"}}\n");
        assert!(told.contains(&expected), "{told}");
    }
    let expected =
        "nothing was deleted: the folder has changed meanwhile, and what is gone may have another name by now";
    assert_eq!((code, errors.contains(expected)), (Some(1), true), "{errors}");
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
    let (code, told, errors) = go_on(put);
    let expected = "{\"skipped\":\"kept/old\",\"reason\":\"another version was stored meanwhile\"}\n";
    assert_eq!((code, errors.as_str(), told.contains(expected)), (Some(0), "", true), "{told}");
    assert_eq!(bench.succeed(&node.data, &["get", "kept/old"]), "newer");
}

/// Has whoever reads the folder stand still before a directory until a writer of this pipe is dropped.
fn make_pipe(dir: &Path) -> PathBuf {
    let pipe = dir.join(".dacapoignore");
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("made");
    pipe
}

/// Opens a pipe for writing if somebody reads it.
fn writer(pipe: &Path) -> Option<OwnedFd> {
    open(pipe, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()).ok()
}

/// Waits until one of these pipes is read. Returns which, and its writer.
fn wait_for_reader<const N: usize>(pipes: [&Path; N]) -> (usize, OwnedFd) {
    let mut found = None;
    wait_until("a pipe is read", || {
        found = pipes.iter().enumerate().find_map(|(index, pipe)| Some((index, writer(pipe)?)));
        found.is_some()
    });
    found.expect("it was waited for")
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
    let pipe = make_pipe(&folder.join("x/z"));
    let running = bench.spawn(&node.data, &put, Stdio::null());
    let (_, writer) = wait_for_reader([&pipe]);
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

#[test]
fn a_file_that_takes_the_place_of_another_one_is_stored_before_its_old_name_is_deleted() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = bench.path("folder");
    let dirs = ["x/a", "x/b"].map(|dir| folder.join(dir));
    for dir in &dirs {
        fs::create_dir_all(dir).expect("made");
        fs::write(dir.join("existing"), b"existing").expect("written");
        fs::write(dir.join("old"), b"old").expect("written");
    }
    let put = ["put", "-r", text(&folder), "kept", "--delete"];
    assert_eq!(run(&bench, &node, &put).0, Some(0));
    let pipes = dirs.each_ref().map(|dir| make_pipe(dir));
    let running = bench.spawn(&node.data, &put, Stdio::null());
    // The directories are read in the order that the file system likes.
    let (first, writer) = wait_for_reader(pipes.each_ref().map(PathBuf::as_path));
    fs::remove_file(&pipes[first]).expect("removed");
    drop(writer);
    let second = 1 - first;
    let (_, writer) = wait_for_reader([&pipes[second]]);
    fs::rename(dirs[second].join("old"), dirs[first].join("existing")).expect("renamed");
    fs::remove_file(&pipes[second]).expect("removed");
    drop(writer);
    let ended = running.end();
    let expected = "error: nothing was deleted: the folder has changed meanwhile";
    assert_eq!((ended.code, ended.stderr.starts_with(expected)), (Some(1), true), "{}", ended.stderr);
    let get = |dir: usize, name: &str| bench.run(&node.data, &["get", &format!("kept/x/{}/{name}", ["a", "b"][dir])]);
    assert_eq!(get(second, "old").stdout, b"old");
    assert_eq!(run(&bench, &node, &put).0, Some(0));
    assert_eq!((get(first, "existing").stdout.as_slice(), get(second, "old").code), (b"old".as_slice(), Some(3)));
}

#[test]
fn an_interruption_between_the_stores_and_the_deletions_is_heard() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = bench.path("folder");
    fs::create_dir_all(folder.join("x/z")).expect("made");
    for name in ["stays", "old", "x/z/stays"] {
        fs::write(folder.join(name), name).expect("written");
    }
    let put = ["put", "-r", text(&folder), "kept", "--delete"];
    assert_eq!(run(&bench, &node, &put).0, Some(0));
    fs::remove_file(folder.join("old")).expect("removed");
    fs::write(folder.join("new"), b"new").expect("written");
    let pipe = make_pipe(&folder.join("x/z"));
    let running = bench.spawn(&node.data, &put, Stdio::null());
    drop(wait_for_reader([&pipe]));
    wait_until("the stores are done", || bench.run(&node.data, &["get", "kept/new"]).code == Some(0));
    // The folder is read once more.
    let (_, writer) = wait_for_reader([&pipe]);
    running.signal(Signal::INT);
    fs::remove_file(&pipe).expect("removed");
    drop(writer);
    let ended = running.end();
    assert_eq!((ended.code, ended.stderr.ends_with("error: interrupted\n")), (Some(130), true), "{}", ended.stderr);
    assert_eq!(bench.succeed(&node.data, &["get", "kept/old"]), "old");
}
