//! Words: one for each thing, and one thing for each word.

use std::collections::BTreeMap;
use std::fs;

use super::sources::{assert_none, code, code_without_strings, sources};

/// Where a word that is not used for something else has its own meaning, as the glossary says.
const EXCEPT: &[(&str, &[&str])] =
    &[("knock", &["src/node/link", "src/node/inbound/admit.rs", "sim/src/store/liar"]), ("erase", &["sim/src/store"])];

#[test]
fn nothing_in_the_code_has_a_name_that_the_glossary_gave_up() {
    let glossary = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ARCHITECTURE.md");
    let glossary = fs::read_to_string(glossary).expect("the glossary");
    let (_, table) = glossary.split_once("\n### Not used\n").expect("the glossary says which words are not used");
    let rows = table.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with("| `"));
    let given_up: Vec<_> = rows.flat_map(|row| backticked(row.split('|').nth(1).unwrap_or_default())).collect();
    assert!(given_up.len() > 10, "{given_up:?}");
    let mut broken = Vec::new();
    for source in sources(&["src", "sim/src"]) {
        let is_excepted = |word: &str| {
            let excepted = EXCEPT.iter().find(|(excepted, _)| word.starts_with(excepted));
            excepted.is_some_and(|(_, places)| places.iter().any(|place| source.path.starts_with(place)))
        };
        for name in names(&code_without_strings(&source)) {
            let is_given_up =
                |part: &String| given_up.contains(&part.as_str()) || given_up.contains(&part.to_lowercase().as_str());
            let parts = if given_up.contains(&name.as_str()) { vec![name.clone()] } else { parts(&name) };
            if let Some(part) = parts.iter().find(|part| is_given_up(part) && !is_excepted(&part.to_lowercase())) {
                broken.push(format!("{}: {name} has the word {part}, which the glossary gave up", source.path));
            }
        }
    }
    broken.dedup();
    assert_none(&broken);
}

/// Returns the words in backticks.
fn backticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns every name in the code.
fn names(code: &str) -> impl Iterator<Item = String> {
    let names = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    names.filter(|name| name.starts_with(|letter: char| letter.is_alphabetic())).map(str::to_owned)
}

/// Returns the words that a name is made of: `seen_handshakes`, `SeenHandshakes` and `SEEN_HANDSHAKES` have two.
fn parts(name: &str) -> Vec<String> {
    if !name.contains(|letter: char| letter.is_lowercase()) {
        return name.split('_').map(str::to_lowercase).collect();
    }
    let mut parts: Vec<String> = Vec::new();
    let mut is_new = true;
    for letter in name.chars() {
        if is_new || letter.is_uppercase() {
            parts.push(String::new());
        }
        is_new = letter == '_';
        if let Some(part) = parts.last_mut().filter(|_| !is_new) {
            part.push(letter);
        }
    }
    parts
}

#[test]
fn no_two_public_types_have_one_name() {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources(&["src", "sim/src"]) {
        for (number, line) in code(&source) {
            let mut words = line.trim_start().split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let is_type = words.next() == Some("pub")
                && words.next().is_some_and(|kind| ["struct", "enum", "trait", "type", "union"].contains(&kind));
            if let Some(name) = words.next().filter(|name| is_type && !name.is_empty()) {
                found.entry(name.to_owned()).or_default().push(format!("{}:{number}", source.path));
            }
        }
    }
    let twice = found.into_iter().filter(|(_, places)| places.len() > 1);
    assert_none(
        &twice.map(|(name, places)| format!("{name} is public in {}", places.join(" and "))).collect::<Vec<_>>(),
    );
}
