//! Bounds of connections.

use std::time::Duration;

/// Connections of peers on which one side asks, after the handshake. One more takes the place of that on which longest
/// nothing was asked, and of one on which this node asks only if there is no other. Chosen: 16 peers with full pools
/// fit; each costs at most 0.4 MiB.
pub const INBOUND_CONNECTIONS_MAX: usize = 256;

/// Control connections of peers, after the handshake. A peer that has one gets another only while there are more free
/// places than peers that there can be. Chosen: two of each peer.
pub const INBOUND_CONTROLS_MAX: usize = 128;

/// Those of the [`INBOUND_CONNECTIONS_MAX`] that one peer may open and ask on, and as many that it may open for this
/// node to ask on. Chosen: a full pool, and as many again that the peer has given up and this node has not noticed yet.
pub const INBOUND_PER_PEER_MAX: usize = 2 * POOL_CONNECTIONS_MAX;

/// Control connections that one peer may keep open to this node. Chosen: one, and some that the peer has lost and this
/// node has not noticed yet.
pub const CONTROLS_PER_PEER_MAX: usize = 8;

/// Connections of one peer that have not come to their end, those of its earlier starts among them, whose places are
/// free already. Chosen: as many again as a start may have.
pub const INBOUND_OPEN_PER_PEER_MAX: usize = 2 * (2 * INBOUND_PER_PEER_MAX + CONTROLS_PER_PEER_MAX);

/// Starts of one peer that are remembered, so that a start ends the connections of the earlier ones only once. Chosen:
/// more nodes than run with one identity by mistake.
pub const BOOTS_PER_PEER_MAX: usize = 8;

/// Connections that have not yet sent a message that proves knowledge of the cluster secret; a further connection takes
/// the place of the oldest one of the address that has most. Chosen: if one address opens 1,000 a second, each of its
/// connections has about 64 ms from its accept to its first message, which a node sends together with the end of the
/// TCP handshake; and one of another address keeps its place for as long as a handshake may take.
pub const STRANGERS_MAX: usize = 64;

/// Connections that have sent that message and have not finished the handshake; a further connection takes the place of
/// the oldest one of the address that has most. A recorded message can be repeated, but leads no further.
pub const HANDSHAKES_MAX: usize = 64;

/// Dropped connections that are told one by one in each [`DROP_LOG_INTERVAL`]. Chosen: enough to see a cause.
pub const DROP_LOG_TOLD_MAX: u64 = 8;

/// The time in which [`DROP_LOG_TOLD_MAX`] counts. At its end the node tells how many more connections were dropped.
/// Chosen: a flood makes nine lines in this time.
pub const DROP_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Connections to one peer on which this node asks. Chosen: enough for sixteen callers to overlap their waits for the
/// peer's disk; further exchanges wait for a free connection.
pub const POOL_CONNECTIONS_MAX: usize = 16;

/// The longest time that the other side of a control connection takes to answer a heartbeat.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// How long a peer is away before this node asks the others where it is. Chosen: longer than the longest wait between
/// two dials, so that a peer that has only started again is there before.
pub const SEEK_AFTER: Duration = Duration::from_secs(20);

/// How long after a start of this node a peer that it remembers is looked for if it has not come by itself. Chosen: one
/// heartbeat, since nobody may know where this node listens now.
pub const SEEK_AFTER_START: Duration = HEARTBEAT_INTERVAL;

/// How long a place where a peer was looked for is left alone, and so is what the same source says of the peer. Chosen:
/// a source that names wrong places has this node dial in vain twice a minute for each peer.
pub const SEEK_RETRY: Duration = Duration::from_secs(30);

/// Peers that one heartbeat asks for; the next one asks for the others. Chosen: the addresses of all of them fit into a
/// message.
pub const SOUGHT_MAX: usize = 8;

/// Hints that are followed at one time. Chosen: a name that is slowly looked up keeps few threads.
pub const FOLLOWED_MAX: usize = 8;
