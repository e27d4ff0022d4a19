//! A bit that was flipped and is to be put right.

use crate::disk::SimDisk;

/// A file as it was when a bit of it was flipped, and as it is since then.
pub(super) struct Flipped {
    pub(super) path: String,
    pub(super) byte_position: u64,
    pub(super) bit: u8,
    pub(super) after: Vec<u8>,
}

impl Flipped {
    /// Flips the bit back, as somebody does who has a copy of the file; but not if there is another file now.
    pub(super) fn put_right(&self, disk: &SimDisk) {
        if disk.read(&self.path).as_ref() == Some(&self.after) {
            disk.flip(&self.path, self.byte_position, self.bit).expect("the file is there, and the byte is in it");
        }
    }
}
