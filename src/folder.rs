//! Folders: which key a file of a folder has, and where the files of a folder and those of a node differ. Pure: whoever
//! asks has read the folder, and asks the node.
//!
//! Only files and symbolic links have keys. A directory is there because something is in it, as in a Git repository.

mod join;
mod path;
mod sameness;
mod scope;

pub use join::{FolderFile, Join, Pair};
pub use path::{FilePath, FilePathError, Prefix};
pub use sameness::{Sameness, sameness};
pub use scope::Scope;
