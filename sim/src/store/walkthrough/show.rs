//! What people want to see of the disks of a walkthrough.

use std::fmt::Write;

use dacapo::disk::EntryKind;

use super::star;
use crate::disk::SimDisk;

/// Lists the files on a disk, one line each: where they lie, how long they are, and whether their content can be
/// read.
#[must_use]
pub fn disk_tree(disk: &SimDisk) -> String {
    let mut text = String::new();
    for (path, kind, len) in disk.tree() {
        if kind != EntryKind::File || !path.contains('/') {
            continue;
        }
        let content = disk.read(&path).unwrap_or_default();
        let kind = if content == star::CONTENT { "plaintext" } else { "sealed" };
        writeln!(text, "{}  {len:>3} bytes  {kind}", shorten(&path)).expect("writing to a String cannot fail");
    }
    text
}

/// Shortens the 64 digits of the node id, and the 40 or 32 of the name; the folders stay.
fn shorten(path: &str) -> String {
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    for segment in &mut segments {
        if segment.len() > 16 {
            segment.truncate(8);
            segment.push('…');
        }
    }
    segments.join("/")
}
