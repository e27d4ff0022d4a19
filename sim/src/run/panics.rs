//! Panics on the thread of a run, wherever they end: in a task that nobody joins, in the answer to a peer, in a
//! destructor. Whoever catches one, it is a defect, or a file that was damaged and believed.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

/// Where the sources of the standard library lie.
const LIBRARY: &str = "/rustc/";

thread_local! {
    /// The panics of this thread, if they are watched.
    static SEEN: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Watches the panics of this thread until it is dropped. They are not printed meanwhile.
pub(super) struct Watch(());

impl Watch {
    pub(super) fn begin() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if !note(info) {
                    before(info);
                }
            }));
        });
        SEEN.set(Some(Vec::new()));
        Self(())
    }

    /// Does something that may panic; `None` if it did.
    pub(super) fn survive<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(work)).ok()
    }

    /// Returns the first panic since the last call that is not excused, with its message and its place.
    pub(super) fn take(&self, is_excused: impl Fn(&str) -> bool) -> Option<String> {
        SEEN.with_borrow_mut(|seen| seen.as_mut().and_then(|seen| seen.drain(..).find(|panic| !is_excused(panic))))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        SEEN.set(None);
    }
}

/// Notes a panic. Returns whether this thread is watched.
fn note(info: &PanicHookInfo<'_>) -> bool {
    let message = info.payload_as_str().unwrap_or("without a message");
    let place = info.location().map_or_else(String::new, |at| {
        // Some functions of the standard library do not say who has called them.
        let is_library = at.file().starts_with(LIBRARY);
        let caller = is_library.then(|| caller(&Backtrace::force_capture().to_string())).flatten();
        caller.unwrap_or_else(|| place(at.file(), at.line()))
    });
    SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| seen.push(format!("a panic at {place}: {message}")))).is_some()
}

/// Returns the innermost place of a backtrace that is not in the standard library.
fn caller(backtrace: &str) -> Option<String> {
    let is_own = |file: &str| file.contains("/src/run/panics.rs");
    let mut places = backtrace.lines().filter_map(|line| {
        let (file, position) = line.trim_start().strip_prefix("at ")?.split_once(".rs:")?;
        let line = position.split(':').next()?.parse().ok()?;
        Some((format!("{file}.rs"), line))
    });
    // The hook itself is the innermost.
    places.find(|(file, _)| !is_own(file) && !file.starts_with(LIBRARY)).map(|(file, line)| place(&file, line))
}

/// Returns the place of a panic, which is the same on every machine: the path from the folder of the crate on.
fn place(file: &str, line: u32) -> String {
    let parts: Vec<_> = file.split('/').collect();
    let crate_folder = parts.iter().rposition(|part| *part == "src").map_or(0, |source| source.saturating_sub(1));
    format!("{}:{line}", parts[crate_folder..].join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_the_standard_library_is_one_at_the_place_that_has_called_it() {
        let backtrace = "
   4: core::slice::index::slice_start_index_len_fail
             at /rustc/abc/library/core/src/slice/index.rs:50:5
   5: into_slice_range
             at /rustc/abc/library/core/src/slice/index.rs:1031:9
      {closure#0}
             at /somewhere/redb-4.6.0/src/tree_store/page.rs:77:14
   6: dacapo::store::catalog::guarded
             at ./src/store/catalog.rs:9:5";
        assert_eq!(caller(backtrace).as_deref(), Some("redb-4.6.0/src/tree_store/page.rs:77"));
        assert_eq!(caller("   4: without places"), None);
    }

    #[test]
    fn a_panic_is_noted_with_message_and_place_whoever_catches_it() {
        let watch = Watch::begin();
        assert_eq!(watch.survive(|| 7), Some(7));
        assert_eq!(watch.take(|_| false), None);
        for number in 7..9 {
            drop(catch_unwind(|| panic!("number {number}")));
        }
        let line = line!() - 2;
        assert_eq!(
            watch.take(|panic| panic.ends_with('7')),
            Some(format!("a panic at sim/src/run/panics.rs:{line}: number 8"))
        );
        assert_eq!(watch.take(|_| false), None);
    }
}
