//! Damage to files at rest, both to what a read returns and to what is durable.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use dacapo::disk::DiskPath;

use super::content::{self, PAGE_BYTES, SharedContent};
use super::tree::{Node, Tree};
use super::{SimDisk, segments};

impl SimDisk {
    /// Swaps the content of two files.
    ///
    /// # Errors
    /// If one of them is not a file.
    pub fn swap(&self, one: &str, other: &str) -> io::Result<()> {
        let state = self.state();
        let (first, second) = (file(&state.tree, one)?, file(&state.tree, other)?);
        if !Arc::ptr_eq(&first, &second) {
            std::mem::swap(&mut *content::lock(&first), &mut *content::lock(&second));
        }
        Ok(())
    }

    /// Flips the lowest bit of one byte of a file.
    ///
    /// # Errors
    /// If there is no such file, or the byte is not in it.
    pub fn corrupt(&self, path: &str, byte_position: u64) -> io::Result<()> {
        self.flip(path, byte_position, 0)
    }

    /// Flips one bit of one byte of a file; bit 0 is the lowest.
    ///
    /// # Errors
    /// If there is no such file, or the byte is not in it.
    pub fn flip(&self, path: &str, byte_position: u64, bit: u8) -> io::Result<()> {
        content::lock(&file(&self.state().tree, path)?).flip_bit(byte_position, bit)
    }

    /// Makes the page of 4 KiB that has this byte zeros, as far as the file goes.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn zero(&self, path: &str, byte_position: u64) -> io::Result<()> {
        let content = file(&self.state().tree, path)?;
        let mut content = content::lock(&content);
        let begin = byte_position - byte_position % PAGE_BYTES as u64;
        let count = content.len().saturating_sub(begin).min(PAGE_BYTES as u64);
        let zeros = vec![0; usize::try_from(count).expect("at most a page")];
        content.write(begin, &zeros, u64::MAX)?;
        content.sync();
        Ok(())
    }

    /// Cuts a file after this many bytes.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        let content = file(&self.state().tree, path)?;
        let mut content = content::lock(&content);
        content.set_len(len)?;
        content.sync();
        Ok(())
    }

    /// Makes the page of a file that has this byte unreadable, until it is written again.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn lose_sector(&self, path: &str, byte_position: u64) -> io::Result<()> {
        content::lock(&file(&self.state().tree, path)?).lose_sector(byte_position);
        Ok(())
    }

    /// Whether a file is there and cannot be read to its end.
    #[must_use]
    pub fn is_unreadable(&self, path: &str) -> bool {
        file(&self.state().tree, path).is_ok_and(|content| !content::lock(&content).is_readable(0, usize::MAX))
    }

    /// Removes the name of a file.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn lose(&self, path: &str) -> io::Result<()> {
        let mut segments: Vec<&str> = segments(path).collect();
        let name = segments.pop().ok_or(ErrorKind::IsADirectory)?;
        let folder = segments.into_iter().fold(DiskPath::root(), |folder, segment| folder.child(segment));
        let tree = &mut self.state().tree;
        tree.remove(&folder.child(name))?;
        tree.sync_dir(&folder)
    }
}

fn file(tree: &Tree, path: &str) -> io::Result<SharedContent> {
    match tree.find(segments(path))? {
        Node::File(content) => Ok(content),
        Node::Dir(_) => Err(ErrorKind::IsADirectory.into()),
    }
}
