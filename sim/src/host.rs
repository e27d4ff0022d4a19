//! The hosts of a run: their numbers, and their names in plans, in traces and on the network.

/// The number of a host, counted from 0.
pub type Host = usize;

/// The largest number of hosts that a plan has.
pub const HOSTS_MAX: usize = 7;

/// Returns the name of a host.
#[must_use]
pub fn name(host: Host) -> String {
    format!("n{host}")
}

/// Returns the host of a name.
#[must_use]
pub fn named(word: &str) -> Option<Host> {
    let host = word.strip_prefix('n')?.parse().ok()?;
    (host < HOSTS_MAX && word == name(host)).then_some(host)
}

/// Returns the IP address of a host in a run. Turmoil hands these out in order, and a host that was dialled by name is
/// dialled back there.
#[must_use]
pub fn ip(host: Host) -> String {
    format!("192.168.0.{}", host + 1)
}
