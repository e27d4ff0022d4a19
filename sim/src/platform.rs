//! The platform of a simulated host: turmoil's network, the simulated disk, and a time of day that follows
//! virtual time or stands still.

use dacapo::platform::Platform;
use dacapo::time::UnixMillis;

use crate::disk::SimDisk;
use crate::transport::SimTransport;

/// When every simulation begins: 2026-01-01 00:00:00 UTC.
pub const EPOCH: UnixMillis = UnixMillis(1_767_225_600_000);

/// The time of day of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimClock {
    /// The epoch and the virtual time since the simulation began.
    Virtual,
    /// Always the epoch: two networks of different speed then store the same bytes.
    Frozen,
}

/// What a simulated host runs its node on.
#[derive(Clone, Debug)]
pub struct SimPlatform {
    /// The network.
    pub transport: SimTransport,
    /// The disk, booted for this start of the host.
    pub disk: SimDisk,
    /// The time of day.
    pub clock: SimClock,
}

impl Platform for SimPlatform {
    type Transport = SimTransport;
    type Disk = SimDisk;

    fn transport(&self) -> &SimTransport {
        &self.transport
    }

    fn disk(&self) -> &SimDisk {
        &self.disk
    }

    fn now(&self) -> UnixMillis {
        match self.clock {
            SimClock::Frozen => EPOCH,
            SimClock::Virtual => {
                let elapsed = turmoil::sim_elapsed().map_or(0, |elapsed| elapsed.as_millis());
                UnixMillis(EPOCH.0 + u64::try_from(elapsed).expect("a simulation takes less than an age"))
            }
        }
    }
}
