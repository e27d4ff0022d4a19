//! Writes mistakes into a copy of the sources: patches, and a random sample of the mutants of `cargo mutants`. Each is
//! behind a number that is given to the program when it runs (mutant schemata: Untch, Offutt and Harrold, ISSTA 1993).
//! So one build holds all of them, and each costs only the runs that judge it. `.ci/mistakes` calls this program.
//!
//! `dacapo-mutants PATCHES SEED COUNT LIST TREE` reads the patches of a folder and the list of
//! `cargo mutants --list --json`, changes the sources in TREE, and prints the number and the name of each mistake in
//! it. A mutant that does not compile gives way to the next one. A patch that changes more than bodies of functions, or
//! does not compile in this way, has no number: it is named on the error output, and needs a build of its own.

mod listed;
mod patched;
mod place;
mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use listed::{Listed, sample};
use patched::Patch;
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

/// All mistakes; the place of each is its number.
enum Mistake {
    Patch(Patch),
    Mutant(Listed),
}

impl Mistake {
    fn name(&self) -> &str {
        match self {
            Mistake::Patch(patch) => &patch.name,
            Mistake::Mutant(mutant) => &mutant.name,
        }
    }

    fn files(&self) -> Vec<&String> {
        match self {
            Mistake::Patch(patch) => patch.files.iter().map(|changed| &changed.file).collect(),
            Mistake::Mutant(mutant) => vec![&mutant.file],
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [patches, seed, count, list, tree] = &arguments[..] else {
        return Err("usage: dacapo-mutants PATCHES SEED COUNT LIST TREE".into());
    };
    let (seed, count, tree) = (seed.parse()?, count.parse()?, PathBuf::from(tree));
    let mutants = sample(serde_json::from_slice(&fs::read(list)?)?, seed);
    let patches = patched::read(Path::new(patches), &tree)?;
    let of_patches = patches.len();
    let mistakes: Vec<Mistake> =
        patches.into_iter().map(Mistake::Patch).chain(mutants.into_iter().map(Mistake::Mutant)).collect();
    let originals = read(&tree, &mistakes)?;
    fs::write(tree.join("src/mutant.rs"), SWITCH.trim_start())?;
    let library = tree.join("src/lib.rs");
    let with_switch = format!("#![allow(warnings)]\n{}\npub mod mutant;\n", fs::read_to_string(&library)?);
    fs::write(&library, with_switch)?;
    // The patches come first, so that what the compiler says of them is not taken for a mutant's.
    let mut chosen: Vec<usize> =
        settle(&tree, &originals, &mistakes, |viable| (0..of_patches).filter(|number| viable(*number)).collect())?;
    let patched = chosen.clone();
    chosen = settle(&tree, &originals, &mistakes, |viable| {
        let mutants = (of_patches..mistakes.len()).filter(|number| viable(*number)).take(count);
        patched.iter().copied().filter(|number| viable(*number)).chain(mutants).collect()
    })?;
    for number in chosen {
        println!("{number}\t{}", mistakes[number].name());
    }
    Ok(())
}

/// Writes mistakes into the sources until they compile. `choose` is asked again with what is viable. Returns what it
/// chose last.
fn settle(
    tree: &Path,
    originals: &BTreeMap<String, String>,
    mistakes: &[Mistake],
    choose: impl Fn(&dyn Fn(usize) -> bool) -> Vec<usize>,
) -> Result<Vec<usize>, Box<dyn Error>> {
    let mut unviable = BTreeSet::new();
    loop {
        let chosen = choose(&|number| !unviable.contains(&number));
        let unplaced = write(tree, originals, mistakes, &chosen)?;
        let failed = if unplaced.is_empty() { check(tree)? } else { unplaced };
        if failed.is_empty() {
            return Ok(chosen);
        }
        for number in failed {
            let kind = if matches!(mistakes[number], Mistake::Patch(_)) { "needs a build" } else { "not viable" };
            eprintln!("{kind}: {}", mistakes[number].name());
            unviable.insert(number);
        }
    }
}

/// Reads the files in which there are mistakes.
fn read(tree: &Path, mistakes: &[Mistake]) -> io::Result<BTreeMap<String, String>> {
    let files: BTreeSet<&String> = mistakes.iter().flat_map(Mistake::files).collect();
    files.into_iter().map(|file| Ok((file.clone(), fs::read_to_string(tree.join(file))?))).collect()
}

/// Writes the chosen mistakes into the sources. Returns those that have no place in them.
fn write(
    tree: &Path,
    originals: &BTreeMap<String, String>,
    mistakes: &[Mistake],
    chosen: &[usize],
) -> Result<BTreeSet<usize>, Box<dyn Error>> {
    let mut unplaced = BTreeSet::new();
    for (file, source) in originals {
        let places = place::find(source)?;
        let mut edits = Vec::new();
        for &number in chosen {
            let found = match &mistakes[number] {
                Mistake::Mutant(mutant) if mutant.file == *file => places.edit(number, mutant).map(|edit| vec![edit]),
                Mistake::Patch(patch) => match patch.files.iter().find(|changed| changed.file == *file) {
                    Some(changed) => changed.edits(number)?,
                    None => continue,
                },
                Mistake::Mutant(_) => continue,
            };
            match found {
                Some(found) => edits.extend(found),
                None => drop(unplaced.insert(number)),
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
        // Beside the copy, so that what it depends on is checked once.
        .args(["--target-dir", "../check"])
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
