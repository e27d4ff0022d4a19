//! Every help text is as it was reviewed.

use std::process::{Command, Stdio};

use crate::support::snapshots::assert_snapshot;

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dacapo"))
        .args(arguments)
        .arg("--help")
        // The text depends neither on the terminal nor on the shell that runs the test.
        .env_remove("COLUMNS")
        .env_remove("DACAPO_DATA")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    assert!(output.status.success() && output.stderr.is_empty());
    String::from_utf8(output.stdout).expect("help is text")
}

#[test]
fn every_help_text_is_as_reviewed() {
    assert_snapshot("help", &help(&[]));
    for command in [
        "init",
        "invite",
        "join",
        "identity",
        "identity export",
        "identity rotate",
        "recover",
        "node",
        "put",
        "get",
        "watch",
        "rm",
        "ls",
        "stat",
        "whereis",
        "scrub",
        "peers",
        "peers forget",
        "peers allow",
        "peers unlist",
        "peers lock",
        "peers unlock",
        "status",
        "stop",
        "convert",
        "doctor",
        "completions",
        "man",
        "demo",
    ] {
        let words: Vec<_> = command.split(' ').collect();
        assert_snapshot(&format!("help_{}", words.join("_")), &help(&words));
    }
}

#[test]
fn aliases_are_the_same_commands() {
    for (alias, command) in [("store", "put"), ("delete", "rm"), ("list", "ls")] {
        assert_eq!(help(&[alias]), help(&[command]));
    }
}
