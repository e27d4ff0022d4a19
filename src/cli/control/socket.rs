//! The control socket of a data directory: only its owner may open it, and one that a dead node left is replaced.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

use crate::cli::limits::{SOCKET_BACKLOG, SOCKET_PATH_BYTES_MAX};

const NAME: &str = "control.sock";

/// The name until the socket is ready, when it replaces what a dead node left.
const NEW_NAME: &str = "control.sock.new";

/// A listening socket, which is removed when this is dropped.
///
/// Only the process that holds the lock of the data directory may make one, so that no live node's socket is ever
/// replaced.
pub(super) struct Socket {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Listens on the socket of a data directory, in place of one that a dead node left.
    pub(super) fn bind(data: &Path) -> io::Result<Self> {
        let (new, path) = (data.join(NEW_NAME), data.join(NAME));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let short = ShortPath::to(data, NEW_NAME)?;
        let socket = UnixSocket::new_stream()?;
        socket.bind(&short.path)?;
        // Before it listens nobody can connect, so nobody slips in between.
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        let listener = socket.listen(SOCKET_BACKLOG)?;
        fs::rename(&new, &path)?;
        Ok(Self { listener, path })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // One that stays is replaced by the next node.
        drop(fs::remove_file(&self.path));
    }
}

/// Connects with the node that runs on a data directory.
pub(super) async fn connect(data: &Path) -> io::Result<UnixStream> {
    let short = ShortPath::to(data, NAME)?;
    UnixStream::connect(&short.path).await
}

/// A path short enough for a socket address.
struct ShortPath {
    path: PathBuf,
    /// The directory that the path leads through, if it is not spelled out.
    _dir: Option<File>,
}

impl ShortPath {
    fn to(data: &Path, name: &str) -> io::Result<Self> {
        let path = data.join(name);
        if path.as_os_str().as_bytes().len() <= SOCKET_PATH_BYTES_MAX {
            return Ok(Self { path, _dir: None });
        }
        Self::through_descriptor(data, name)
    }

    #[cfg(target_os = "linux")]
    fn through_descriptor(data: &Path, name: &str) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        let dir = File::open(data)?;
        let path = format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()).into();
        Ok(Self { path, _dir: Some(dir) })
    }

    #[cfg(not(target_os = "linux"))]
    fn through_descriptor(data: &Path, name: &str) -> io::Result<Self> {
        let bytes = data.join(name).as_os_str().as_bytes().len();
        let reason = format!("the path of a socket has at most {SOCKET_PATH_BYTES_MAX} bytes, this one has {bytes}");
        Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
    }
}
