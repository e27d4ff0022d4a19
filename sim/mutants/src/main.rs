//! Writes a random sample of the mutants of `cargo mutants` into a copy of the sources, each behind a number that is
//! given to the program when it runs (mutant schemata: Untch, Offutt and Harrold, ISSTA 1993). So one build holds all
//! of them, and each costs only the runs that judge it. `.ci/mutants` calls this program.
//!
//! `dacapo-mutants SEED COUNT LIST TREE` reads the list of `cargo mutants --list --json`, changes the sources in TREE,
//! and prints the number and the name of each mutant in it. A mutant that does not compile gives way to the next one.

mod listed;
mod place;
mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use listed::{Listed, sample};
use rewrite::MARK;

/// The module that tells which mutant is on.
const SWITCH: &str = r#"
//! Which mutant is on.

/// Whether the mutant with this number is on.
#[must_use]
pub fn is(number: usize) -> bool {
    static ON: std::sync::LazyLock<Option<usize>> =
        std::sync::LazyLock::new(|| std::env::var("DACAPO_MUTANT").ok()?.parse().ok());
    *ON == Some(number)
}
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [seed, count, list, tree] = &arguments[..] else {
        return Err("usage: dacapo-mutants SEED COUNT LIST TREE".into());
    };
    let (seed, count, tree) = (seed.parse()?, count.parse()?, PathBuf::from(tree));
    let ordered = sample(serde_json::from_slice(&fs::read(list)?)?, seed);
    let originals = read(&tree, &ordered)?;
    fs::write(tree.join("src/mutant.rs"), SWITCH.trim_start())?;
    let library = tree.join("src/lib.rs");
    fs::write(&library, format!("{}\npub mod mutant;\n", fs::read_to_string(&library)?))?;
    let mut unviable = BTreeSet::new();
    loop {
        let chosen: Vec<usize> = (0..ordered.len()).filter(|number| !unviable.contains(number)).take(count).collect();
        let unplaced = write(&tree, &originals, &ordered, &chosen)?;
        let failed = if unplaced.is_empty() { check(&tree)? } else { unplaced };
        if failed.is_empty() {
            for number in chosen {
                println!("{number}\t{}", ordered[number].name);
            }
            return Ok(());
        }
        for number in failed {
            eprintln!("not viable: {}", ordered[number].name);
            unviable.insert(number);
        }
    }
}

/// Reads the files in which there are mutants.
fn read(tree: &Path, ordered: &[Listed]) -> io::Result<BTreeMap<String, String>> {
    let files: BTreeSet<&String> = ordered.iter().map(|mutant| &mutant.file).collect();
    files.into_iter().map(|file| Ok((file.clone(), fs::read_to_string(tree.join(file))?))).collect()
}

/// Writes the chosen mutants into the sources. Returns those that have no place in them.
fn write(
    tree: &Path,
    originals: &BTreeMap<String, String>,
    ordered: &[Listed],
    chosen: &[usize],
) -> Result<BTreeSet<usize>, Box<dyn Error>> {
    let mut unplaced = BTreeSet::new();
    for (file, source) in originals {
        let here = chosen.iter().filter(|number| ordered[**number].file == *file);
        let places = place::find(source)?;
        let mut edits = Vec::new();
        for number in here {
            match places.edit(*number, &ordered[*number]) {
                Some(edit) => edits.push(edit),
                None => drop(unplaced.insert(*number)),
            }
        }
        let path = tree.join(file);
        let text = rewrite::rewrite(source, edits);
        if fs::read_to_string(&path)? != text {
            fs::write(path, text)?;
        }
    }
    Ok(unplaced)
}

/// Compiles the sources. Returns the mutants that keep them from compiling.
fn check(tree: &Path) -> Result<BTreeSet<usize>, Box<dyn Error>> {
    let output = Command::new("cargo")
        .args(["check", "--quiet", "--package", "dacapo", "--lib", "--locked", "--message-format=json"])
        .current_dir(tree)
        .stderr(Stdio::inherit())
        .output()?;
    let mut failed = BTreeSet::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let message = &line["message"];
        if message["level"] != "error" {
            continue;
        }
        // A match that lacks an arm is named as a whole; where the arm was is in the help.
        let is_arm = message["code"]["code"] == "E0004";
        let helps = message["children"].as_array().into_iter().flatten().filter(|_| is_arm);
        let said = helps.chain((!is_arm).then_some(message));
        let spans = said.flat_map(|said| said["spans"].as_array().into_iter().flatten());
        for span in spans.filter(|span| span["is_primary"] == true) {
            let (Some(file), Some(begin)) = (span["file_name"].as_str(), span["byte_start"].as_u64()) else { continue };
            failed.extend(mutant_at(&fs::read_to_string(tree.join(file))?, usize::try_from(begin)?));
        }
    }
    match (output.status.success(), failed.is_empty()) {
        (false, true) => Err("the sources do not compile, and no mutant is to blame".into()),
        _ => Ok(failed),
    }
}

/// Returns the last mutant that begins at a place or before it.
fn mutant_at(text: &str, at: usize) -> Option<usize> {
    let begins = text.match_indices(MARK).take_while(|(begin, _)| *begin <= at).last()?.0 + MARK.len();
    text[begins..].split(')').next()?.parse().ok()
}
