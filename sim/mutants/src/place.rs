//! Where in a file a mutant belongs.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::listed::{Listed, Position};
use crate::rewrite::{Change, Edit};

/// The places of a file that can be changed, by the position at which `cargo mutants` names them.
pub struct Places {
    lines: Vec<Range<usize>>,
    source: String,
    binaries: BTreeMap<usize, (Range<usize>, Range<usize>)>,
    negations: BTreeMap<usize, Range<usize>>,
    guards: BTreeMap<usize, Range<usize>>,
    /// The end of the pattern, and the guard.
    arms: BTreeMap<usize, (usize, Option<Range<usize>>)>,
    /// The value, and what gives all fields that are not named.
    fields: BTreeMap<usize, (Range<usize>, Range<usize>)>,
}

/// Finds all places of a file.
///
/// # Errors
/// If it is not Rust.
pub fn find(source: &str) -> syn::Result<Places> {
    let mut begin = 0;
    let lines = source.split_inclusive('\n').map(|line| {
        begin += line.len();
        begin - line.len()..begin
    });
    let mut places = Places {
        lines: lines.collect(),
        source: source.to_owned(),
        binaries: BTreeMap::new(),
        negations: BTreeMap::new(),
        guards: BTreeMap::new(),
        arms: BTreeMap::new(),
        fields: BTreeMap::new(),
    };
    places.visit_file(&syn::parse_file(source)?);
    Ok(places)
}

impl Places {
    /// Returns what a mutant changes, if this file has its place.
    pub fn edit(&self, number: usize, mutant: &Listed) -> Option<Edit> {
        let begin = self.listed(&mutant.span.start)?;
        let (range, change) = match mutant.genre.as_str() {
            "FnValue" => (begin..begin, Change::Return(mutant.replacement.clone())),
            "BinaryOperator" => {
                let (range, operator) = self.binaries.get(&begin)?.clone();
                (range, Change::Operator(operator, mutant.replacement.clone()))
            }
            "UnaryOperator" => (self.negations.get(&begin)?.clone(), Change::NotNegated),
            "MatchArmGuard" => (self.guards.get(&begin)?.clone(), Change::Guard(mutant.replacement == "true")),
            "MatchArm" => match self.arms.get(&begin)?.clone() {
                (_, Some(guard)) => (guard, Change::Guard(false)),
                (end, None) => (end..end, Change::NoArm),
            },
            "StructField" => {
                let (value, rest) = self.fields.get(&begin)?.clone();
                (value, Change::Field(rest))
            }
            _ => return None,
        };
        Some(Edit { number, range, change })
    }

    fn listed(&self, position: &Position) -> Option<usize> {
        Some(self.at(position.line.checked_sub(1)?, position.column.checked_sub(1)?))
    }

    /// Returns the byte at a line and a column of characters, both counted from 0.
    fn at(&self, line: usize, column: usize) -> usize {
        let range = self.lines.get(line).cloned().unwrap_or(self.source.len()..self.source.len());
        let text = &self.source[range.clone()];
        range.start + text.char_indices().nth(column).map_or(text.len(), |(byte, _)| byte)
    }

    fn range(&self, span: Span) -> Range<usize> {
        let byte = |place: LineColumn| self.at(place.line - 1, place.column);
        byte(span.start())..byte(span.end())
    }
}

impl<'ast> Visit<'ast> for Places {
    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let operator = self.range(binary.op.span());
        if !has_let(&binary.left) && !has_let(&binary.right) {
            self.binaries.insert(operator.start, (self.range(binary.span()), operator));
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let range = self.range(unary.span());
        self.negations.insert(range.start, range);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let guard = arm.guard.as_ref().filter(|(_, guard)| !has_let(guard)).map(|(_, guard)| self.range(guard.span()));
        if let Some(guard) = &guard {
            self.guards.insert(guard.start, guard.clone());
        }
        if arm.guard.is_none() || guard.is_some() {
            let begin = self.range(arm.span()).start;
            self.arms.insert(begin, (self.range(arm.pat.span()).end, guard));
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, whole: &'ast syn::ExprStruct) {
        if let Some(rest) = &whole.rest {
            for field in &whole.fields {
                let begin = self.range(field.span()).start;
                self.fields.insert(begin, (self.range(field.expr.span()), self.range(rest.span())));
            }
        }
        visit::visit_expr_struct(self, whole);
    }
}

/// Whether a condition binds something, so that it cannot stand anywhere else.
fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}
