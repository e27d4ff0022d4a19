//! Words: one for each thing, and one thing for each word.

use std::collections::BTreeMap;

use super::sources::{assert_none, code, sources};

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
