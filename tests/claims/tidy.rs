//! What the design asks of the source and clippy cannot check: floors, sizes, and the bans that keep a run in its
//! seed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 320;
const FUNCTION_LINES_MAX: usize = 60;

/// Which modules of the library each module may name. Floors point down only.
const FLOORS: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("seed", &[]),
    ("time", &[]),
    ("crypto", &["limits", "time"]),
    ("disk", &["limits"]),
    ("transport", &["limits"]),
    ("event", &["crypto", "limits", "membership", "transport"]),
    ("protocol", &["crypto", "limits", "time"]),
    ("platform", &["disk", "time", "transport"]),
    ("store", &["crypto", "disk", "limits", "seed", "time"]),
    ("membership", &["crypto", "disk", "limits", "store", "transport"]),
    (
        "node",
        &[
            "crypto",
            "disk",
            "event",
            "limits",
            "membership",
            "platform",
            "protocol",
            "seed",
            "store",
            "time",
            "transport",
        ],
    ),
];

/// Where the real world begins: nothing else names a socket, the file system or a blocking thread.
const LEAVES: &[&str] =
    &["src/transport/tcp.rs", "src/disk/dir.rs", "src/platform/machine.rs", "src/main.rs", "src/cli"];

struct Source {
    path: String,
    text: String,
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    assert!(!found.is_empty());
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("a readable folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a readable file");
            let relative = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("below the root");
            found.push(Source { path: relative.to_string_lossy().into_owned(), text });
        }
    }
}

/// The code of a file: no comment lines.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn files_and_functions_stay_small() {
    let mut broken = Vec::new();
    for source in sources(&["src", "sim", "tests", "benches", "fuzz/src", "fuzz/targets"]) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            broken.push(format!("{} has {lines} lines, {FILE_LINES_MAX} are allowed", source.path));
        }
        let mut open: Option<(usize, usize, String)> = None;
        for (number, line) in source.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_function = line.trim_start().split("fn ").next().is_some_and(|before| {
                line.contains("fn ")
                    && before
                        .split_whitespace()
                        .all(|word| word.starts_with("pub") || ["async", "const", "unsafe"].contains(&word))
            });
            if is_function && open.is_none() && !line.trim_end().ends_with(['}', ';']) {
                open = Some((number, indent, line.trim().to_owned()));
            }
            let ends =
                open.as_ref().is_some_and(|(_, start, _)| indent == *start && line.trim_start().starts_with('}'));
            if ends && let Some((start, _, name)) = open.take() {
                let length = number - start + 1;
                if length > FUNCTION_LINES_MAX {
                    broken.push(format!("{}:{} {name} has {length} lines", source.path, start + 1));
                }
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn floors_point_down() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let mut broken = Vec::new();
    for source in sources(&["src"]) {
        let module =
            source.path.trim_start_matches("src/").trim_end_matches(".rs").split('/').next().unwrap_or_default();
        let Some(allowed) = floors.get(module) else {
            assert!(["lib", "main", "cli", "error_messages"].contains(&module), "{} is on no floor", source.path);
            continue;
        };
        let tests = source.text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(source.text.len());
        for (number, line) in source.text[..tests].lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for named in line.split("crate::").skip(1) {
                let named =
                    named.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or_default();
                if named != module && floors.contains_key(named) && !allowed.contains(&named) {
                    broken.push(format!("{}:{} {module} may not name {named}", source.path, number + 1));
                }
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn only_the_leaves_touch_the_real_world() {
    let mut broken = Vec::new();
    for source in sources(&["src"]) {
        if LEAVES.iter().any(|leaf| source.path.starts_with(leaf)) {
            continue;
        }
        for (number, line) in code(&source) {
            for banned in
                ["tokio::net", "std::fs", "spawn_blocking", "std::process", "std::env", "getrandom", "tokio::fs"]
            {
                if line.contains(banned) {
                    broken.push(format!("{}:{number} names {banned}", source.path));
                }
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn nothing_below_names_the_simulation() {
    let mut broken = Vec::new();
    for source in sources(&["src"]).into_iter().filter(|source| !source.path.ends_with("/tests.rs")) {
        for (number, line) in code(&source) {
            // A feature leaves out a whole room, and never a part of one.
            let line =
                if source.path == "src/lib.rs" { line.replace("cfg(feature = \"node\")", "") } else { line.to_owned() };
            for banned in ["dacapo_sim", "turmoil", "proptest", "cfg(feature", "cfg(sim", "cfg!("] {
                if line.contains(banned) {
                    broken.push(format!(
                        "{}:{number} names {banned}: the shipped node is the simulated node",
                        source.path
                    ));
                }
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn every_choice_between_futures_is_biased() {
    let mut broken = Vec::new();
    for source in sources(&["src", "sim"]) {
        let lines: Vec<_> = code(&source).collect();
        for pair in lines.windows(2) {
            let (number, line) = pair[0];
            let chooses = ["select!", "join!"].iter().any(|chooser| line.contains(&format!("tokio::{chooser}")));
            let is_test = source.path.ends_with("tests.rs") || source.path.contains("/tests/");
            if chooses && !is_test && !line.contains("biased") && !pair[1].1.contains("biased") {
                broken.push(format!("{}:{number} chooses by chance: make it biased", source.path));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn every_file_says_what_it_is() {
    let mut broken = Vec::new();
    for source in sources(&["src", "sim", "tests", "benches", "fuzz/src", "fuzz/targets"]) {
        let is_test_module = source.path.ends_with("/tests.rs") && source.path.starts_with("src");
        if !source.text.starts_with("//! ") && !is_test_module {
            broken.push(format!("{} does not begin by saying what it is", source.path));
        }
        if source.path.ends_with("/mod.rs") {
            broken.push(format!("{} is named mod.rs", source.path));
        }
    }
    assert_none(&broken);
}
