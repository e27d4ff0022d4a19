//! The platform of a real node: TCP, a directory, and the clock and the entropy of the machine.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{ENTROPY_BYTES, Entropy, Platform};
use crate::disk::Disk;
use crate::disk::dir::DirDisk;
use crate::time::UnixMillis;
use crate::transport::tcp::Tcp;

/// This machine: its network, one of its directories, and its clock.
#[derive(Clone, Debug)]
pub struct Machine<D = DirDisk> {
    transport: Tcp,
    disk: D,
    entropy: fn() -> io::Result<Entropy>,
}

impl<D> Machine<D> {
    /// Makes the platform of a node that keeps its data on `disk`.
    #[must_use]
    pub fn new(disk: D) -> Self {
        Self { transport: Tcp, disk, entropy: draw_entropy }
    }

    /// Makes the platform of a node for which all chance comes from its seed, so that a run can be repeated. Two runs
    /// with one seed use the same IVs for different contents: their files must not be secret.
    #[must_use]
    pub fn repeatable(disk: D) -> Self {
        Self { entropy: || Ok(Entropy([0; ENTROPY_BYTES])), ..Self::new(disk) }
    }
}

impl<D: Disk> Platform for Machine<D> {
    type Transport = Tcp;
    type Disk = D;

    fn transport(&self) -> &Tcp {
        &self.transport
    }

    fn disk(&self) -> &D {
        &self.disk
    }

    fn now(&self) -> UnixMillis {
        time_of_day()
    }

    fn entropy(&self) -> io::Result<Entropy> {
        (self.entropy)()
    }
}

/// Asks the operating system, whose generator is told by the hypervisor if a machine is resumed from a snapshot.
fn draw_entropy() -> io::Result<Entropy> {
    let mut entropy = Entropy([0; ENTROPY_BYTES]);
    getrandom::fill(&mut entropy.0)?;
    Ok(entropy)
}

/// Returns the time of day of this machine. A clock before 1970 shows as 1970: the time is for people only.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the platform that real time comes from")]
pub fn time_of_day() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
