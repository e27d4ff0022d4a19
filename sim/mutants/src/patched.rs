//! Mistakes written by hand, as patches: whole bodies of functions stand beside each other.

use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use proc_macro2::Span;
use syn::visit::{self, Visit};

use crate::rewrite::{Change, Edit};

/// A patch: its name, and the files that it changes.
pub struct Patch {
    pub name: String,
    pub files: Vec<Changed>,
}

/// A file before and after a patch.
pub struct Changed {
    pub file: String,
    before: String,
    after: String,
}

/// Reads all patches of a folder, in the order of their names.
///
/// # Errors
/// If one cannot be read, or does not apply to the sources in `tree`.
pub fn read(folder: &Path, tree: &Path) -> Result<Vec<Patch>, Box<dyn Error>> {
    let entries =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>, Box<dyn Error>>>();
    let mut paths = entries?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    paths.sort();
    paths.iter().map(|path| patch(path, tree)).collect()
}

fn patch(path: &Path, tree: &Path) -> Result<Patch, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let names: Vec<String> = text.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(str::to_owned).collect();
    let before = names.iter().map(|file| fs::read_to_string(tree.join(file))).collect::<Result<Vec<_>, _>>()?;
    apply(path, tree, &[])?;
    let after = names.iter().map(|file| fs::read_to_string(tree.join(file))).collect::<Result<Vec<_>, _>>()?;
    apply(path, tree, &["--reverse"])?;
    let texts = before.into_iter().zip(after);
    let files = names.into_iter().zip(texts).map(|(file, (before, after))| Changed { file, before, after }).collect();
    Ok(Patch { name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), files })
}

/// Applies a patch to the copy of the sources, which is no part of a repository around it.
fn apply(path: &Path, tree: &Path, options: &[&str]) -> Result<(), Box<dyn Error>> {
    let above = fs::canonicalize(tree)?;
    let status = Command::new("git")
        .arg("apply")
        .args(options)
        .arg(env::current_dir()?.join(path))
        .current_dir(tree)
        .env("GIT_CEILING_DIRECTORIES", above.parent().unwrap_or(&above))
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("{} does not apply", path.display()).into()) }
}

impl Changed {
    /// Returns what changes the bodies of this file, if nothing else differs.
    ///
    /// # Errors
    /// If the file is not Rust, before or after.
    pub fn edits(&self, number: usize) -> syn::Result<Option<Vec<Edit>>> {
        let (before, after) = (bodies(&self.before)?, bodies(&self.after)?);
        if around(&self.before, &before) != around(&self.after, &after) {
            return Ok(None);
        }
        let pairs = before.into_iter().zip(after).map(|(range, other)| (range, &self.after[other]));
        let different = pairs.filter(|(range, body)| self.before[range.clone()] != **body);
        let edit = |(range, body): (_, &str)| Edit { number, range, change: Change::Body(body.to_owned()) };
        Ok(Some(different.map(edit).collect()))
    }
}

/// Returns what is around the bodies.
fn around<'a>(source: &'a str, bodies: &[Range<usize>]) -> Vec<&'a str> {
    let begins = [0].into_iter().chain(bodies.iter().map(|body| body.end));
    let ends = bodies.iter().map(|body| body.start).chain([source.len()]);
    begins.zip(ends).map(|(begin, end)| &source[begin..end]).collect()
}

/// Finds the bodies of the functions of a file; functions within functions are part of their bodies.
fn bodies(source: &str) -> syn::Result<Vec<Range<usize>>> {
    struct Bodies(Vec<Range<usize>>);
    impl Bodies {
        fn add(&mut self, block: &syn::Block) {
            let byte = |span: Span| span.byte_range();
            self.0.push(byte(block.brace_token.span.open()).start..byte(block.brace_token.span.close()).end);
        }
    }
    impl<'ast> Visit<'ast> for Bodies {
        fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
            self.add(&function.block);
        }
        fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
            self.add(&function.block);
        }
        fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
            function.default.iter().for_each(|block| self.add(block));
        }
    }
    let mut bodies = Bodies(Vec::new());
    visit::visit_file(&mut bodies, &syn::parse_file(source)?);
    Ok(bodies.0)
}
