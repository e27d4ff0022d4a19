//! Finds which file of a crate imports which. `super::`, `self::` and re-exports are followed to the file that defines
//! what is named, so that a facade hides no import. Code of unit tests does not count.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Source, code_without_tests};

/// Re-exports are followed this far. Chosen: three times the longest chain.
const STEPS_MAX: usize = 12;

/// The imports among the files of one crate.
pub(super) struct Imports {
    /// The imported files of each file.
    pub(super) of: BTreeMap<String, BTreeSet<String>>,
}

type Path = Vec<String>;

/// One module, which is one file.
struct Module {
    file: String,
    /// What a name stands for that a `use` binds.
    bound: BTreeMap<String, Path>,
}

/// Finds the imports among these files. A path that begins with the name of the crate, such as a program has for its
/// library, begins at the root.
pub(super) fn find(sources: &[Source], folder: &str, crate_name: &str) -> Imports {
    let mut modules: BTreeMap<Path, Module> = BTreeMap::new();
    for source in sources {
        let module = Module { file: source.path.clone(), bound: BTreeMap::new() };
        modules.entry(module_path(&source.path, folder)).or_insert(module);
    }
    let texts: Vec<_> = sources.iter().map(|source| (source, code_without_tests(source))).collect();
    for (source, text) in &texts {
        let path = module_path(&source.path, folder);
        for (names, alias) in uses(text) {
            let is_below = names.first().is_some_and(|first| modules.contains_key(&child(&path, first)));
            let below = || is_below.then(|| path.iter().chain(&names).cloned().collect());
            let target: Option<Path> = absolute(&path, &names, crate_name).or_else(below);
            let module = modules.get_mut(&path).expect("every file is a module");
            module.bound.extend(target.map(|target| (alias, target)));
        }
    }
    let mut of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (source, text) in &texts {
        let path = module_path(&source.path, folder);
        let module = &modules[&path];
        let begins_here = |name: &String| module.bound.contains_key(name) || modules.contains_key(&child(&path, name));
        let named = uses(text).into_iter().map(|(names, _)| names).chain(paths(text));
        let found = named.filter_map(|names| {
            let names = match absolute(&path, &names, crate_name) {
                Some(names) => names,
                None if names.first().is_some_and(begins_here) => path.iter().cloned().chain(names).collect(),
                None => return None,
            };
            resolve(&modules, &names, STEPS_MAX)
        });
        let imported: BTreeSet<_> = found.filter(|file| *file != source.path).collect();
        of.entry(source.path.clone()).or_default().extend(imported);
    }
    Imports { of }
}

impl Imports {
    /// Returns the circles: sets of files that import each other, by way of others or directly, the largest first.
    pub(super) fn circles(&self) -> Vec<BTreeSet<&str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.of.keys().map(|file| (file.as_str(), self.from(file))).collect();
        let circle = |file: &&str| -> BTreeSet<&str> {
            reached[file]
                .iter()
                .copied()
                .filter(|other| reached.get(other).is_some_and(|all| all.contains(file)))
                .collect()
        };
        let circles: BTreeSet<_> = reached.keys().map(circle).filter(|circle| circle.len() > 1).collect();
        let mut circles: Vec<_> = circles.into_iter().collect();
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        circles
    }

    /// Returns all files that a file imports, directly or by way of others.
    fn from(&self, file: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut left = vec![file];
        while let Some(next) = left.pop() {
            for imported in self.of.get(next).into_iter().flatten() {
                if reached.insert(imported.as_str()) {
                    left.push(imported);
                }
            }
        }
        reached
    }
}

/// Returns the module that a file is: `src/a/b.rs` is `a::b`, and the roots of library and program are the root.
fn module_path(file: &str, folder: &str) -> Path {
    let name = file.trim_start_matches(folder).trim_start_matches('/').trim_end_matches(".rs");
    if ["lib", "main"].contains(&name) { Path::new() } else { name.split('/').map(str::to_owned).collect() }
}

fn child(path: &[String], name: &str) -> Path {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

/// Returns a path from the root, if it begins with a word for a place.
fn absolute(module: &[String], names: &[String], crate_name: &str) -> Option<Path> {
    let mut names = names.iter().peekable();
    let mut path = match names.next()?.as_str() {
        "self" => module.to_vec(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        "crate" => Path::new(),
        first if first == crate_name => Path::new(),
        _ => return None,
    };
    while names.next_if(|name| *name == "super").is_some() {
        path.pop();
    }
    path.extend(names.cloned());
    Some(path)
}

/// Returns the file that defines what a path from the root names.
fn resolve(modules: &BTreeMap<Path, Module>, names: &[String], steps_left: usize) -> Option<String> {
    let mut here = Path::new();
    for (index, name) in names.iter().enumerate() {
        let below = child(&here, name);
        if modules.contains_key(&below) {
            here = below;
            continue;
        }
        let Some(target) = modules.get(&here)?.bound.get(name) else { break };
        let rest = target.iter().chain(&names[index + 1..]).cloned().collect::<Path>();
        let is_itself = rest == names;
        return if steps_left == 0 || is_itself { None } else { resolve(modules, &rest, steps_left - 1) };
    }
    modules.get(&here).map(|module| module.file.clone())
}

/// Returns every path that a `use` names, and the name that it binds.
fn uses(text: &str) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("use ") {
        let before = text[..start].trim_end_matches([' ', '\n']);
        let is_item = before.is_empty() || before.ends_with([';', '}', '{', ']', ')']) || before.ends_with("pub");
        if let Some(end) = text[start..].find(';').filter(|_| is_item) {
            expand(&Path::new(), text[start + 4..start + end].trim(), &mut found);
        }
    }
    found
}

/// Takes the tree of a `use` apart.
fn expand(before: &[String], tree: &str, found: &mut Vec<(Path, String)>) {
    if let Some((head, list)) = tree.split_once('{') {
        let head = before.iter().cloned().chain(segments(head)).collect::<Path>();
        let list = list.trim_end().trim_end_matches('}');
        let (mut depth, mut start) = (0, 0);
        for (index, letter) in list.char_indices().chain([(list.len(), ',')]) {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&head, list[start..index].trim(), found);
                    start = index + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
    let mut names: Path = before.iter().cloned().chain(segments(path)).collect();
    if names.last().is_some_and(|last| last == "self" || last == "*") && names.len() > 1 {
        names.pop();
    }
    if let Some(last) = names.last().cloned() {
        found.push((names, alias.map_or(last, |alias| alias.trim().to_owned())));
    }
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Returns every path of two names or more in the code. What a `use` has before its braces is none, and a macro lies at
/// the root wherever it is defined.
fn paths(text: &str) -> impl Iterator<Item = Path> {
    let words = text.split_inclusive(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
    let words = words
        .filter(|word| !word.ends_with('!'))
        .map(|word| word.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':'));
    let words = words.filter(|word| !word.ends_with("::")).map(|word| word.trim_matches(':'));
    words.filter(|word| word.contains("::")).map(|word| segments(word).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn imports_are_followed_through_super_and_re_exports() {
        let sources = [
            source("src/lib.rs", "pub mod a;\npub mod b;\npub use b::facade::Thing;\n"),
            source("src/a.rs", "use crate::Thing;\nfn f() { b::g() }\n"),
            source("src/b.rs", "mod deep;\npub mod facade;\n"),
            source("src/b/facade.rs", "pub use super::deep::{self as d, Thing};\n"),
            source(
                "src/b/deep.rs",
                "use super::super::a;\npub struct Thing;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}\n",
            ),
        ];
        let imports = find(&sources, "src", "it");
        let of = |file: &str| imports.of[file].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(of("src/a.rs"), ["src/b/deep.rs"], "the re-export is followed, and a foreign b is not ours");
        assert_eq!(of("src/b/deep.rs"), ["src/a.rs"], "super is followed, and tests do not count");
        assert_eq!(imports.circles(), [BTreeSet::from(["src/a.rs", "src/b/deep.rs"])]);
    }
}
