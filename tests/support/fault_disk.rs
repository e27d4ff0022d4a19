//! A simulated disk on which one call fails, or ends the life of its host.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo::node::Lane;
use dacapo::seed::Seed;
use dacapo_sim::disk::layer::{Layer, LayeredFile};
use dacapo_sim::disk::{SimDisk, SimFile};

/// What happens at the call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Kill,
    PowerLoss(u64),
    /// One call fails, and the ones after it succeed.
    Error(io::ErrorKind),
    /// The call takes effect and fails all the same.
    ErrorAfter(io::ErrorKind),
    /// The call says that it has succeeded, and has no effect.
    Lost,
}

#[derive(Default)]
struct Plan {
    calls: Vec<String>,
    fault: Option<(usize, Fault)>,
    /// The next call whose name begins so fails.
    armed: Option<(&'static str, Fault)>,
    /// Whether the disk is full, so that nothing can be written in a hole of a file or behind its end.
    is_full: bool,
}

#[derive(Clone)]
pub(crate) struct FaultDisk {
    disk: SimDisk,
    /// None if no call fails, and none is noted.
    plan: Option<Arc<Mutex<Plan>>>,
}

impl From<SimDisk> for FaultDisk {
    fn from(disk: SimDisk) -> Self {
        Self { disk, plan: None }
    }
}

dacapo_sim::layered!(FaultDisk);

impl FaultDisk {
    pub(crate) fn new(disk: &SimDisk, fault: Option<(usize, Fault)>) -> Self {
        Self { disk: disk.boot(), plan: Some(Arc::new(Mutex::new(Plan { fault, ..Plan::default() }))) }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.as_ref().expect("a disk that may fail").lock().expect("lock")
    }

    /// Lets the next call fail whose name begins so.
    pub(crate) fn arm(&self, call: &'static str, fault: Fault) {
        self.plan().armed = Some((call, fault));
    }

    /// Lets the call of this number fail.
    pub(crate) fn fail_at(&self, call: usize, fault: Fault) {
        self.plan().fault = Some((call, fault));
    }

    /// Lets each write fail in whose place there is a hole or the end of the file.
    pub(crate) fn fill_up(&self) {
        self.plan().is_full = true;
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.plan().calls.clone()
    }

    fn call<T: Default>(&self, name: impl FnOnce() -> String, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.plan.is_none() {
            return work();
        }
        let fault = {
            let mut plan = self.plan();
            let (index, name) = (plan.calls.len(), name());
            let armed = plan.armed.take_if(|(call, _)| name.starts_with(*call));
            plan.calls.push(name);
            let planned = plan.fault.filter(|(at, _)| *at == index);
            planned.map(|(_, fault)| fault).or(armed.map(|(_, fault)| fault))
        };
        match fault {
            None => work(),
            Some(Fault::Kill) => {
                self.disk.kill();
                work()
            }
            Some(Fault::PowerLoss(seed)) => {
                self.disk.power_loss(&mut Seed::from_u64(seed).rng(Lane::Iv));
                work()
            }
            Some(Fault::Error(kind)) => Err(kind.into()),
            Some(Fault::ErrorAfter(kind)) => {
                work()?;
                Err(kind.into())
            }
            Some(Fault::Lost) => Ok(T::default()),
        }
    }
}

impl Layer for FaultDisk {
    type Below = SimDisk;

    fn below(&self) -> &SimDisk {
        &self.disk
    }
    fn create(&self, path: &DiskPath) -> io::Result<SimFile> {
        self.call(|| format!("create {path}"), || self.disk.create(path).map(Some))?.ok_or(io::ErrorKind::Other.into())
    }
    fn rename(&self, from: &DiskPath, to: &DiskPath) -> io::Result<()> {
        self.call(|| format!("rename {from} {to}"), || self.disk.rename(from, to))
    }
    fn remove(&self, path: &DiskPath) -> io::Result<()> {
        self.call(|| format!("remove {path}"), || self.disk.remove(path))
    }
    fn make_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(|| format!("make_dir {path}"), || self.disk.make_dir(path))
    }
    fn remove_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(|| format!("remove_dir {path}"), || self.disk.remove_dir(path))
    }
    fn sync_dir(&self, path: &DiskPath) -> io::Result<()> {
        self.call(|| format!("sync_dir {path}"), || self.disk.sync_dir(path))
    }
    fn sync_all(&self) -> io::Result<()> {
        self.call(|| "sync_all".to_owned(), || self.disk.sync_all())
    }
    fn read_at(&self, file: &LayeredFile<Self>, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        // Reads change nothing, and are not counted among the calls of a run.
        let is_armed = self.plan.is_some() && self.plan().armed.is_some_and(|(call, _)| call.starts_with("read"));
        match is_armed {
            true => self.call(|| format!("read {}", file.path()), || file.below().read_at(position, buffer)),
            false => file.below().read_at(position, buffer),
        }
    }
    fn write_at(&self, file: &LayeredFile<Self>, position: u64, bytes: &[u8]) -> io::Result<()> {
        let name = || format!("write {} {position} {} {}", file.path(), bytes.len(), blake3::hash(bytes).to_hex());
        let is_full = self.plan.is_some() && self.plan().is_full;
        self.call(name, || {
            let mut before = vec![0; bytes.len()];
            if is_full
                && (file.below().read_at(position, &mut before)? < bytes.len() || before.iter().all(|byte| *byte == 0))
            {
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.below().write_at(position, bytes)
        })
    }
    fn set_len(&self, file: &LayeredFile<Self>, len: u64) -> io::Result<()> {
        self.call(|| format!("set_len {} {len}", file.path()), || file.below().set_len(len))
    }
    fn sync(&self, file: &LayeredFile<Self>) -> io::Result<()> {
        self.call(|| format!("sync {}", file.path()), || file.below().sync())
    }
}
