//! The bounds of HTTP. Each constant gives its unit in its name and its reason beside it; "chosen" means that no
//! measurement fixes it.

use std::time::Duration;

use crate::limits::CALLS_MAX;

/// Connections that are served at once; a further one is closed at once. Chosen: with the commands that are served at
/// once, fewer than the calls that a node runs at once, so that callers that hang never keep the node's own calls
/// waiting.
pub(super) const HTTP_CONNECTIONS_MAX: usize = CALLS_MAX / 4 + 8;

/// Connections on which events are told at once. Chosen: a third of all, so that those who watch leave room for those
/// who ask.
pub(super) const WATCHERS_MAX: usize = HTTP_CONNECTIONS_MAX / 3;

/// The head of a request comes within this time, also the next one on a connection that is kept.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The head of a request has at most this many bytes, and so many of a content are read at once. Chosen: several times
/// the longest key in percent-encoding and the headers of browsers. Measured at 256 MiB: a put is 1.1 times as fast as
/// with 16 KiB, and with more it is no faster.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A request has at most this many headers. Chosen: several times what browsers send.
pub(super) const HEADERS_MAX: usize = 64;

/// A caller that gives no content for so long is given up, and so is one that takes nothing. Chosen: as long as the
/// control socket waits.
pub(super) const CALLER_IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// How long answers may take to reach their callers after the node has stopped.
pub(super) const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Events that wait for one watcher. One that is slower is told how many it has missed.
pub(super) const EVENTS_QUEUED: usize = 256;

/// How often a watcher hears that the node is still there, if nothing happens. Chosen: below the idle timeouts of
/// common proxies, 60 s.
pub(super) const SIGN_INTERVAL: Duration = Duration::from_secs(15);

/// The shortest token. Chosen: 16 random characters cannot be guessed over a network.
pub(super) const TOKEN_BYTES_MIN: usize = 16;

/// The longest token. Chosen: it fits into a header, and 64 random bytes fit as hex.
pub(super) const TOKEN_BYTES_MAX: usize = 128;

/// How much of a content that is not wanted is read before its sender is told so, in bytes, and for how long. A
/// connection that is closed while content is on its way loses the answer (RFC 9112, 9.6). Chosen: what the buffers of
/// a connection hold.
pub(super) const UNWANTED_BYTES_MAX: usize = 1024 * 1024;
pub(super) const UNWANTED_TIMEOUT: Duration = Duration::from_secs(1);
