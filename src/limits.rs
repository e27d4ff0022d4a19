//! Every bound of the node in one place: sizes in bytes, counts, and waits. Each constant gives its unit in its name
//! and its reason beside it. "Chosen" means that no measurement fixes the value. Enforcing a bound is left to the
//! module that uses it.

mod connections;
mod repair;

use std::time::Duration;

pub use connections::*;
pub use repair::*;

/// The protocol version that the hello carries. A peer with another version is refused with both numbers.
pub const PROTOCOL_VERSION: u16 = 2;

/// The longest key, which names a file. Chosen: four times the longest file name of ext4, so that a path fits as a key.
pub const KEY_BYTES_MAX: usize = 1024;

/// The longest `host:port` that a node dials: 253 bytes of DNS name (RFC 1035, 2.3.4), a colon, 5 digits.
pub const ADDRESS_BYTES_MAX: usize = 259;

/// The largest file. Chosen: 16 TiB, the largest file of ext4 with 4 KiB blocks, and far below the size at which the
/// 128-bit counter of the cipher could wrap.
pub const FILE_BYTES_MAX: u64 = 16 << 40;

/// The longest sealed metadata: the name, size and time of a file. The longest key, its length, two integers and an IV
/// fit.
pub const METADATA_BYTES_MAX: usize = KEY_BYTES_MAX + 64;

/// The longest message between peers. The longest ones carry a page of a leaf (3,400 bytes), the prints of a group, or
/// a replica's metadata; the rest is under 300 bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// The piece in which file content is read, encrypted, sent and written. Measured at 1 GiB to two peers: 64 KiB costs a
/// third more CPU in thread hops, 1 MiB gains nothing and takes four times the memory.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// The largest content that is sent together with its announcement. The receiving side has to ask for larger content
/// first, so that a refusal costs one message. Chosen: two records of the link, below the socket
/// buffers of every platform.
pub const EAGER_BYTES_MAX: u64 = 60 * 1024;

/// The largest blob that lies in the catalog if the layout packs blobs. It is in memory while it is written, which up
/// to 64 calls and 256 connections do at once. Chosen: above this size writing the bytes costs more than the syncs of a
/// separate file.
pub const PACKED_BYTES_MAX: usize = 64 * 1024;

/// Chunks that may wait for one slow peer while a file is stored. Chosen: two keep the link busy while one is sealed.
pub const CHUNKS_QUEUED_MAX: usize = 3;

/// Connected peers. Chosen: by default every file goes to every peer, so more would be a misconfiguration.
pub const PEERS_MAX: usize = 64;

/// Ids that a node admits by name, as many that it has forgotten, and as many others that were ever connected. Chosen:
/// four times the peers that it can have.
pub const MEMBERS_MAX: usize = 4 * PEERS_MAX;

/// Ids that were ever connected, as the catalog has them. Room for those that the list admits or dials by name, those
/// that were forgotten, the others, and those that came at the same moment for the last place.
pub const MET_PEERS_MAX: usize = 4 * MEMBERS_MAX;

/// Addresses of peers that the data directory names. Chosen: one for each peer.
pub const DIALS_MAX: usize = PEERS_MAX;

/// The longest list of members as text: each id has 64 digits and a word before it, and each dial an address as well.
pub const MEMBERS_FILE_BYTES_MAX: usize = 2 * MEMBERS_MAX * 80 + DIALS_MAX * (80 + ADDRESS_BYTES_MAX) + 64;

/// The longest file that names the cluster: three lines, and room to notice that there are more.
pub const CLUSTER_FILE_BYTES_MAX: usize = 256;

/// The longest invitation: an address, an id, a secret, a check, and the separators.
pub const INVITATION_BYTES_MAX: usize = ADDRESS_BYTES_MAX + 2 * 64 + 64;

/// How long a lost peer still counts if only some of the peers are to hold a file. Chosen: a machine restarts within
/// this time, and the files that it held are on fewer peers for no longer.
pub const PLACEMENT_GRACE: Duration = Duration::from_secs(10 * 60);

/// How long after its start a node waits before it places files on some of its peers, so that all peers can have
/// connected and the first one is not taken for the only one. Chosen: the longest wait between two dials, and a
/// heartbeat.
pub const PLACEMENT_AFTER_START: Duration = Duration::from_secs(15);

/// Calls on a [`Handle`](crate::node::Handle) that run at once; further calls wait in a queue of that length.
pub const CALLS_MAX: usize = 64;

/// Changes that one catalog commit takes together. Chosen: about one for each call and each connection that may wait.
pub const COMMIT_BATCH_MAX: usize = 256;

/// Threads for work on the disk that is short, such as a look into the catalog: one waits for a commit, and the other
/// one goes on meanwhile. Measured with 10,000 files of 4 KiB, packed, on two processors and in memory: two threads
/// store 1.25 times as many files a second as one thread for each piece of work, in three quarters of the memory.
pub const SHORT_WORK_THREADS: usize = 2;

/// Entries that one call of `list` returns. Chosen: a page of the longest keys stays under 2 MiB.
pub const LIST_PAGE_MAX: usize = 1024;

/// Deletions that are remembered for one owner; a deletion of a file that is held is remembered beyond this bound.
/// Chosen: 128 MiB of catalog.
pub const TOMBSTONES_PER_OWNER_MAX: u64 = 1 << 20;

/// How long a deletion is remembered at least, after every peer has come to know it. A disk that is put back from an
/// older copy may bring back what was deleted since. Chosen: most copies that are put back are younger.
pub const DELETIONS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The bytes that a replica counts for in a quota beside its content. Chosen: its record, its folders and the rest of
/// its last block.
pub const QUOTA_FILE_BYTES: u64 = 4096;

/// First messages of handshakes that are remembered, so that each is good for one connection. Chosen: 512 KiB of
/// memory; an attacker that has recorded fewer gains no place by repeating them.
pub const HANDSHAKES_REMEMBERED_MAX: usize = 4096;

/// The largest replica that a check reads, and the part of a larger one that a verification reads for one answer; a
/// check of a larger one says when it was last verified. Chosen: read from a disk well within the deadline of a
/// message.
pub const CHECK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Small blobs that a conversion of the layout takes in one commit. Chosen: 4 MiB of memory.
pub const CONVERT_BATCH_MAX: usize = 64;

/// Files that are set aside for people to look at. Further replicas are removed, because their owners send them again;
/// nothing else is, because it may be the only copy of something.
pub const QUARANTINE_FILES_MAX: usize = 64;

/// What the store has to tell and nobody has asked for. Chosen: more at one time say nothing new.
pub const NEWS_MAX: usize = 64;

/// Damaged catalogs that are kept. With one more the node does not start, because each may have what is nowhere else.
/// Chosen: a disk that damages so many needs a person.
pub const QUARANTINE_CATALOGS_MAX: usize = 8;

/// How deep a tree of the catalog may be if it is read page by page. Source: `MAX_BTREE_DEPTH` of redb is above what
/// its largest file needs; a damaged page leads no deeper.
pub const CATALOG_DEPTH_MAX: usize = 64;

/// The wait from the end of a full scrub to the next one in the background. Chosen: every copy is looked at well within
/// a month, even if the pace below makes a pass take weeks.
pub const SCRUB_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait before a background scrub begins or goes on after a start. Chosen: a node that is used for a quarter of an
/// hour each day comes further each day.
pub const SCRUB_PAUSE_MIN: Duration = Duration::from_secs(10 * 60);

/// How often a background scrub makes durable how far it has come. Chosen: a stop takes at most a gigabyte of reading.
pub const SCRUB_SAVE_INTERVAL: Duration = Duration::from_secs(60);

/// The longest that a full scrub may take by its pace. Chosen: a month, within which a second copy seldom rots too.
pub const SCRUB_PASS_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Replicas that were found good and are made durable as such in one commit. Chosen: 100 KiB of memory.
pub const VERIFIED_MAX: usize = 1024;

/// How often that is made durable if it is less. Chosen: a commit that nobody notices.
pub const VERIFIED_SAVE_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Replicas without a record that are set aside: no more, so that the quarantine keeps room for what is damaged.
pub const STRAYS_ASIDE_MAX: usize = QUARANTINE_FILES_MAX / 2;

/// The smallest and the largest catalog that a scrub compacts. Chosen: a smaller one gains nothing, and a larger one
/// would keep calls waiting for more than a few seconds.
pub const COMPACT_BYTES_MIN: u64 = 16 * 1024 * 1024;
/// See [`COMPACT_BYTES_MIN`].
pub const COMPACT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The most that the background scrub reads on average, unless a pass would then take longer than [`SCRUB_PASS_MAX`].
/// Chosen: a tenth of what a plain hard disk reads.
pub const SCRUB_BYTES_PER_SECOND: u64 = 16 * 1024 * 1024;

/// The page cache of the catalog. Chosen: it holds the records of about 20,000 files.
pub const CATALOG_CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Up to this length all of the catalog is read at a start, but the bytes of small files; a larger one is read by the
/// next scrub. Chosen: a start with 100,000 files takes a tenth of a second longer.
pub const CATALOG_VERIFIED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Versions reserved by one durable write of the ceiling. Chosen: a restart skips at most this many numbers, and so
/// many milliseconds take about as long as a restart, so restarts do not carry the numbers ahead of the time of day.
pub const VERSIONS_RESERVED: u64 = 128;

/// How far above the time of day in milliseconds the versions of a node go on that has lost its catalog. Chosen: it
/// gave out less than a thousand versions a second before, and restarts carry the numbers ahead of the clock by
/// seconds.
pub const VERSIONS_AHEAD_MAX: u64 = 60_000;

/// Versions of which a node remembers what they were for while its clock is behind them. Chosen: 3 MiB of memory.
pub const VERSIONS_NOTED_MAX: usize = 65_536;

/// Reserved ranges of versions that the catalog tells apart. Chosen: 20 KiB; a node that starts once a day fills them
/// in three years, and what lies between the oldest two then counts as reserved.
pub const VERSION_RANGES_MAX: usize = 1024;

/// The deadline for finding and opening a TCP connection. Chosen: one lost SYN fits, three SYN retransmissions of Linux
/// (1 + 2 + 4 seconds) do not.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a dial has to itself before the peer is asked to open a connection as well. Chosen: longer than the three
/// round trips of a connection and its handshake take to the other side of the Earth, 0.3 seconds each.
pub const DIAL_HEAD_START: Duration = Duration::from_millis(1500);

/// The deadline from an open connection to the end of both hellos. Chosen: three messages that take computing and no
/// disk.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The deadline for one message or one chunk in either direction; after it the exchange is given up. So an exchange
/// ends after this time for each chunk and four messages, two of which may come once more on another connection.
/// Chosen: a peer that syncs a large file to a slow disk answers in time.
pub const PROGRESS_TIMEOUT: Duration = Duration::from_secs(20);

/// An exchange crawls if less than [`CRAWL_BYTES`] of its content move within this time. Chosen: one loss on a slow
/// line is made up for within it.
pub const CRAWL_WINDOW: Duration = Duration::from_secs(5);

/// What has to move within a [`CRAWL_WINDOW`], or else nobody waits for the exchange if another peer does the same
/// work. Alone, a slow line may take its time. Chosen: 64 KiB a second, above what a peer moves that gives each chunk
/// just before its deadline.
pub const CRAWL_BYTES: u64 = 5 * 64 * 1024;

/// Copies of one file that are received at the same time, if those before crawl. Chosen: two peers that crawl on
/// purpose keep nobody from a third.
pub const HEDGED_MAX: usize = 3;

/// How long a store streams to the peers while its source gives no whole chunk. After it the peers get the file once
/// all of it is here, and their connections are free for others. Chosen: a source that gives less than 50 KiB a second
/// gains nothing by it.
pub const SOURCE_STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// How late a heartbeat or its answer may be before the peer counts as lost.
pub const HEARTBEAT_GRACE: Duration = Duration::from_secs(5);

/// How long a connection may be idle before the side that asks on it drops it.
pub const IDLE_ASKER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connection may be idle before the side that answers drops it. Longer than [`IDLE_ASKER_TIMEOUT`], so that
/// a question seldom meets a closing connection.
pub const IDLE_SERVER_TIMEOUT: Duration = Duration::from_secs(120);

/// The first wait before a lost or refused peer is dialled again; it doubles each time.
pub const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// The longest wait before a peer is dialled again; a jitter of up to half of it is taken off.
pub const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// How long after it was told a dial that still fails is told again; it doubles each time up to [`DIAL_TOLD_MAX`].
/// Chosen: one line for a short absence.
pub const DIAL_TOLD_MIN: Duration = Duration::from_secs(60);

/// The longest time between two lines about one dial that fails. Chosen: 24 lines a day for a peer that is gone.
pub const DIAL_TOLD_MAX: Duration = Duration::from_secs(60 * 60);

/// Changes of the reason that are told at once while a dial fails. Chosen: a restart shows three, and two reasons in
/// turn fill no log.
pub const DIAL_REASONS_TOLD_MAX: u32 = 8;

/// How long a heartbeat waits for the disk to say what is held; then it goes without the print. Chosen: together with
/// [`HEARTBEAT_INTERVAL`] well below the deadline of the other side.
pub const HEARTBEAT_PRINT_WAIT: Duration = Duration::from_secs(1);

/// Requests for the print of what is held that may be under way at the same time, so that a disk that hangs keeps no
/// more threads. Chosen: each is short on a disk that works.
pub const HEARTBEAT_PRINTS_MAX: usize = 16;

/// How long somebody who asks whether the disk works waits for its answer. Chosen: a sync of one block behind those of
/// large files takes a second or two, and who asks looks again within seconds.
pub const DISK_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long what was found of the disk is also the answer to others. Chosen: whoever asks without a pause has the disk
/// sync no more than once a second.
pub const DISK_CHECK_KEPT: Duration = Duration::from_secs(1);
