//! What changes in a folder, as the operating system tells of it: inotify(7) on Linux.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dacapo::folder::Scope;
use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::excluded::IGNORE_FILE;
use crate::cli::error::CliError;
use crate::cli::limits::{CHANGED_PLACES_MAX, CHANGES_QUIET, CHANGES_WAIT_MAX};
use crate::cli::logging;

/// Where something may have changed, while this exists.
pub(super) struct Changes {
    noticed: Arc<Noticed>,
    watcher: Mutex<RecommendedWatcher>,
}

struct Noticed {
    root: PathBuf,
    scope: Mutex<Scope>,
    is_any: Notify,
    has_warned: AtomicBool,
}

impl Changes {
    /// Begins to notice what changes in a folder itself, whose path is a whole one without symbolic links.
    pub(super) fn begin(root: &Path) -> Result<Self, CliError> {
        let failed = |error: notify::Error| CliError::NotNoticed { path: root.to_owned(), reason: in_words(&error) };
        let noticed = Arc::new(Noticed::new(root.to_owned()));
        let taker = noticed.clone();
        let mut watcher = RecommendedWatcher::new(move |event| taker.take(event), Config::default()).map_err(failed)?;
        watcher.watch(root, RecursiveMode::NonRecursive).map_err(failed)?;
        Ok(Self { noticed, watcher: Mutex::new(watcher) })
    }

    /// Begins to notice what changes in a directory below. Whoever then reads it misses nothing.
    pub(super) fn notice_in(&self, directory: &Path) {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        match watcher.watch(directory, RecursiveMode::NonRecursive) {
            Err(error) if !matches!(error.kind, notify::ErrorKind::PathNotFound) => self.noticed.warn(&error),
            _ => {}
        }
    }

    /// Waits until something has changed, and then until nothing does for a moment. Nothing is lost if this is dropped.
    pub(super) async fn next(&self) -> Scope {
        let Noticed { is_any, .. } = &*self.noticed;
        while self.noticed.scope().is_empty() {
            is_any.notified().await;
        }
        let latest = Instant::now() + CHANGES_WAIT_MAX;
        while Instant::now() < latest && timeout(CHANGES_QUIET, is_any.notified()).await.is_ok() {}
        std::mem::take(&mut *self.noticed.scope())
    }
}

impl Noticed {
    fn new(root: PathBuf) -> Self {
        Self { root, scope: Mutex::default(), is_any: Notify::new(), has_warned: AtomicBool::default() }
    }

    fn scope(&self) -> MutexGuard<'_, Scope> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if is_read(event.kind) => return,
            Ok(event) if event.need_rescan() => *self.scope() = Scope::All,
            Ok(event) => event.paths.iter().for_each(|path| self.look_at(path)),
            // What it did not tell of may be anywhere.
            Err(error) => {
                self.warn(&error);
                *self.scope() = Scope::All;
            }
        }
        self.is_any.notify_one();
    }

    /// Says once that something is not noticed.
    fn warn(&self, error: &notify::Error) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            let (root, reason) = (self.root.display(), in_words(error));
            logging::warn("", format_args!("not all changes in {root} are noticed at once: {reason}"));
        }
    }

    fn look_at(&self, path: &Path) {
        let below = path.strip_prefix(&self.root).unwrap_or(Path::new(""));
        // What such a file says holds for its directory.
        let names_others = below.file_name().is_some_and(|name| name == IGNORE_FILE);
        let place = if names_others { below.parent().unwrap_or(below) } else { below };
        self.scope().add_nearest(place, CHANGED_PLACES_MAX);
    }
}

fn in_words(error: &notify::Error) -> String {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "it has more directories than the system watches; raise fs.inotify.max_user_watches, see sysctl(8)".into()
        }
        _ => error.to_string(),
    }
}

/// Tells whether a file was only read, as this program does itself.
fn is_read(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use dacapo::folder::FilePath;
    use notify::event::{CreateKind, Flag};

    use super::*;

    fn scope_of(path: &Path) -> Scope {
        let noticed = Noticed::new("/folder".into());
        noticed.take(Ok(Event::new(EventKind::Create(CreateKind::Any)).add_path(path.to_owned())));
        std::mem::take(&mut *noticed.scope())
    }

    fn place(text: &str) -> Scope {
        FilePath::new(text).expect("a place").into()
    }

    #[test]
    fn what_has_changed_is_looked_at_and_what_was_read_is_not() {
        assert_eq!(scope_of(Path::new("/folder/a/b")), place("a/b"));
        assert_eq!(scope_of(Path::new("/folder/./a")), place("a"));
        assert_eq!(scope_of(Path::new("/folder")), Scope::All);
        assert_eq!(scope_of(Path::new("/folder/a/.dacapoignore")), place("a"));
        assert_eq!(scope_of(Path::new("/folder/.dacapoignore")), Scope::All);
        assert_eq!(scope_of(Path::new(OsStr::from_bytes(b"/folder/a/\xff/b"))), place("a"));
        let noticed = Noticed::new("/folder".into());
        let read = EventKind::Access(AccessKind::Open(AccessMode::Read));
        noticed.take(Ok(Event::new(read).add_path("/folder/a".into())));
        assert!(noticed.scope().is_empty());
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        noticed.take(Ok(Event::new(written).add_path("/folder/a".into())));
        assert_eq!(*noticed.scope(), place("a"));
    }

    #[test]
    fn all_is_looked_at_if_the_system_has_more_to_tell_than_it_can() {
        for event in [
            Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)),
            Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)),
        ] {
            let noticed = Noticed::new("/folder".into());
            noticed.take(event);
            assert_eq!(*noticed.scope(), Scope::All);
        }
    }
}
