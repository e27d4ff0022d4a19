//! Every bound of the node in one place: sizes in bytes, counts, and waits. Each constant gives its unit in its
//! name and its reason beside it. "Chosen" means that no measurement fixes it, and says what would change it.

use std::time::Duration;

/// The protocol version that the hello carries. A peer with another version is refused with both numbers.
pub const PROTOCOL_VERSION: u16 = 1;

/// A key names a file. Chosen: four times the longest file name of ext4, so that a path fits as a key.
pub const KEY_BYTES_MAX: usize = 1024;

/// The longest `host:port` that a node dials: 253 bytes of DNS name (RFC 1035, 2.3.4), a colon, 5 digits.
pub const ADDRESS_BYTES_MAX: usize = 259;

/// The largest file. Chosen: 16 TiB, the largest file of ext4 with 4 KiB blocks, and far below where the
/// 128-bit counter of the cipher could wrap.
pub const FILE_BYTES_MAX: u64 = 16 << 40;

/// The encrypted name, size and time of a file. The longest key, its length, two integers and an IV fit.
pub const METADATA_BYTES_MAX: usize = KEY_BYTES_MAX + 64;

/// One message between peers. The largest carries a replica's metadata; the rest is under 300 bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// What file content is read, encrypted, sent and written by. Measured at 1 GiB to two peers: 64 KiB costs a
/// third more CPU in thread hops, 1 MiB gains nothing and takes four times the memory.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Content up to this size travels with its announcement; beyond it the receiving side has to ask for it first,
/// so that a refusal costs one message. Chosen: one Noise frame, below the socket buffers of every platform.
pub const EAGER_BYTES_MAX: u64 = 60 * 1024;

/// Blobs up to this size lie in the catalog where the layout packs them, and in memory while they are written: up to
/// 64 calls and 256 connections do so at once. Chosen: beyond it writing the bytes costs more than the syncs of a file
/// of their own.
pub const PACKED_BYTES_MAX: usize = 64 * 1024;

/// Chunks that may wait for one slow peer while a file is stored. Two keep the link busy while one is sealed.
pub const CHUNKS_QUEUED_MAX: usize = 3;

/// Connections of peers, after the handshake. Chosen: 7 peers with full pools fit four times over; each costs at most
/// 0.4 MiB.
pub const INBOUND_CONNECTIONS_MAX: usize = 256;

/// Connections that one peer may open and ask on, of those. Chosen: its full pool, and as many again that it has
/// given up and that this node has not noticed yet.
pub const INBOUND_PER_PEER_MAX: usize = 2 * POOL_CONNECTIONS_MAX;

/// Control connections that one peer may keep open to this node. Chosen: one, and those that it has lost and that this
/// node has not noticed yet.
pub const CONTROLS_PER_PEER_MAX: usize = 8;

/// Connections that have said nothing yet which only who knows the cluster secret can say; one more takes the place of
/// the oldest. Chosen: under 1,000 connections a second each has 64 ms from its accept to its first message, which a
/// node sends together with the end of the TCP handshake.
pub const STRANGERS_MAX: usize = 64;

/// Connections that have said so, and have not finished the handshake; one more takes the place of the oldest. Who has
/// recorded such a message can repeat it, and gets no further.
pub const HANDSHAKES_MAX: usize = 64;

/// Dropped connections that are told one by one…
pub const DROPS_TOLD_MAX: u64 = 8;

/// …in this time; how many more there were is told at its end.
pub const DROPS_INTERVAL: Duration = Duration::from_secs(10);

/// Connections per peer that this node asks on. Chosen: enough for sixteen callers to overlap their waits for
/// the peer's disk; further exchanges wait for a free one.
pub const POOL_CONNECTIONS_MAX: usize = 16;

/// Connected peers. Chosen: where nothing else is said every file goes to every peer, so more would be a misconfiguration.
pub const PEERS_MAX: usize = 64;

/// Ids that a node admits by name, and ids that it has forgotten. Chosen: four times the peers that it can have.
pub const MEMBERS_MAX: usize = 4 * PEERS_MAX;

/// Addresses of peers that the data directory names.
pub const DIALS_MAX: usize = PEERS_MAX;

/// The list of members as text: each id has 64 digits and a word before it, each dial an address more.
pub const MEMBERS_FILE_BYTES_MAX: usize = 2 * MEMBERS_MAX * 80 + DIALS_MAX * (80 + ADDRESS_BYTES_MAX) + 64;

/// The file that names the cluster: three lines, and room to see that there are more.
pub const CLUSTER_FILE_BYTES_MAX: usize = 256;

/// An invitation: an address, an id, a secret, a check, and what stands between them.
pub const INVITATION_BYTES_MAX: usize = ADDRESS_BYTES_MAX + 2 * 64 + 64;

/// A peer that was lost still counts for so long where files are placed on a part of the peers. Chosen: a machine starts
/// again within it, and what it held is on fewer peers for no longer.
pub const PLACEMENT_GRACE: Duration = Duration::from_secs(10 * 60);

/// A node that has started waits so long before it places files on a part of its peers: all that are there can have
/// connected by then, and the first one is not taken for the only one. The longest wait between two dials, and a heartbeat.
pub const PLACEMENT_AFTER_START: Duration = Duration::from_secs(15);

/// Calls on a [`Handle`](crate::node::Handle) that run at once; further calls wait in a queue of the same length.
pub const CALLS_MAX: usize = 64;

/// Changes that one catalog commit takes together. Chosen: one per call and per connection that may wait.
pub const COMMIT_BATCH_MAX: usize = 256;

/// Entries that one call of `list` returns. Chosen: a page of the longest keys stays under 2 MiB.
pub const LIST_PAGE_MAX: usize = 1024;

/// Entries of a leaf that one message carries; each has at most 34 bytes.
pub const LEAF_PAGE_MAX: usize = 100;

/// Entries of one leaf that a comparison takes from each side. Chosen: 2 MiB of memory; a leaf of 40 million files.
pub const LEAF_ENTRIES_MAX: usize = 65_536;

/// Peers that are repaired at the same time, one file after the other. Chosen: repair never takes more than half of the
/// connections of a caller, and one slow peer does not keep all others waiting.
pub const REPAIRS_MAX: usize = 2;

/// A repair that failed is tried again after this; the wait doubles with each failure in a row…
pub const REPAIR_RETRY_MIN: Duration = HEARTBEAT_INTERVAL;

/// …up to this. Chosen: four heartbeats. Each attempt at a peer whose disk is full reads every file that it lacks, and
/// offers it.
pub const REPAIR_RETRY_MAX: Duration = Duration::from_secs(20);

/// Deletions that are remembered for one owner, beside those of files that are held for it. Chosen: 128 MiB of catalog.
pub const TOMBSTONES_PER_OWNER_MAX: u64 = 1 << 20;

/// What a replica counts for in a quota beside its bytes. Chosen: its record, its folders and the rest of its last block.
pub const QUOTA_FILE_BYTES: u64 = 4096;

/// First messages of handshakes that are remembered, so that none counts twice. Chosen: 512 KiB of memory; who has
/// recorded fewer gets no place by repeating them.
pub const KNOCKS_REMEMBERED_MAX: usize = 4096;

/// A check reads replicas up to this size; of larger ones it says when they were last verified. Chosen: read from a
/// disk well within the deadline of a message.
pub const CHECK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Small blobs that a conversion of the layout takes in one commit: 4 MiB of memory.
pub const CONVERT_BATCH_MAX: usize = 64;

/// Damaged files that are kept for people to look at; further ones are removed.
pub const QUARANTINE_FILES_MAX: usize = 64;

/// The background scrub begins so long after the start, and again so long after its end. Chosen: every copy is looked
/// at well within a month also where the pace below makes a pass take weeks.
pub const SCRUB_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// What the background scrub reads at most, on average. Chosen: a tenth of a plain hard disk.
pub const SCRUB_BYTES_PER_SECOND: u64 = 16 * 1024 * 1024;

/// The page cache of the catalog. Chosen: holds the records of about 20,000 files.
pub const CATALOG_CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Versions reserved by one durable write of the ceiling. A restart skips at most so many numbers.
pub const VERSIONS_RESERVED: u64 = 1024;

/// Finding and opening a TCP connection. Chosen: three SYN retransmissions of Linux (1 + 2 + 4 seconds) do not
/// fit, one lost SYN does.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// From an open connection to the end of both hellos: three messages of computed work, no disk.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// One message or one chunk may take this long in either direction before the exchange is given up, so an
/// exchange ends after this for each chunk and four messages. A peer that syncs a large file to a slow disk answers
/// within it.
pub const PROGRESS_TIMEOUT: Duration = Duration::from_secs(20);

/// The other side of a control connection answers a heartbeat at the latest after this.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// How late a heartbeat or its answer may be before the peer counts as lost.
pub const HEARTBEAT_GRACE: Duration = Duration::from_secs(5);

/// An idle connection is dropped by the side that asks on it after this…
pub const IDLE_ASKER_TIMEOUT: Duration = Duration::from_secs(60);

/// …and by the other side after this, so that a question never meets a closing connection.
pub const IDLE_SERVER_TIMEOUT: Duration = Duration::from_secs(120);

/// The first wait before a lost or refused peer is dialled again; it doubles each time.
pub const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// The longest such wait, before a jitter of up to half of it is taken off.
pub const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A heartbeat waits so long for the disk to say what is held, and then goes without it. Chosen: together with
/// [`HEARTBEAT_INTERVAL`] well below the deadline of the other side.
pub const HEARTBEAT_PRINT_WAIT: Duration = Duration::from_secs(1);

/// Looks at what is held that may be under way for heartbeats at the same time, so that a disk that hangs for long keeps
/// no more threads. Chosen: each is short on a disk that works.
pub const HEARTBEAT_PRINTS_MAX: usize = 16;
