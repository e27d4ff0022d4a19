//! Where a get writes to: a file, which appears whole or not at all, or something that cannot be replaced, such as a
//! pipe, a device or an open descriptor, which gets the content as it comes.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use dacapo::crypto::Attributes;
use tokio::io::AsyncWriteExt;

use crate::cli::error::CliError;
use crate::cli::output::{TEMPORARY_PREFIX, mode_of_new, sync_folder_of, time_of};

/// Temporary names to try if earlier processes left files under others.
const TEMPORARY_NAMES_MAX: u32 = 100;

/// The permissions of a file while it is written: what it becomes may be secret.
const MODE_UNTIL_COMPLETE: u32 = 0o600;

/// The place that the content goes to.
pub(super) enum Sink {
    Stdout(tokio::io::Stdout),
    /// What cannot be replaced.
    Special(PathBuf, tokio::fs::File),
    File(NewFile),
}

impl Sink {
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let failed = |source| CliError::Output { path: path.to_owned(), source };
        match descriptor(path) {
            Some(Descriptor::Stdout) => return Ok(Self::Stdout(tokio::io::stdout())),
            Some(Descriptor::Stderr) => {
                let file = io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
                return Ok(Self::Special(path.to_owned(), File::from(file).into()));
            }
            Some(Descriptor::Other) => {
                // A file behind it is opened once more, and so it is written at its end.
                let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
                return Ok(Self::Special(path.to_owned(), file.into()));
            }
            None => {}
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Err(CliError::IsADirectory { path: path.to_owned() }),
            Ok(metadata) if !metadata.is_file() => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Ok(Self::Special(path.to_owned(), file.into()))
            }
            // Through a symbolic link it is the file that is replaced, not the link.
            Ok(metadata) => {
                let path = fs::canonicalize(path).map_err(failed)?;
                Ok(Self::File(NewFile::create(&path, metadata.permissions())?))
            }
            Err(_) => Ok(Self::File(NewFile::create(path, Permissions::from_mode(mode_of_new()))?)),
        }
    }

    /// Writes a part of the content. What takes nothing for a while, such as a pipe, is waited for away from this
    /// thread, which hears signals meanwhile.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        match self {
            Self::Stdout(stdout) => stdout.write_all(bytes).await.map_err(CliError::Stdout),
            Self::Special(path, file) => {
                file.write_all(bytes).await.map_err(|source| CliError::Output { path: path.clone(), source })
            }
            Self::File(new) => {
                new.file.write_all(bytes).map_err(|source| CliError::Output { path: new.path.clone(), source })
            }
        }
    }

    /// Returns the file that the content goes to, if it goes to one.
    pub(super) fn file(&mut self) -> Option<&mut File> {
        match self {
            Self::File(new) => Some(&mut new.file),
            Self::Stdout(_) | Self::Special(..) => None,
        }
    }

    /// Takes over an open file of this length that lies elsewhere, if it can become this one. Returns false if it stays
    /// where it is.
    pub(super) fn take(&mut self, (path, opened): (&Path, &File), size: u64) -> bool {
        match self {
            Self::File(new) => new.take((path, opened), size).unwrap_or(false),
            Self::Stdout(_) | Self::Special(..) => false,
        }
    }

    /// Ends the content. A file gets the attributes, if there are any.
    pub(super) async fn finish(self, attributes: Option<Attributes>) -> Result<(), CliError> {
        match self {
            Self::Stdout(mut stdout) => stdout.flush().await.map_err(CliError::Stdout),
            Self::Special(path, mut file) => {
                file.flush().await.map_err(|source| CliError::Output { path: path.clone(), source })
            }
            Self::File(new) => new.keep(attributes),
        }
    }
}

/// Tells whether a path is that of a file, or of none that could become one: what [`Sink::open`] makes a file of.
pub(super) fn is_file(path: &Path) -> bool {
    descriptor(path).is_none() && fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// A descriptor of this process that a path names.
enum Descriptor {
    Stdout,
    Stderr,
    Other,
}

/// Returns the descriptor that a path names. What it leads to may be a file, and must not be replaced: others have it
/// open.
fn descriptor(path: &Path) -> Option<Descriptor> {
    match path.as_os_str().as_bytes() {
        b"-" | b"/dev/stdout" | b"/dev/fd/1" | b"/proc/self/fd/1" => Some(Descriptor::Stdout),
        b"/dev/stderr" | b"/dev/fd/2" | b"/proc/self/fd/2" => Some(Descriptor::Stderr),
        path if path.starts_with(b"/dev/fd/") || path.starts_with(b"/proc/self/fd/") => Some(Descriptor::Other),
        _ => None,
    }
}

/// A file that gets its name when it is complete, and vanishes when it is dropped before.
pub(super) struct NewFile {
    file: File,
    path: PathBuf,
    temporary: PathBuf,
    /// The permissions that the file gets if its content brings none.
    permissions: Permissions,
    is_kept: bool,
}

impl NewFile {
    fn create(path: &Path, permissions: Permissions) -> Result<Self, CliError> {
        let mut attempt = 0;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(MODE_UNTIL_COMPLETE);
        loop {
            let temporary = path.with_file_name(format!("{TEMPORARY_PREFIX}{}-{attempt}", std::process::id()));
            match options.open(&temporary) {
                Ok(file) => return Ok(Self { file, path: path.to_owned(), temporary, permissions, is_kept: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < TEMPORARY_NAMES_MAX => {
                    attempt += 1;
                }
                Err(source) => return Err(CliError::Output { path: path.to_owned(), source }),
            }
        }
    }

    /// Takes over a file that belongs to the same user and group, and lies on the same file system.
    fn take(&mut self, (path, opened): (&Path, &File), size: u64) -> io::Result<bool> {
        let whose = |found: &fs::Metadata| (found.is_file(), found.nlink(), found.uid(), found.gid(), found.dev());
        let taken = OpenOptions::new().write(true).open(path)?;
        let (there, opened) = (taken.metadata()?, opened.metadata()?);
        // If the node was restarted meanwhile, another file may have the name.
        let is_opened = (there.ino(), there.dev(), there.len()) == (opened.ino(), opened.dev(), size);
        if !is_opened || whose(&self.file.metadata()?) != whose(&there) {
            return Ok(false);
        }
        taken.set_permissions(Permissions::from_mode(MODE_UNTIL_COMPLETE))?;
        fs::rename(path, &self.temporary)?;
        self.file = taken;
        Ok(true)
    }

    /// Gives the file its name. It is durable under that name on return.
    fn keep(mut self, attributes: Option<Attributes>) -> Result<(), CliError> {
        let kept = self.publish(attributes);
        kept.map_err(|source| CliError::Output { path: self.path.clone(), source })
    }

    fn publish(&mut self, attributes: Option<Attributes>) -> io::Result<()> {
        let mode = attributes.map_or_else(|| self.permissions.mode(), |attributes| attributes.mode);
        // Whoever could not run a program as another user before cannot do so through this file.
        match self.file.set_permissions(Permissions::from_mode(mode & 0o777)) {
            // FAT and its like have one mode for all files.
            Err(error) if attributes.is_none() && error.kind() == io::ErrorKind::PermissionDenied => {}
            changed => changed?,
        }
        if let Some(changed) = attributes.and_then(|attributes| time_of(&attributes)) {
            self.file.set_modified(changed)?;
        }
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.is_kept = true;
        sync_folder_of(&self.path)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // What made the command fail is told already.
            drop(fs::remove_file(&self.temporary));
        }
    }
}
