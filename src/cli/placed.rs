//! A content that lies in the data directory: it is copied from file to file, by the system, which shares the blocks if
//! the file system can. The node compares it meanwhile, as it does with what it sends, unless it came from a peer just
//! now.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dacapo::crypto::{Key, Version};
use tokio::task::yield_now;

use super::control::{Answer, Client, Request};
use super::limits::COPY_BYTES;

/// A content that is being copied, as it was when it was opened.
pub(super) struct Placed {
    pub(super) path: PathBuf,
    pub(super) file: File,
    before: Seen,
}

/// What changes with each write to a file.
type Seen = (u64, (i64, i64), (i64, i64));

impl Placed {
    /// Opens what lies where the node has found the content, if it is still there.
    pub(super) fn open(path: PathBuf) -> Option<Self> {
        let file = File::open(&path).ok()?;
        let before = seen(&file).ok()?;
        Some(Self { path, file, before })
    }

    /// Copies all of it, and hears signals meanwhile. Returns false if it is shorter than what was found, or if the
    /// copy fails: the node reads it once more then, or asks its peers, and what cannot be written fails once more.
    /// `moved` is told how many bytes have come.
    #[expect(clippy::disallowed_methods, reason = "a copy waits for nothing, and signals have to be heard")]
    pub(super) async fn copy(&mut self, size: u64, to: &mut File, moved: impl Fn(usize)) -> bool {
        let mut found = 0;
        while found < size {
            let mut part = (&mut self.file).take(COPY_BYTES.min(size - found));
            let copied = io::copy(&mut part, to).unwrap_or(0);
            if copied == 0 {
                return false;
            }
            found += copied;
            moved(usize::try_from(copied).unwrap_or(usize::MAX));
            yield_now().await;
        }
        true
    }

    /// Tells whether what was copied is what was found: the node has compared the place once more meanwhile, nobody has
    /// written to the file, and the version still counts. A newer version gets the place after the catalog has it, so
    /// one that counts is what was opened. Whatever else the node says, it is asked for the content then.
    pub(super) async fn is_good(&self, client: &mut Client, data: &Path, key: &Key, version: Version) -> bool {
        if !matches!(client.answer().await, Ok(Answer::Compared)) {
            return false;
        }
        // The copy may have taken longer than the node waits for the next request.
        let Ok(mut client) = Client::ask(data, &Request::Stat { key: key.clone() }).await else { return false };
        match client.answer().await {
            Ok(Answer::File(info)) => {
                info.version == version && seen(&self.file).is_ok_and(|after| after == self.before)
            }
            _ => false,
        }
    }
}

fn seen(file: &File) -> io::Result<Seen> {
    let found = file.metadata()?;
    Ok((found.len(), (found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())))
}
