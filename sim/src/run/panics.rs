//! Panics on the thread of a run, wherever they end: in a task that nobody joins, in the answer to a peer, in a
//! destructor. Whoever catches one, it is a defect, or a file that was damaged and believed.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo, catch_unwind};
use std::sync::Once;

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
    let place = info.location().map_or_else(String::new, place);
    SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| seen.push(format!("a panic at {place}: {message}")))).is_some()
}

/// Returns the place of a panic, which is the same on every machine: the path from the folder of the crate on.
fn place(location: &Location<'_>) -> String {
    let parts: Vec<_> = location.file().split('/').collect();
    let crate_folder = parts.iter().rposition(|part| *part == "src").map_or(0, |source| source.saturating_sub(1));
    format!("{}:{}", parts[crate_folder..].join("/"), location.line())
}

#[cfg(test)]
mod tests {
    use super::*;

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
