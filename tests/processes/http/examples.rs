//! The lines that docs/HTTP.md says to type.

use std::fs;
use std::process::{Command, Output};

use super::Face;
use crate::support::bench::Bench;

/// Returns the lines of the document that begin with a command.
fn lines() -> Vec<&'static str> {
    let document = include_str!("../../../docs/HTTP.md");
    let (_, from) = document.split_once("```sh\n").expect("there are examples");
    let (examples, _) = from.split_once("```").expect("they end");
    examples.lines().collect()
}

#[test]
fn what_the_document_says_to_type_works() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    let content: Vec<u8> = (0..200_000).map(|place| u8::try_from(place % 251).expect("small")).collect();
    bench.file("thesis.pdf", &content);
    let typed = |line: &str| -> Output {
        let line = line.replace("127.0.0.1:8080", &face.address);
        let ended = Command::new("bash").args(["-c", &line]).current_dir(bench.dir.path()).output();
        ended.expect("bash runs")
    };
    let lines = lines();
    assert_eq!(lines.len(), 5);
    let stored = typed(&format!("{} -f", lines[0]));
    assert!(stored.status.success() && String::from_utf8_lossy(&stored.stdout).contains("\"receipts\":[]"));
    assert!(typed(lines[1]).status.success());
    assert!(fs::read(bench.path("back.pdf")).expect("it was written") == content);
    assert!(typed(lines[2]).stdout == content[..100]);
    assert!(typed(&format!("{} -f", lines[3])).status.success());
    assert_eq!(face.get("/v1/files/thesis.pdf").status, 410);
    // Events go on until nobody listens any more: 28 is what curl says of that.
    let watched = typed(&format!("{} -f --max-time 1", lines[4]));
    assert_eq!(watched.status.code(), Some(28), "{}", String::from_utf8_lossy(&watched.stderr));
}
