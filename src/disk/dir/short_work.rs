//! A few threads for work that is short.

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::limits::SHORT_WORK_THREADS;

/// A blocking pool of tokio beside that of the node's runtime. Work that has begun goes on if this value is dropped.
#[derive(Debug)]
pub(super) struct ShortWork {
    /// Runs no task. It is there until this value is dropped.
    pool: Option<Runtime>,
}

impl ShortWork {
    pub(super) fn new() -> std::io::Result<Self> {
        let pool = Builder::new_current_thread().max_blocking_threads(SHORT_WORK_THREADS).build()?;
        Ok(Self { pool: Some(pool) })
    }

    /// Starts work.
    pub(super) fn start<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let pool = self.pool.as_ref().expect("it is there until this value is dropped");
        #[expect(clippy::disallowed_methods, reason = "this is a leaf through which blocking work leaves the thread")]
        pool.spawn_blocking(work)
    }
}

impl Drop for ShortWork {
    fn drop(&mut self) {
        // A runtime must not wait for its threads where tasks run.
        self.pool.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn short_work_has_few_threads_however_much_there_is() {
        let pool = ShortWork::new().expect("a runtime");
        let works: Vec<_> = (0..64).map(|_| pool.start(|| thread::current().id())).collect();
        let mut threads = Vec::new();
        for work in works {
            let thread = work.await.expect("it does not panic");
            if !threads.contains(&thread) {
                threads.push(thread);
            }
        }
        assert!(threads.len() <= SHORT_WORK_THREADS, "{threads:?}");
    }
}
