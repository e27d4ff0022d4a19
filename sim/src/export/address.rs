//! Which host is at an address of the simulated network.

use std::net::SocketAddr;

use crate::host::{Host, name};

/// Returns the name of the host at an address of the simulated network. Turmoil counts addresses from 192.168.0.1, in
/// the order in which the hosts are made; the clients come last.
pub(super) fn host_at(address: SocketAddr, nodes: usize) -> String {
    let last = match address {
        SocketAddr::V4(address) => address.ip().octets()[3],
        SocketAddr::V6(address) => address.ip().octets()[15],
    };
    match Host::from(last).checked_sub(1) {
        Some(host) if host < nodes => name(host),
        _ => address.ip().to_string(),
    }
}
