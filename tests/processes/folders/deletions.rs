//! What is deleted with a folder, what is not, and what is left out.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::{done, folder, run, summary, text};
use crate::support::bench::Bench;

#[test]
fn what_is_gone_from_a_folder_is_deleted_only_if_that_is_asked_for() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    fs::write(folder.join("left.tmp"), b"left").expect("written");
    bench.run_with_input(&node.data, &["put", "kept/../elsewhere"], b"no file of a folder");
    bench.run_with_input(&node.data, &["put", "keptelse"], b"another");
    let put = ["put", "-r", text(&folder), "kept"];
    assert_eq!(run(&bench, &node, &put), done("7 files stored, 683.6 KiB"));
    fs::remove_dir_all(folder.join("sub")).expect("removed");
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 4 unchanged"));
    // What is left out is not gone.
    let delete: Vec<_> = put.iter().copied().chain(["--delete", "--exclude", "*.tmp"]).collect();
    assert_eq!(run(&bench, &node, &delete), done("0 files stored, 0 B; 3 unchanged; 3 deleted"));
    let keys = bench.succeed(&node.data, &["ls", "--json"]);
    let keys: Vec<_> = keys.lines().filter_map(|line| line.split('"').nth(3)).collect();
    let left = ["kept/../elsewhere", "kept/dangling", "kept/left.tmp", "kept/nothing", "kept/one", "keptelse"];
    assert_eq!(keys, left);
    let void = bench.path("void");
    fs::create_dir(&void).expect("made");
    fs::write(void.join(".dacapoignore"), b"").expect("written");
    let refused = bench.run(&node.data, &["put", "-r", text(&void), "kept", "--delete"]);
    let expected = format!(
        "error: nothing was deleted: {}/ is empty, and so 4 files would be deleted everywhere; if that is meant, \
         remove the directory, or have `dacapo rm -r` do it\n",
        text(&void)
    );
    assert_eq!((refused.code, refused.stderr), (Some(1), expected));
    bench.succeed(&node.data, &["rm", "--everywhere", "kept/.dacapoignore", "-q"]);
    assert_eq!(
        run(&bench, &node, &["rm", "-r", "kept", "--everywhere", "--exclude", "one"]).1,
        "3 files deleted; 1 unchanged; 1 left out"
    );
    assert_eq!(bench.run(&node.data, &["rm", "-r", "nothing-like-it"]).code, Some(3));
    for careless in [&["rm", "-r", ""][..], &["put", "-r", text(&folder), "--delete"]] {
        let refused = bench.run(&node.data, careless);
        let expected = "error: name a PREFIX: without one, every other file of the node would be deleted\n";
        assert_eq!((refused.code, refused.stderr.as_str()), (Some(2), expected));
    }
}

#[test]
fn nothing_is_deleted_that_may_have_another_name_or_another_place() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    fs::create_dir(folder.join("mounted")).expect("made");
    fs::write(folder.join("mounted/file"), b"far").expect("written");
    let put = ["put", "-r", text(&folder), "kept", "--delete", "--exclude", "/sub"];
    bench.succeed(&node.data, &["put", "-r", text(&folder), "kept", "-q"]);
    // What would be left out is not gone.
    fs::remove_dir_all(folder.join("sub")).expect("removed");
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 4 unchanged"));
    // The content has a name by which it cannot be stored.
    let odd = OsStr::from_bytes(b"one\xff");
    fs::rename(folder.join("one"), folder.join(odd)).expect("renamed");
    let ended = bench.run(&node.data, &put);
    let expected =
        "warning: one\u{fffd}: not stored: its name is not UTF-8\nerror: 1 file failed, and so nothing was deleted\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
    fs::rename(folder.join(odd), folder.join("other")).expect("renamed");
    assert_eq!(run(&bench, &node, &put), done("1 file stored, 3 B; 3 unchanged; 1 deleted"));
    assert_eq!(bench.succeed(&node.data, &["get", "kept/other"]), "one");
    // As if a disk were not mounted.
    fs::remove_file(folder.join("mounted/file")).expect("removed");
    let ended = bench.run(&node.data, &put);
    assert!(ended.stderr.contains("mounted is empty, and so 1 file would be deleted everywhere"), "{}", ended.stderr);
    assert_eq!(bench.succeed(&node.data, &["get", "kept/mounted/file"]), "far");
    fs::remove_dir(folder.join("mounted")).expect("removed");
    assert_eq!(run(&bench, &node, &put), done("0 files stored, 0 B; 3 unchanged; 1 deleted"));
}

#[test]
fn what_an_ignore_file_leaves_out_is_not_gone() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    let put = ["put", "-r", text(&folder), "kept", "--delete"];
    assert_eq!(run(&bench, &node, &put), done("6 files stored, 683.6 KiB"));
    fs::write(folder.join(".dacapoignore"), "one\n").expect("written");
    fs::write(folder.join("sub/.dacapoignore"), "/deep/\n").expect("written");
    fs::remove_file(folder.join("one")).expect("removed");
    fs::remove_dir_all(folder.join("sub/deep")).expect("removed");
    fs::remove_file(folder.join("sub/script")).expect("removed");
    assert_eq!(run(&bench, &node, &put), done("2 files stored, 11 B; 3 unchanged; 1 deleted"));
    let keys = bench.succeed(&node.data, &["ls", "kept", "--json"]);
    assert!(keys.contains("kept/one") && keys.contains("kept/sub/deep/large"), "{keys}");
}

#[test]
fn rules_count_whichever_way_the_folder_is_named() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for root in [".", "./", "sub/.."] {
        let folder = folder(&bench);
        let put = |rules: &str| {
            fs::write(folder.join(".dacapoignore"), rules).expect("written");
            let arguments = ["put", "-q", "-r", root, "kept", "--delete"];
            let ended = bench.spawn_with(&node.data, &arguments, |command| command.current_dir(&folder)).end();
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        };
        put("");
        fs::remove_file(folder.join("one")).expect("removed");
        fs::remove_dir_all(folder.join("sub/deep")).expect("removed");
        // The first line begins as some editors have it.
        put("\u{feff}/one\nsub/deep\n");
        let keys = bench.succeed(&node.data, &["ls", "kept", "--json"]);
        assert!(keys.contains("kept/one") && keys.contains("kept/sub/deep/large"), "{root}: {keys}");
        fs::remove_dir_all(folder).expect("removed");
    }
}

#[test]
fn a_file_is_gone_if_a_directory_or_what_is_behind_a_link_is_in_its_place() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let [folder, elsewhere] = ["folder", "elsewhere"].map(|name| bench.path(name));
    fs::create_dir_all(folder.join("dir")).expect("made");
    for name in ["stays", "thing", "dir/file"] {
        fs::write(folder.join(name), name).expect("written");
    }
    let put = ["put", "-r", text(&folder), "p", "--delete"];
    assert_eq!(run(&bench, &node, &put), done("3 files stored, 18 B"));
    fs::remove_file(folder.join("thing")).expect("removed");
    fs::create_dir(folder.join("thing")).expect("made");
    fs::write(folder.join("thing/in"), "in").expect("written");
    fs::rename(folder.join("dir"), &elsewhere).expect("renamed");
    std::os::unix::fs::symlink("../elsewhere", folder.join("dir")).expect("made");
    assert_eq!(run(&bench, &node, &put), done("2 files stored, 14 B; 1 unchanged; 2 deleted"));
    let back = bench.path("back");
    assert_eq!(run(&bench, &node, &["get", "-r", "p", text(&back)]), done("3 files written, 19 B"));
    assert_eq!(super::read(&back), super::read(&folder));
}

#[test]
fn what_too_few_peers_hold_is_not_deleted_and_a_dry_run_says_so() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.succeed(&node.data, &["put", "-r", text(&folder(&bench)), "kept", "-q"]);
    for (more, code, expected) in [
        (&["--dry-run"][..], 4, "dry run: 0 files deleted; 6 failed"),
        (&[], 4, "0 files deleted; 6 failed"),
        (&["--dry-run", "--force"], 0, "dry run: 6 files deleted"),
        (&["--dry-run", "--everywhere"], 0, "dry run: 6 files deleted"),
        (&["--force"], 0, "6 files deleted"),
    ] {
        let arguments: Vec<_> = ["rm", "-r", "kept"].iter().chain(more).copied().collect();
        assert_eq!(run(&bench, &node, &arguments), (Some(code), expected.to_owned()), "{more:?}");
    }
}

#[test]
fn what_is_to_be_left_out_is_never_stored() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let folder = folder(&bench);
    fs::write(folder.join(".dacapoignore"), "one\n[z-a]\n").expect("written");
    let ended = bench.run(&node.data, &["put", "-r", text(&folder), "kept"]);
    assert!(ended.stderr.starts_with("error: nothing was stored: "), "{}", ended.stderr);
    assert_eq!((ended.code, bench.succeed(&node.data, &["ls", "-q"]).as_str()), (Some(1), ""));
    // A node changes its own directory with each store.
    let all = bench.run(&node.data, &["put", "-r", text(bench.dir.path()), "all", "--exclude", "folder", "-q"]);
    assert_eq!(
        (all.code, all.stderr.as_str()),
        (Some(0), "warning: left out n1: it is the data directory of a node\n")
    );
    // A key that is in no folder may be meant by a name that is left out.
    for key in ["l//keep.tmp", "l/keep.tmp", "l/b"] {
        bench.run_with_input(&node.data, &["put", key], b"content");
    }
    let rm = ["rm", "-r", "l", "--exclude", "*.tmp", "--everywhere"];
    assert_eq!(run(&bench, &node, &rm), done("1 file deleted; 1 unchanged; 1 left out"));
    // The name stands for standard input elsewhere.
    fs::create_dir(bench.path("-")).expect("made");
    fs::write(bench.path("-/file"), b"file").expect("written");
    let put =
        bench.spawn_with(&node.data, &["put", "-r", "-", "dash"], |command| command.current_dir(bench.dir.path()));
    assert_eq!(summary(&put.end()), done("1 file stored, 4 B"));
}
