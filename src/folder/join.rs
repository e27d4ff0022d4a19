//! The files of a folder beside those of a node, by key. The files of the node come page by page, so that only the
//! folder is in memory.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::FilePath;
use crate::crypto::{Attributes, Key};
use crate::node::FileInfo;

/// A file in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// Where it lies.
    pub path: FilePath,
    /// Its length in bytes; that of its target if it is a symbolic link.
    pub size: u64,
    /// What it has beside its content.
    pub attributes: Attributes,
}

/// A key, and who has a file with it.
#[derive(Debug, PartialEq, Eq)]
pub enum Pair {
    /// The folder alone.
    Folder(Key, FolderFile),
    /// The node alone.
    Node(FileInfo),
    /// Both.
    Both(FolderFile, FileInfo),
}

/// Brings the files of a folder and of a node together.
#[derive(Debug)]
pub struct Join {
    files: Peekable<IntoIter<(Key, FolderFile)>>,
}

impl Join {
    /// Begins with the files of a folder, in any order.
    #[must_use]
    pub fn new(mut files: Vec<(Key, FolderFile)>) -> Self {
        files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Self { files: files.into_iter().peekable() }
    }

    /// Takes the next page of the node's files, in the order of their keys, and hands on what is certain by now.
    pub fn page(&mut self, page: Vec<FileInfo>, mut hand: impl FnMut(Pair)) {
        for stored in page {
            while let Some((key, file)) = self.files.next_if(|(key, _)| *key < stored.key) {
                hand(Pair::Folder(key, file));
            }
            match self.files.next_if(|(key, _)| *key == stored.key) {
                Some((_, file)) => hand(Pair::Both(file, stored)),
                None => hand(Pair::Node(stored)),
            }
        }
    }

    /// Returns what is left when the last page has come: files that the folder alone has.
    pub fn rest(self) -> impl Iterator<Item = Pair> {
        self.files.map(|(key, file)| Pair::Folder(key, file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Digest, Version};
    use crate::time::UnixMillis;

    fn key(text: &str) -> Key {
        text.parse().expect("a key")
    }

    fn stored(text: &str) -> FileInfo {
        let (version, modified, digest) = (Version(1), UnixMillis(0), Digest([0; 32]));
        FileInfo { key: key(text), size: 1, version, modified, attributes: None, digest, is_local: true }
    }

    #[test]
    fn each_key_comes_once_whoever_has_it_and_however_the_pages_are_cut() {
        let names = ["a", "a-b", "a/b", "c", "d", "e"];
        for on_folder in 0..64_u32 {
            for on_node in 0..64_u32 {
                for page in 1..4 {
                    let has = |set: u32, index: usize| set & (1 << index) != 0;
                    let of = |set: u32| names.iter().enumerate().filter(move |(index, _)| has(set, *index));
                    // A folder is not read in the order of keys.
                    let files = of(on_folder).rev().map(|(_, name)| {
                        let attributes = Attributes { mode: 0, changed_s: 0, changed_ns: 0 };
                        (key(name), FolderFile { path: FilePath::new(name).expect("a place"), size: 1, attributes })
                    });
                    let mut join = Join::new(files.collect());
                    let mut found = Vec::new();
                    let kept: Vec<_> = of(on_node).map(|(_, name)| stored(name)).collect();
                    for page in kept.chunks(page) {
                        join.page(page.to_vec(), |pair| found.push(pair));
                    }
                    found.extend(join.rest());
                    let found: Vec<_> = found
                        .iter()
                        .map(|pair| match pair {
                            Pair::Folder(key, _) => (key.as_str(), true, false),
                            Pair::Node(info) => (info.key.as_str(), false, true),
                            Pair::Both(file, info) => {
                                assert_eq!(file.path.as_str(), info.key.as_str());
                                (info.key.as_str(), true, true)
                            }
                        })
                        .collect();
                    let expected: Vec<_> = of(on_folder | on_node)
                        .map(|(index, name)| (*name, has(on_folder, index), has(on_node, index)))
                        .collect();
                    assert_eq!(found, expected);
                }
            }
        }
    }
}
