//! Writes that land in another place of their file, and say that they have succeeded: what a defect of a disk or of its
//! driver does (Bairavasundaram et al., "An Analysis of Data Corruption in the Storage Stack", FAST 2008).

use std::sync::Arc;

use dacapo::seed::{Rng, SeedRng};

use super::content::{self, SharedContent};

#[derive(Default)]
pub(super) struct Misdirected {
    /// How many of a thousand writes are misdirected, and what chooses them.
    pub(super) share: Option<(u32, SeedRng)>,
    /// The files that are hit, with their paths.
    pub(super) files: Vec<(String, SharedContent)>,
    /// The paths of the files that were hit, and for which nobody has asked.
    pub(super) hit: Vec<String>,
}

impl Misdirected {
    /// Returns where a write of so many bytes lands.
    pub(super) fn place(&mut self, file: &SharedContent, position: u64, bytes: usize) -> u64 {
        let (Some((per_mille, rng)), bytes) = (&mut self.share, bytes as u64) else { return position };
        let Some((path, _)) = self.files.iter().find(|(_, content)| Arc::ptr_eq(content, file)) else {
            return position;
        };
        let len = content::lock(file).len();
        if bytes == 0 || position + bytes > len || rng.next_u32() % 1000 >= *per_mille {
            return position;
        }
        let (before, behind) = (position / bytes, (len - position - bytes) / bytes);
        let Some(number) = rng.next_u64().checked_rem(before + behind) else { return position };
        self.hit.push(path.clone());
        let first = position % bytes;
        if number < before { first + number * bytes } else { position + (number - before + 1) * bytes }
    }
}
