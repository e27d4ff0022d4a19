//! The lines that wait to be written to the log. A line never waits for room: if there is none, it is counted as
//! dropped, and the count stands where the gap is.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cli::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_QUEUED_MAX};

/// A queue between the threads of the program and the one that writes the log.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Told whenever a line comes, and whenever one has been written.
    changed: Condvar,
}

struct State {
    waiting: VecDeque<Entry>,
    /// Lines that were dropped after the last one that waits.
    dropped: u64,
    is_writing: bool,
}

/// What is to be written next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// How many lines were dropped before this one.
    pub(super) dropped: u64,
    /// The line with its end; empty if only dropped ones are to be told.
    pub(super) line: Vec<u8>,
}

impl Queue {
    pub(super) const fn new() -> Self {
        let state = State { waiting: VecDeque::new(), dropped: 0, is_writing: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds a line, or counts it as dropped. Never waits for the writer.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() == LOG_LINES_QUEUED_MAX {
            state.dropped += 1;
            return;
        }
        let mut kept = line[..line.len().min(LOG_LINE_BYTES_MAX)].to_vec();
        if kept.last() != Some(&b'\n') {
            kept.push(b'\n');
        }
        let dropped = std::mem::take(&mut state.dropped);
        state.waiting.push_back(Entry { dropped, line: kept });
        self.changed.notify_all();
    }

    /// Waits for the next line. The line before it has been written, or has failed.
    pub(super) fn next(&self) -> Entry {
        let mut state = self.lock();
        state.is_writing = false;
        self.changed.notify_all();
        loop {
            let entry = state.waiting.pop_front().or_else(|| {
                let dropped = std::mem::take(&mut state.dropped);
                (dropped > 0).then(|| Entry { dropped, line: Vec::new() })
            });
            if let Some(entry) = entry {
                state.is_writing = true;
                return entry;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until all lines have been written, for `limit` at most.
    pub(super) fn wait_until_written(&self, limit: Duration) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty() || state.dropped > 0;
        // Lines that nobody takes in time are lost with the process.
        drop(self.changed.wait_timeout_while(self.lock(), limit, is_busy));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way, so the state is whole whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_room_are_counted_where_they_are_missing() {
        let queue = Queue::new();
        for number in 0..LOG_LINES_QUEUED_MAX + 3 {
            queue.push(format!("{number}\n").as_bytes());
        }
        assert_eq!(queue.next(), Entry { dropped: 0, line: b"0\n".to_vec() });
        queue.push(b"after");
        for _ in 1..LOG_LINES_QUEUED_MAX {
            assert_eq!(queue.next().dropped, 0);
        }
        assert_eq!(queue.next(), Entry { dropped: 3, line: b"after\n".to_vec() });
    }

    #[test]
    fn dropped_lines_are_told_even_if_no_line_follows() {
        let queue = Queue::new();
        (0..=LOG_LINES_QUEUED_MAX).for_each(|_| queue.push(b"line"));
        (0..LOG_LINES_QUEUED_MAX).for_each(|_| assert_eq!(queue.next().dropped, 0));
        assert_eq!(queue.next(), Entry { dropped: 1, line: Vec::new() });
    }

    #[test]
    fn a_long_line_is_cut() {
        let queue = Queue::new();
        queue.push(&vec![b'x'; 2 * LOG_LINE_BYTES_MAX]);
        assert_eq!(queue.next().line.len(), LOG_LINE_BYTES_MAX + 1);
    }
}
