//! What changes in a folder, as the operating system tells of it: inotify(7) on Linux.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dacapo::folder::{FilePath, Scope};
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
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

/// What the system has told of.
#[derive(Default)]
pub(super) struct Told {
    /// Where something may have changed.
    pub(super) scope: Scope,
    /// The first places where the content may have changed, whatever time the file has by now.
    pub(super) written: BTreeSet<FilePath>,
}

struct Noticed {
    root: PathBuf,
    told: Mutex<Told>,
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
            Err(error) if !has_vanished(&error) => self.noticed.warn(&error),
            _ => {}
        }
    }

    /// Waits until something has changed, and then until nothing does for a moment. Nothing is lost if this is dropped.
    pub(super) async fn next(&self) -> Told {
        let Noticed { is_any, .. } = &*self.noticed;
        while self.noticed.told().scope.is_empty() {
            is_any.notified().await;
        }
        let latest = Instant::now() + CHANGES_WAIT_MAX;
        while Instant::now() < latest && timeout(CHANGES_QUIET, is_any.notified()).await.is_ok() {}
        self.take()
    }

    /// Begins anew, as if nothing had been noticed so far. Also returns where the content may have changed until then.
    pub(super) fn anew(&self) -> Result<(Self, BTreeSet<FilePath>), CliError> {
        let anew = Self::begin(&self.noticed.root)?;
        Ok((anew, self.take().written))
    }

    fn take(&self) -> Told {
        std::mem::take(&mut *self.noticed.told())
    }

    /// Returns where something may have changed that nobody has waited for so far.
    pub(super) fn scope(&self) -> Scope {
        self.noticed.told().scope.clone()
    }
}

impl Noticed {
    fn new(root: PathBuf) -> Self {
        Self { root, told: Mutex::default(), is_any: Notify::new(), has_warned: AtomicBool::default() }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if is_read(event.kind) => return,
            Ok(event) if event.need_rescan() => self.told().scope = Scope::All,
            Ok(event) => event.paths.iter().for_each(|path| self.look_at(path, event.kind)),
            // What it did not tell of may be anywhere.
            Err(error) => {
                self.warn(&error);
                self.told().scope = Scope::All;
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

    fn look_at(&self, path: &Path, kind: EventKind) {
        let below = path.strip_prefix(&self.root).unwrap_or(Path::new(""));
        // What such a file says holds for its directory.
        let names_others = below.file_name().is_some_and(|name| name == IGNORE_FILE);
        let place = if names_others { below.parent().unwrap_or(below) } else { below };
        let mut told = self.told();
        told.scope.add_nearest(place, CHANGED_PLACES_MAX);
        if !matches!(kind, EventKind::Modify(ModifyKind::Metadata(_)))
            && told.written.len() < CHANGED_PLACES_MAX
            && let Some(Ok(path)) = below.to_str().map(FilePath::new)
        {
            told.written.insert(path);
        }
    }
}

fn in_words(error: &notify::Error) -> String {
    match error.kind {
        ErrorKind::MaxFilesWatch => {
            "it has more directories than the system watches; raise fs.inotify.max_user_watches, see sysctl(8)".into()
        }
        _ => error.to_string(),
    }
}

/// Tells whether what was to be watched is gone by now: the directory above has told of that.
fn has_vanished(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
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

    use notify::event::{CreateKind, DataChange, Flag, MetadataKind};

    use super::*;

    fn scope_of(path: &Path) -> Scope {
        let noticed = Noticed::new("/folder".into());
        noticed.take(Ok(Event::new(EventKind::Create(CreateKind::Any)).add_path(path.to_owned())));
        noticed.told.into_inner().expect("nobody panics").scope
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
        assert!(noticed.told().scope.is_empty());
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        noticed.take(Ok(Event::new(written).add_path("/folder/a".into())));
        assert_eq!(noticed.told().scope, place("a"));
    }

    #[test]
    fn what_was_written_is_told_apart_from_what_got_another_time() {
        let noticed = Noticed::new("/folder".into());
        let touched = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        noticed.take(Ok(Event::new(touched).add_path("/folder/touched".into())));
        for number in 0..2 * CHANGED_PLACES_MAX {
            let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
            noticed.take(Ok(Event::new(written).add_path(format!("/folder/{number}").into())));
        }
        let told = noticed.told();
        assert_eq!((&told.scope, told.written.len()), (&Scope::All, CHANGED_PLACES_MAX));
        assert!(told.written.contains("0") && !told.written.contains("touched"));
    }

    #[test]
    fn what_was_written_is_known_after_a_new_beginning() {
        let folder = tempfile::tempdir().expect("a folder");
        let changes = Changes::begin(folder.path()).expect("begun");
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        changes.noticed.take(Ok(Event::new(written).add_path(folder.path().join("a"))));
        let (anew, written) = changes.anew().expect("begun");
        assert!(anew.scope().is_empty() && written.contains("a"));
    }

    #[test]
    fn a_directory_that_vanishes_before_it_is_watched_is_none_that_is_not_noticed() {
        let of = |kind: io::ErrorKind| notify::Error::io(kind.into());
        assert!(has_vanished(&notify::Error::path_not_found()) && has_vanished(&of(io::ErrorKind::NotFound)));
        assert!(!has_vanished(&of(io::ErrorKind::PermissionDenied)));
        assert!(!has_vanished(&notify::Error::new(ErrorKind::MaxFilesWatch)));
    }

    #[test]
    fn all_is_looked_at_if_the_system_has_more_to_tell_than_it_can() {
        for event in
            [Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)), Err(notify::Error::new(ErrorKind::MaxFilesWatch))]
        {
            let noticed = Noticed::new("/folder".into());
            noticed.take(event);
            assert_eq!(noticed.told().scope, Scope::All);
        }
    }
}
