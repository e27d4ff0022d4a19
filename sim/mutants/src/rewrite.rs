//! Writes mutants into the text of a file.

use std::fmt::Write;
use std::ops::Range;

/// What each mutant begins with. Its number follows.
pub const MARK: &str = "crate::mutant::is(";

/// What a mutant does at its place.
pub enum Change {
    /// A function returns this at once.
    Return(String),
    /// Another operator stands between the two sides.
    Operator(Range<usize>, String),
    /// The operator before a value is gone.
    NotNegated,
    /// A guard is always met, or never.
    Guard(bool),
    /// An arm never matches.
    NoArm,
    /// A field has the value that the rest gives it.
    Field(Range<usize>),
    /// A function has another body.
    Body(String),
}

pub struct Edit {
    pub number: usize,
    pub range: Range<usize>,
    pub change: Change,
}

/// Returns the text of a file with mutants in it.
pub fn rewrite(source: &str, mut edits: Vec<Edit>) -> String {
    // What encloses others comes first, and what is only put in comes before what begins there.
    edits.sort_by_key(|edit| {
        let len = edit.range.len();
        (edit.range.start, if len == 0 { 0 } else { 1 }, usize::MAX - len, edit.number)
    });
    text(source, 0..source.len(), &edits)
}

/// Returns a part of the text, with the edits that lie in it.
fn text(source: &str, part: Range<usize>, edits: &[Edit]) -> String {
    let is_inside = |edit: &Edit| part.start <= edit.range.start && edit.range.end <= part.end;
    let mut output = String::new();
    let (mut at, mut next) = (part.start, 0);
    while let Some(edit) = edits.get(next) {
        if edit.range.start < at || !is_inside(edit) {
            next += 1;
            continue;
        }
        let same = edits[next..].iter().take_while(|other| other.range == edit.range).count();
        output.push_str(&source[at..edit.range.start]);
        change(&mut output, source, &edits[next..next + same], &edits[next + same..]);
        at = edit.range.end;
        next += same;
    }
    output + &source[at..part.end]
}

/// Writes mutants that have one place; `within` are the edits after them.
fn change(output: &mut String, source: &str, same: &[Edit], within: &[Edit]) {
    let place = same[0].range.clone();
    let is_on = |edit: &Edit| format!("{MARK}{})", edit.number);
    let kept = |part| text(source, part, within);
    if place.is_empty() {
        for edit in same {
            match &edit.change {
                Change::Return(value) => write!(output, "if {} {{ return {value}; }} ", is_on(edit)),
                _ => write!(output, " if !{}", is_on(edit)),
            }
            .expect("a string takes everything");
        }
        return;
    }
    let is_body = matches!(same[0].change, Change::Body(_));
    output.push(if is_body { '{' } else { '(' });
    for edit in same {
        let changed = match &edit.change {
            Change::Operator(operator, other) => {
                format!("{} {other} {}", kept(place.start..operator.start), kept(operator.end..place.end))
            }
            Change::NotNegated => kept(place.start + 1..place.end),
            Change::Guard(is_met) => is_met.to_string(),
            Change::Field(rest) => format!("({}).{}", &source[rest.clone()], field_of(source, place.start)),
            Change::Body(body) => body.clone(),
            Change::Return(_) | Change::NoArm => unreachable!("these are only put in"),
        };
        write!(output, "if {} {{ {changed} }} else ", is_on(edit)).expect("a string takes everything");
    }
    let end = if is_body { '}' } else { ')' };
    write!(output, "{{ {} }}{end}", kept(place)).expect("a string takes everything");
}

/// Returns the name of the field whose value begins at a place.
fn field_of(source: &str, value: usize) -> &str {
    let before = source[..value].trim_end().trim_end_matches(':').trim_end();
    let begin = before.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').map_or(0, |at| at + 1);
    &before[begin..]
}
