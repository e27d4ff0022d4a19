//! What the design asks of the source and clippy cannot check: sizes, floors, words, and the bans that keep a run in
//! its seed.

mod floors;
mod imports;
mod sources;
mod words;

use sources::{assert_none, code, sources};

const FILE_LINES_MAX: usize = 320;
const FUNCTION_LINES_MAX: usize = 60;
const COLUMNS_MAX: usize = 120;

/// A function that may be longer: a match with one arm for each variant, which a new variant does not compile without.
const LONG_MATCHES: &[(&str, &str)] = &[("src/event.rs", "fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {")];

/// All Rust code of the project.
const ALL: &[&str] = &["src", "sim", "tests", "benches", "examples", "fuzz/src", "fuzz/targets"];

/// Where the real world begins: nothing else names a socket, the file system or a blocking thread.
const LEAVES: &[&str] = &["src/transport/tcp.rs", "src/disk/dir", "src/platform/machine.rs", "src/main.rs", "src/cli"];

#[test]
fn files_and_functions_stay_small() {
    let mut broken = Vec::new();
    for source in sources(ALL) {
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
                let is_match = LONG_MATCHES.contains(&(source.path.as_str(), name.as_str()));
                if length > FUNCTION_LINES_MAX && !is_match {
                    broken.push(format!("{}:{} {name} has {length} lines", source.path, start + 1));
                }
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn lines_fit_the_screen() {
    let mut broken = Vec::new();
    for source in sources(ALL).into_iter().chain(sources::texts()) {
        for (number, line) in source.text.lines().enumerate() {
            let columns = line.chars().count();
            // A row of a table in Markdown cannot be broken.
            if columns > COLUMNS_MAX && !line.starts_with('|') {
                broken.push(format!("{}:{} has {columns} columns", source.path, number + 1));
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
            let rooms = ["#[cfg(feature = \"node\")]", "#[cfg(feature = \"http\")]"];
            let is_room = source.path == "src/lib.rs" && rooms.contains(&line);
            for banned in ["dacapo_sim", "turmoil", "proptest", "cfg(feature", "cfg(sim", "cfg!("] {
                if line.contains(banned) && !is_room {
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
    for source in sources(ALL) {
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
