//! A simulated disk on which something happens just before or just after one call: what another thread would do.

use std::io;
use std::sync::{Arc, Mutex};

use dacapo::disk::{Disk, DiskPath};
use dacapo_sim::disk::SimDisk;
use dacapo_sim::disk::layer::Layer;

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

dacapo_sim::layered!(HookedDisk);

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

impl Layer for HookedDisk {
    type Below = SimDisk;

    fn below(&self) -> &SimDisk {
        &self.disk
    }
    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        self.call(&format!("remove {path}"), || self.disk.remove(path))
    }
    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(&format!("sync_dir {path}"), || self.disk.sync_dir(path))
    }
}
