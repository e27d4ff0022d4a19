//! A simulated disk on which something happens just before or just after one call: what another thread would do.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use dacapo::disk::{Disk, DiskPath, Entry};
use dacapo_sim::disk::{SimDisk, SimFile};

/// On which side of the call it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

struct Hook {
    when: When,
    call: String,
    work: Box<dyn FnOnce() + Send>,
}

#[derive(Clone)]
pub(crate) struct HookedDisk {
    disk: SimDisk,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl HookedDisk {
    pub(crate) fn new(disk: &SimDisk) -> Self {
        Self { disk: disk.boot(), hook: Arc::default() }
    }

    /// Does `work` once, at the next call of that name.
    pub(crate) fn hook(&self, when: When, call: String, work: impl FnOnce() + Send + 'static) {
        *self.hook.lock().expect("lock") = Some(Hook { when, call, work: Box::new(work) });
    }

    /// Whether the call has not come.
    pub(crate) fn is_hooked(&self) -> bool {
        self.hook.lock().expect("lock").is_some()
    }

    fn call(&self, name: &str, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.happen(When::Before, name);
        let result = work();
        self.happen(When::After, name);
        result
    }

    fn happen(&self, when: When, name: &str) {
        // The lock is free again while the work makes calls of its own.
        let hook = self.hook.lock().expect("lock").take_if(|hook| hook.when == when && hook.call == name);
        if let Some(hook) = hook {
            (hook.work)();
        }
    }
}

impl fmt::Debug for HookedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookedDisk")
    }
}

impl Disk for HookedDisk {
    type File = SimFile;

    fn create(&self, path: &DiskPath) -> io::Result<SimFile> {
        self.disk.create(path)
    }
    fn open(&self, path: &DiskPath) -> io::Result<SimFile> {
        self.disk.open(path)
    }
    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        self.call(&format!("remove {path}"), || self.disk.remove(path))
    }
    fn make_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.disk.make_dir(path)
    }
    fn remove_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.disk.remove_dir(path)
    }
    fn list(&self, path: &DiskPath) -> io::Result<Vec<Entry>> {
        self.disk.list(path)
    }
    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(&format!("sync_dir {path}"), || self.disk.sync_dir(path))
    }
    fn sync_all(&self) -> io::Result<()> {
        self.disk.sync_all()
    }
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        work()
    }
}
