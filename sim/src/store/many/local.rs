//! The files in a folder on the machine of a client, and how they change.

use std::collections::BTreeMap;
use std::iter;

use dacapo::crypto::Attributes;

use crate::store::call::MARKER;

/// The files of one folder, by number.
pub(super) type Folder = BTreeMap<u16, Local>;

/// A file in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) content: Vec<u8>,
    pub(super) attributes: Attributes,
}

impl Local {
    /// Makes a file. Its length does not depend on the call.
    pub(super) fn new(number: u16, call: usize) -> Self {
        let content = [MARKER, format!(" {number} in a folder at call {call:08}").as_bytes()].concat();
        let time = i64::try_from(call).unwrap_or(i64::MAX);
        // What takes the place of a file may be older.
        let changed_s = if call.is_multiple_of(2) { time } else { -time };
        Self { content, attributes: Attributes { mode: 0o644, changed_s, changed_ns: 0 } }
    }

    /// Changes a file between two calls, each in a way of its own: its content, its time alone, its length, or nothing.
    pub(super) fn change(&mut self, number: u16, call: usize) {
        let new = Self::new(number, call);
        match (usize::from(number) + call) % 4 {
            0 => *self = new,
            1 => self.attributes = new.attributes,
            2 => {
                *self = new;
                self.content.extend(iter::repeat_n(b'.', 1 + call % 7));
            }
            _ => {}
        }
    }
}
