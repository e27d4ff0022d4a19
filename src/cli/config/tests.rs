//! What a config file sets, and what it cannot.

use std::fs;

use super::*;
use crate::cli::arguments::{Command as Typed, NodeArguments};
use crate::cli::error::tests::snapshots;

/// Parses a line beside a config file with this text.
fn parse_with(text: &str, line: &[&str]) -> Result<Arguments, String> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("config.toml");
    fs::write(&file, text).expect("written");
    let config = file.to_str().expect("plain");
    let line = ["dacapo", "--config", config].into_iter().chain(line.iter().copied()).map(OsString::from);
    let shown = |text: String| text.replace(folder.path().to_str().expect("plain"), "…");
    parse(line).map_err(|error| match error {
        ParseError::Usage(error) => shown(error.to_string()),
        ParseError::Config(error) => shown(error.to_string()),
    })
}

fn node(text: &str, line: &[&str]) -> NodeArguments {
    match parse_with(text, line).expect("it parses").command {
        Typed::Node(arguments) => arguments,
        other => panic!("expected node, got {other:?}"),
    }
}

const WHOLE: &str = r#"
data = "data"
listen = ":3000"
peer = ["a:1", "b:2"]
replicas = 3
quota-bytes = "10GiB"
quota-files = 1000
layout = "packed"
http = ":3080"
http-token = "/run/token"
"#;

#[test]
fn a_file_sets_what_the_line_does_not() {
    let arguments = node(WHOLE, &["node"]);
    assert!(arguments.data.dir.ends_with("data") && arguments.data.dir.is_absolute(), "{:?}", arguments.data.dir);
    assert_eq!((arguments.reach.listen.to_string().as_str(), arguments.reach.peers.len()), ("127.0.0.1:3000", 2));
    assert_eq!((arguments.replicas.to_string(), arguments.quota_files), ("3".to_owned(), Some(1000)));
    assert_eq!(arguments.http.token.as_deref(), Some(Path::new("/run/token")));
    let typed = ["node", "--listen", ":1", "--peer", "c:3", "--replicas", "all", "--http", ":4"];
    let arguments = node(WHOLE, &typed);
    assert_eq!((arguments.reach.listen.to_string().as_str(), arguments.reach.peers.len()), ("127.0.0.1:1", 1));
    assert_eq!((arguments.replicas.to_string(), arguments.quota_files), ("all".to_owned(), Some(1000)));
}

#[test]
fn a_command_takes_from_a_file_what_it_has_an_option_for() {
    let Ok(Arguments { command: Typed::Ls(arguments), .. }) = parse_with(WHOLE, &["ls"]) else { panic!("ls parses") };
    assert!(arguments.data.dir.ends_with("data"));
    // The directory of a demonstration is another one.
    let Ok(Arguments { command: Typed::Demo(arguments), .. }) = parse_with(WHOLE, &["demo"]) else { panic!("demo") };
    assert_eq!(arguments.data, None);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let error = |text: &str| parse_with(text, &["node"]).expect_err("it is wrong");
    let shown = [
        error("replica = 3\n"),
        error("colour = \"red\"\n"),
        error("config = \"x\"\n"),
        error("[node]\nlisten = \":1\"\n"),
        error("listen = 3.5\n"),
        error("listen = \":70000\"\n"),
        error("listen = [\":1\", \":2\"]\n"),
        error("peer = [[\"a:1\"]]\n"),
        error("layout = \"flat\"\n"),
        error("quota-bytes = \"ten\"\n"),
        error("data = \"\"\n"),
        error("data = 5\n"),
        error("listen = \n"),
        error(&"# 345678\n".repeat(8000)),
    ];
    snapshots().bind(|| insta::assert_snapshot!("errors_config_file", shown.join("\n")));
}

#[test]
fn the_recipe_of_a_config_file_is_one() {
    let recipe = include_str!("../../../docs/recipes/config.toml");
    let whole: Vec<_> = recipe
        .lines()
        .map(|line| line.strip_prefix('#').filter(|line| !line.starts_with(' ')).unwrap_or(line))
        .collect();
    let arguments = node(&whole.join("\n"), &["node"]);
    assert_eq!((arguments.reach.peers.len(), arguments.quota_files), (2, Some(1_000_000)));
    let mut options = BTreeMap::new();
    collect(&Arguments::command(), &mut options);
    let unnamed: Vec<_> =
        options.keys().filter(|key| !whole.iter().any(|line| line.starts_with(&format!("{key} =")))).collect();
    assert!(unnamed.is_empty(), "the recipe does not name {unnamed:?}");
}

#[test]
fn a_line_that_is_wrong_is_refused_as_without_a_file() {
    let error = parse_with("data = \"data\"\n", &["node"]).expect_err("no address");
    assert!(error.contains("--listen <ADDR>"), "{error}");
    let error = parse_with("data = \"data\"\n", &["lost"]).expect_err("no such command");
    assert!(error.contains("'lost'"), "{error}");
}

#[test]
fn a_name_that_begins_with_a_hyphen_can_be_put() {
    let put = |line: &[&str]| match parse_with("data = \"data\"", &[&["put"], line].concat()) {
        Ok(Arguments { command: Typed::Put(put), .. }) => Some((put.key, put.file, put.command)),
        _ => None,
    };
    let file = || Some(PathBuf::from("-f"));
    assert_eq!(put(&["--", "-k"]), Some(("-k".into(), None, Vec::new())));
    assert_eq!(put(&["--json", "--", "-k", "-f"]), Some(("-k".into(), file(), Vec::new())));
    let command = put(&["k", "--from-command", "--", "-c", "x"]);
    assert_eq!(command, Some(("k".into(), None, vec!["-c".into(), "x".into()])));
    for wrong in [&["k", "--", "ls"][..], &["--from-command", "--", "ls"], &["-k"], &["--", "a", "b", "c"], &["--"]] {
        assert_eq!(put(wrong), None, "{wrong:?}");
    }
    assert_eq!(put(&["--", "--from-command"]), Some(("--from-command".into(), None, Vec::new())));
    // A command to run is no key.
    let error = parse_with("data = \"data\"", &["put", "--from-command", "--", "ls"]).expect_err("no key");
    assert!(error.contains("\n  <KEY|DIR>\n"), "{error}");
}
