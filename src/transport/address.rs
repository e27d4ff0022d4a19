//! Addresses as people write them: `host:port`, `[v6]:port`, or `:port` for this machine. Looking up a host name is
//! left to the transport.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::ADDRESS_BYTES_MAX;

/// A checked `host:port`. The host may be a name, which the transport looks up when it dials.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    host: String,
    port: u16,
}

/// Why a text is not an address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text is longer than any DNS name with a port.
    #[error("an address has at most {ADDRESS_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// The length of the text.
        bytes: usize,
    },
    /// There is no colon.
    #[error("an address is host:port, this one has no port")]
    NoPort,
    /// What follows the last colon is not a port.
    #[error("the port of an address is a number from 0 to 65535")]
    BadPort,
    /// The host has a character that no name or IP address has.
    #[error("the host of an address has a character that no host name has")]
    BadHost,
}

impl Address {
    /// Returns the host name or IP address; an IPv6 address is without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong { bytes: text.len() });
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        let port = if port.bytes().all(|byte| byte.is_ascii_digit()) { port.parse().ok() } else { None };
        let port = port.ok_or(AddressError::BadPort)?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let host = match bare {
            Some(v6) if is_v6(v6) => v6,
            None if host.is_empty() => "127.0.0.1",
            None if host.bytes().all(allowed) => host,
            _ => return Err(AddressError::BadHost),
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

/// Tells whether a text is an IPv6 address. One that is valid on one link only may name the interface that leads there,
/// as in `fe80::1%eth0` (RFC 4007, section 11).
fn is_v6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    address.parse::<std::net::Ipv6Addr>().is_ok()
        && zone.is_none_or(|zone| !zone.is_empty() && zone.bytes().all(allowed))
}

impl From<SocketAddr> for Address {
    /// Keeps the interface of an address that is valid on one link only.
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            other => other.ip().to_string(),
        };
        Self { host, port: address.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_people_write_them() {
        for (text, shown) in [
            (":3000", "127.0.0.1:3000"),
            ("node-1.example:7000", "node-1.example:7000"),
            ("[::1]:5000", "[::1]:5000"),
            ("[fe80::1%lo]:5000", "[fe80::1%lo]:5000"),
            ("10.0.0.7:0", "10.0.0.7:0"),
        ] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn an_address_of_one_link_keeps_its_interface() {
        let address = std::net::SocketAddrV6::new("fe80::1".parse().expect("an address"), 5000, 0, 3);
        assert_eq!(Address::from(SocketAddr::V6(address)).to_string(), "[fe80::1%3]:5000");
    }

    #[test]
    fn what_is_not_an_address_says_why() {
        for (text, why) in [
            ("", AddressError::NoPort),
            ("localhost", AddressError::NoPort),
            ("localhost:", AddressError::BadPort),
            ("localhost:+80", AddressError::BadPort),
            ("localhost:65536", AddressError::BadPort),
            ("a b:80", AddressError::BadHost),
            ("::1:80", AddressError::BadHost),
            ("[::1:80", AddressError::BadHost),
            ("[fe80::1%]:80", AddressError::BadHost),
            ("[fe80::1%a b]:80", AddressError::BadHost),
            ("host%lo:80", AddressError::BadHost),
            ("a\0b:80", AddressError::BadHost),
        ] {
            assert_eq!(text.parse::<Address>(), Err(why), "{text:?}");
        }
        assert_eq!("a".repeat(300).parse::<Address>(), Err(AddressError::TooLong { bytes: 300 }));
    }
}
