//! The platform of a simulated host: turmoil's network, the simulated disk, and a time of day that follows
//! virtual time or stands still. All chance comes from the seed of the run.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use dacapo::disk::Disk;
use dacapo::platform::{ENTROPY_BYTES, Entropy, Platform};
use dacapo::time::UnixMillis;
use dacapo::transport::Transport;

use crate::disk::SimDisk;
use crate::transport::SimTransport;

/// The moment at which every simulation begins: 2026-01-01 00:00:00 UTC.
pub const EPOCH: UnixMillis = UnixMillis(1_767_225_600_000);

/// The time of day of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimClock {
    /// The epoch and the virtual time since the simulation began.
    Virtual,
    /// Always the epoch: two networks of different speed then store the same bytes.
    Frozen,
    /// The epoch, the virtual time, and this many milliseconds, which can change while the host runs.
    Skewed(Rc<Cell<i64>>),
}

/// No fresh entropy: all chance comes from the seed of the run.
pub const NOTHING_FRESH: Option<Entropy> = Some(Entropy([0; ENTROPY_BYTES]));

/// What a simulated host runs its program on.
#[derive(Clone)]
pub struct SimPlatform<T = SimTransport, D = SimDisk> {
    /// The network.
    pub transport: T,
    /// The disk, booted for this start of the host.
    pub disk: D,
    /// The time of day.
    pub clock: SimClock,
    /// What its operating system gives as fresh entropy; `None` if it gives none.
    pub entropy: Option<Entropy>,
}

impl<T: Transport, D: Disk> Platform for SimPlatform<T, D> {
    type Transport = T;
    type Disk = D;

    fn transport(&self) -> &T {
        &self.transport
    }

    fn disk(&self) -> &D {
        &self.disk
    }

    fn now(&self) -> UnixMillis {
        match &self.clock {
            SimClock::Frozen => EPOCH,
            SimClock::Virtual => UnixMillis(EPOCH.0 + elapsed_ms()),
            SimClock::Skewed(by_ms) => UnixMillis((EPOCH.0 + elapsed_ms()).saturating_add_signed(by_ms.get())),
        }
    }

    fn entropy(&self) -> io::Result<Entropy> {
        self.entropy.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }
}

/// Returns the virtual time since the beginning of the run; zero outside a run.
#[must_use]
pub fn elapsed() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

pub(crate) fn elapsed_ms() -> u64 {
    u64::try_from(elapsed().as_millis()).expect("a simulation takes less than an age")
}
