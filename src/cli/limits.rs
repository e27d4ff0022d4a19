//! The bounds of the command line and of the control socket. Each constant gives its unit in its name and its
//! reason beside it; "chosen" means that no measurement fixes it.

use std::time::Duration;

use dacapo::limits::{CALLS_MAX, CHUNK_BYTES, KEY_BYTES_MAX, POOL_CONNECTIONS_MAX};

/// The version of the control protocol: the first byte in either direction. Both ends are the same program, so it only
/// tells programs apart: it changes with any message, and with any answer of the node that a message carries.
pub(crate) const CONTROL_VERSION: u8 = 12;

/// Requests of commands that a node works on at once; others wait for their turns. Chosen: with the connections of HTTP
/// (24) fewer than the calls that a node runs at once, so that clients that hang never keep the node's own calls
/// waiting.
pub(crate) const CONTROL_REQUESTS_MAX: usize = CALLS_MAX / 2;

/// How long a request waits for its turn. Chosen: other requests end within seconds, or hold their places for good.
pub(crate) const TURN_TIMEOUT: Duration = Duration::from_secs(60);

/// Commands that a node listens to at once; one more is turned away. Chosen: a script that starts a hundred commands
/// fits, and each takes some kilobytes.
pub(crate) const CONTROL_CONNECTIONS_MAX: usize = 256;

/// The longest request: one key or the beginning of one, its length and a few integers.
pub(crate) const REQUEST_BYTES_MAX: usize = KEY_BYTES_MAX + 64;

/// The longest answer. A page of files with the longest keys stays below it.
pub(crate) const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The longest explanation of a failure. Chosen: paths and reasons fit; a longer one is cut.
pub(crate) const FAILURE_BYTES_MAX: usize = 16 * 1024;

/// A client sends its first request within this time: it has it ready when it connects.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a node that works on a request says that it does. Chosen: rarely enough to cost nothing.
pub(crate) const SIGN_INTERVAL: Duration = Duration::from_secs(5);

/// A node that has said nothing for so long is given up by its client. Chosen: six signs; a machine that swaps, or a
/// disk that syncs a large file, holds one up for some seconds.
pub(crate) const NODE_SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// A node that has taken nothing of a content for so long is given up by its client. Chosen: several times what the
/// node itself waits for a peer that takes nothing (`PROGRESS_TIMEOUT`).
pub(crate) const NODE_STALL_TIMEOUT: Duration = Duration::from_secs(120);

/// A client that takes or gives no content for so long is given up. Chosen: a pause of a person or of a dump that
/// computes fits; a client that was forgotten does not hold its key and its connection for ever.
pub(crate) const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// A client that asks for nothing more for so long is given up, so that others have its place. Chosen: a command about
/// a folder asks again within milliseconds, and connects again if it does not.
pub(crate) const SESSION_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Chunks of a client's content that wait for the node's disk.
pub(crate) const CONTENT_CHUNKS_QUEUED: usize = 2;

/// How long answers may take to reach their clients after the node has stopped.
pub(crate) const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest path of a Unix socket: `sun_path` of Linux has 108 bytes with the closing zero, see unix(7).
pub(crate) const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Connections that wait to be accepted. Chosen: as many as a node listens to.
pub(crate) const SOCKET_BACKLOG: u32 = 256;

/// Files from this size on have a progress bar. Chosen: below it the transfer is over before a bar is read.
pub(crate) const PROGRESS_BYTES_MIN: u64 = 8 * 1024 * 1024;

/// Files from this size on are read in the data directory by a command that writes them to a file; smaller ones come
/// through the socket. Chosen: below it the questions take longer than the copy.
pub(crate) const PLACE_BYTES_MIN: u64 = 256 * 1024;

/// What is copied between two files before the command looks for signals. Chosen: some milliseconds.
pub(crate) const COPY_BYTES: u64 = 8 * 1024 * 1024;

/// Files up to this size are read as a whole and sent in one piece with their request. Chosen: a chunk.
pub(crate) const SMALL_FILE_BYTES: u64 = CHUNK_BYTES as u64;

/// What a symbolic link leads to, in bytes: `PATH_MAX` of Linux.
pub(crate) const SYMLINK_BYTES_MAX: u64 = 4096;

/// Files of a folder that wait for one sync of their file system before they get their names, how many open directories
/// they hold, and how many bytes they have at most. Chosen: a sync takes milliseconds, what is lost if the power fails
/// is written again in seconds, and a process may have 1,024 descriptors.
pub(crate) const FOLDER_BATCH_FILES: usize = 1024;
pub(crate) const FOLDER_BATCH_DIRS: usize = 256;
pub(crate) const FOLDER_BATCH_BYTES: u64 = 256 * 1024 * 1024;

/// What a process has left that is gone is removed once nothing has changed in it for so long. Chosen: another host may
/// write to the same folder, and whatever it writes changes more often than once a day.
pub(crate) const LEFTOVER_AGE_MIN: Duration = Duration::from_secs(24 * 3600);

/// Commands about a folder of so many files have a progress bar. Chosen: below it they are over before it is read.
pub(crate) const PROGRESS_FILES_MIN: u64 = 256;

/// The longest config file. Chosen: it has a line for each of some options, and perhaps a hundred peers.
pub(crate) const CONFIG_FILE_BYTES_MAX: u64 = 64 * 1024;

/// A cluster secret has 64 digits and a line end; this leaves room to notice a longer file.
pub(crate) const SECRET_FILE_BYTES_MAX: usize = 256;

/// The nodes of the demonstration are connected after this, or never. Loopback takes milliseconds.
pub(crate) const DEMO_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the demonstration looks whether its nodes are connected.
pub(crate) const DEMO_POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Changes of a file that follow each other by so much get different times: twice the longest step. The clock of Linux
/// file systems moves with its timer interrupt, which comes every 1 to 10 ms (`CONFIG_HZ`), and exFAT counts in 10 ms.
pub(crate) const FILE_TIME_STEP: Duration = Duration::from_millis(20);

/// Changes that follow each other by so much get different times on a file system that keeps whole seconds. FAT counts
/// in 2 seconds; ext3 and HFS+ count in one.
pub(crate) const COARSE_FILE_TIME_STEP: Duration = Duration::from_secs(2);

/// Descriptors that a node asks for. Chosen: several times what its bounds of connections, clients and open files add
/// up to; more would only let a defect take up more.
pub(crate) const DESCRIPTORS_WANTED: u64 = 16_384;

/// Lines of the log that wait to be written. Chosen: a burst of events fits, such as the receipts of a thousand stores;
/// if the log is not read at all, no more than this is kept of it.
pub(crate) const LOG_LINES_QUEUED_MAX: usize = 1024;

/// The longest line of the log. Chosen: a path and the longest reasons fit; a longer one is cut.
pub(crate) const LOG_LINE_BYTES_MAX: usize = 16 * 1024;

/// How long the last lines of the log may take when the process ends. Chosen: a pipe or a disk that works takes
/// milliseconds, and one that does not work keeps nobody from stopping a node.
pub(crate) const LOG_FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// A passphrase that is read from a file, with its line end.
pub(crate) const PASSPHRASE_BYTES_MAX: usize = 1024;

/// A backup of an identity has half a kilobyte; remarks may be added.
pub(crate) const BACKUP_FILE_BYTES_MAX: usize = 16 * 1024;

/// Files that are fetched at once when a node is recovered: as many connections as a peer is asked on.
pub(crate) const RECOVER_CALLERS: usize = POOL_CONNECTIONS_MAX;

/// A recovery that has reached no peer gives up after this. Chosen: several attempts with the longest wait between
/// them.
pub(crate) const RECOVER_CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a recovery waits for other peers after the first one. The longest wait between two dials, and a heartbeat.
pub(crate) const RECOVER_OTHERS_TIMEOUT: Duration = Duration::from_secs(15);

/// A recovery in which nothing was learnt or fetched for so long gives up. Chosen: three times the longest wait of
/// repair.
pub(crate) const RECOVER_STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a recovery looks for what was learnt meanwhile.
pub(crate) const RECOVER_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A changed folder is compared once nothing has changed in it for so long, or after the longer time. Chosen: whoever
/// saves a file or unpacks an archive pauses less; a log that is always written to holds nothing else up.
pub(crate) const CHANGES_QUIET: Duration = Duration::from_millis(500);
pub(crate) const CHANGES_WAIT_MAX: Duration = Duration::from_secs(10);

/// Places of a folder that changed and are compared one by one; with more of them all of the folder is. Chosen: each
/// takes a request, and a folder of 100,000 files takes as long as some hundred of these.
pub(crate) const CHANGED_PLACES_MAX: usize = 256;

/// How long `watch` waits until it tries again what has failed: twice as long each time, from the first to the last.
/// Chosen: a node that starts anew is back within seconds, and a file that nobody may read costs next to nothing.
pub(crate) const RETRY_WAIT_MIN: Duration = Duration::from_secs(5);
pub(crate) const RETRY_WAIT_MAX: Duration = Duration::from_secs(300);

/// The longest wait if no node runs, which says nothing of the files. Chosen: whoever starts a node again does not wait
/// for long, and a node that is away for a day makes 3,000 lines.
pub(crate) const AWAY_WAIT_MAX: Duration = Duration::from_secs(30);

/// How often `watch` compares all of its folder, whatever it was told of changes. Chosen: as Syncthing does by default.
pub(crate) const RESCAN_INTERVAL: Duration = Duration::from_secs(3600);

/// How often `watch` looks whether its folder is still there. Chosen: nothing tells of a disk that is taken away.
pub(crate) const ROOT_CHECK_INTERVAL: Duration = Duration::from_secs(60);
