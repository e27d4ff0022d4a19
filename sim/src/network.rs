//! The simulated network of a run, without hosts: turmoil, from one seed.

use std::time::{Duration, SystemTime};

use crate::platform::EPOCH;

/// How many segments and connections may wait at one socket. Turmoil panics if there are more.
const TCP_CAPACITY: usize = 4096;

/// The times of a simulated network.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// A step of the simulation, and the least time that a segment takes.
    pub(crate) tick: Duration,
    /// The most time that a segment takes.
    pub(crate) latency_max: Duration,
    /// The longest run.
    pub(crate) limit: Duration,
}

/// Makes a simulated network without hosts.
pub(crate) fn network(seed: u64, times: &Times) -> turmoil::Sim<'static> {
    turmoil::Builder::new()
        .rng_seed(seed)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_millis(EPOCH.0))
        .tick_duration(times.tick)
        .min_message_latency(times.tick)
        .max_message_latency(times.latency_max)
        .simulation_duration(times.limit)
        .tcp_capacity(TCP_CAPACITY)
        .build()
}
