//! The mutants that `cargo mutants` lists, in a random order.

use serde::Deserialize;

/// A mutant as `cargo mutants` describes it.
#[derive(Deserialize)]
pub struct Listed {
    pub name: String,
    pub file: String,
    pub genre: String,
    pub replacement: String,
    pub span: Span,
}

#[derive(Deserialize)]
pub struct Span {
    pub start: Position,
}

/// A place in a file; both numbers begin with 1.
#[derive(Deserialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Puts mutants in the order that a seed gives. It does not change with the lines on which they stand.
pub fn sample(listed: Vec<Listed>, seed: u64) -> Vec<Listed> {
    let mut ordered: Vec<_> = listed.into_iter().map(|mutant| (rank(&mutant, seed), mutant)).collect();
    ordered.sort_by_key(|(rank, _)| *rank);
    ordered.into_iter().map(|(_, mutant)| mutant).collect()
}

fn rank(mutant: &Listed, seed: u64) -> [u8; 32] {
    let what = mutant.name.splitn(4, ':').last().unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(mutant.file.as_bytes()).update(what.as_bytes());
    // Several mutants of one function may have one description.
    hasher.update(&mutant.span.start.column.to_le_bytes());
    *hasher.finalize().as_bytes()
}
