//! Where the content of a put comes from: a file, standard input, or a command. At its end it is confirmed: a file that
//! changed meanwhile, or a command that failed, has given no content that may count.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dacapo::crypto::Attributes;
use dacapo::platform::machine::time_of_day;
use tokio::time::sleep;

use crate::cli::arguments::PutArguments;
use crate::cli::error::CliError;
use crate::cli::limits::FILE_TIME_STEP;

/// A source of content.
pub(super) struct Source {
    file: File,
    path: PathBuf,
    /// The length of the content, if it is known before.
    pub(super) size: Option<u64>,
    /// What the file has beside its content; nothing for standard input and commands.
    pub(super) attributes: Option<Attributes>,
    /// What the file was when the reading began; nothing if it is no regular file.
    before: Option<State>,
    /// Whether the content may be empty.
    may_be_empty: bool,
    command: Option<Running>,
}

/// A command whose output is read.
struct Running {
    child: Child,
    name: String,
}

/// What differs if a file was changed, in nanoseconds where it is a time.
#[derive(PartialEq, Eq)]
struct State {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Source {
    /// Opens what the arguments name. A file that was changed a moment ago is given the time to get another time stamp
    /// if it is changed again.
    pub(super) async fn open(arguments: &PutArguments) -> Result<Self, CliError> {
        if let [program, words @ ..] = arguments.command.as_slice() {
            let name = program.to_string_lossy().into_owned();
            let failed = |source| CliError::CommandNotRun { command: name.clone(), source };
            let mut child = Command::new(program).args(words).stdout(Stdio::piped()).spawn().map_err(failed)?;
            let output = child.stdout.take().expect("it is a pipe");
            let file = File::from(OwnedFd::from(output));
            let command = Some(Running { child, name });
            let may_be_empty = arguments.allow_empty;
            let path = program.into();
            return Ok(Self { file, path, size: None, attributes: None, before: None, may_be_empty, command });
        }
        let path = arguments.file.clone();
        let is_stdin = path == Path::new("-");
        let failed = |source| CliError::Input { path: path.clone(), source };
        let file = match is_stdin {
            true => File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?),
            false => File::open(&path).map_err(failed)?,
        };
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(CliError::IsADirectory { path });
        }
        let before = metadata.is_file().then(|| State::of(&metadata));
        if let Some(before) = &before {
            before.settle().await;
        }
        // The files of /proc are regular, say that they are empty, and are not. Standard input may begin anywhere.
        let is_named_file = metadata.is_file() && !is_stdin;
        let size = (is_named_file && metadata.len() > 0).then_some(metadata.len());
        let may_be_empty = arguments.allow_empty || is_named_file;
        let attributes = is_named_file.then(|| Attributes {
            mode: metadata.mode() & 0o7777,
            changed_s: metadata.mtime(),
            changed_ns: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
        });
        Ok(Self { file, path, size, attributes, before, may_be_empty, command: None })
    }

    /// Reads the next piece of the content; none at its end.
    pub(super) fn read(&mut self, chunk: &mut [u8]) -> Result<usize, CliError> {
        loop {
            match self.file.read(chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(|source| CliError::Input { path: self.path.clone(), source }),
            }
        }
    }

    /// Fails if what was read, of this many bytes, must not count as the content.
    pub(super) fn confirm(&mut self, bytes: u64) -> Result<(), CliError> {
        self.is_unchanged()?;
        if let Some(Running { child, name }) = &mut self.command {
            let failed = |source| CliError::CommandNotRun { command: name.clone(), source };
            let status = child.wait().map_err(failed)?;
            if !status.success() {
                return Err(CliError::CommandFailed { command: name.clone(), status });
            }
        }
        if bytes == 0 && !self.may_be_empty {
            return Err(CliError::EmptyInput);
        }
        Ok(())
    }

    /// Fails if the file was changed since its reading began.
    pub(super) fn is_unchanged(&self) -> Result<(), CliError> {
        let Some(before) = &self.before else { return Ok(()) };
        let failed = |source| CliError::Input { path: self.path.clone(), source };
        match State::of(&self.file.metadata().map_err(failed)?) == *before {
            true => Ok(()),
            false => Err(CliError::Changed { path: self.path.clone() }),
        }
    }
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Waits until a further change would get another time.
    async fn settle(&self) {
        let (seconds, nanos) = self.changed;
        let changed_ms = u64::try_from(seconds * 1000 + nanos / 1_000_000).unwrap_or_default();
        let age = Duration::from_millis(time_of_day().0.saturating_sub(changed_ms));
        if age < FILE_TIME_STEP {
            sleep(FILE_TIME_STEP).await;
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some(Running { child, .. }) = &mut self.command {
            // It has ended, unless its output was given up.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
