//! Reads the source of the project.

use std::fs;
use std::path::{Path, PathBuf};

/// One file.
pub(super) struct Source {
    /// Its path from the root of the project.
    pub(super) path: String,
    pub(super) text: String,
}

/// Returns the Rust files below some folders, in the order of their paths.
pub(super) fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    assert!(!found.is_empty());
    found
}

/// Returns the texts at the root of the project and in its documentation.
pub(super) fn texts() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in [root.to_owned(), root.join("docs"), root.join("tests")] {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("readable").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(read(&path));
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("a readable file");
    let relative = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("below the root");
    Source { path: relative.to_string_lossy().into_owned(), text }
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("a readable folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(read(&path));
        }
    }
}

/// Returns the numbered lines of a file that are code.
pub(super) fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Returns the code of a file without its unit tests, which stand at its end, without comments and without what says
/// how far something can be seen.
pub(super) fn code_without_tests(source: &Source) -> String {
    let is_test_file = source.path.ends_with("/tests.rs") || source.path.contains("/tests/");
    let end = if is_test_file { 0 } else { source.text.find("#[cfg(test)]\nmod tests").unwrap_or(source.text.len()) };
    let lines = source.text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    let lines = lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut parts = lines.split("pub(in ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |code, part| code + "pub" + part.split_once(')').map_or("", |(_, rest)| rest))
}

/// Returns the code of a file without its unit tests, comments and strings.
pub(super) fn code_without_strings(source: &Source) -> String {
    let code = code_without_tests(source);
    let lines = code.lines().map(|line| line.split('"').step_by(2).collect::<Vec<_>>().join("\"\""));
    lines.collect::<Vec<_>>().join("\n")
}

/// Fails with everything that is wrong.
pub(super) fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}
