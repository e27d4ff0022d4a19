//! Where the content of a store comes from: a file, standard input, or a command. At its end it is confirmed: a file
//! that changed meanwhile, or a command that failed, has given no content that may count.

mod state;

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, ExitStatus, Stdio};

use dacapo::crypto::{Attributes, Key};
use dacapo::limits::CHUNK_BYTES;
use dacapo::node::Stored;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

use super::control::{Answer, Client, ControlError, Request};
use super::error::CliError;
use super::limits::SMALL_FILE_BYTES;
use super::progress::Meter;
pub(crate) use state::FileState;

/// A source of content.
pub(crate) struct Source {
    file: File,
    /// The same file, if it is read alone: it may give nothing for a while, such as a pipe, or a file of a server that
    /// is away. It is waited for away from this thread, which hears signals meanwhile.
    waited_for: Option<tokio::fs::File>,
    path: PathBuf,
    /// The length of the content, if it is known before.
    size: Option<u64>,
    /// What the file has beside its content; nothing for standard input and commands.
    attributes: Option<Attributes>,
    /// What the file was when the reading began; nothing if it is no regular file.
    before: Option<FileState>,
    /// Whether the content may be empty.
    may_be_empty: bool,
    command: Option<Running>,
}

/// A command whose output is read.
struct Running {
    child: Child,
    name: String,
}

impl Source {
    /// Runs a command whose output is the content.
    pub(crate) fn run(program: &OsString, words: &[OsString], may_be_empty: bool) -> Result<Self, CliError> {
        let name = program.to_string_lossy().into_owned();
        let failed = |source| CliError::CommandNotRun { command: name.clone(), source };
        let mut child = Command::new(program).args(words).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let output = child.stdout.take().expect("it is a pipe");
        let file = File::from(OwnedFd::from(output));
        let command = Some(Running { child, name });
        let (path, size, attributes, before) = (program.into(), None, None, None);
        Self { file, waited_for: None, path, size, attributes, before, may_be_empty, command }.waited_for()
    }

    /// Opens a file, or standard input for `-`.
    pub(crate) async fn open(path: &Path, may_be_empty: bool) -> Result<Self, CliError> {
        let is_stdin = path == Path::new("-");
        let failed = |source| CliError::Input { path: path.to_owned(), source };
        let file = match is_stdin {
            true => File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?),
            // A named pipe is opened once somebody writes into it.
            false => tokio::fs::File::open(path).await.map_err(failed)?.into_std().await,
        };
        Self::of(file, path, is_stdin, may_be_empty).await?.waited_for()
    }

    /// Begins with what was opened in a folder. By now it may be something else than a regular file.
    pub(crate) async fn in_folder(file: File, path: &Path) -> Result<Self, CliError> {
        let failed = |source| CliError::Input { path: path.to_owned(), source };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(CliError::Changed { path: path.to_owned() });
        }
        Self::of(file, path, false, true).await
    }

    /// Begins with an open file. If it was changed a moment ago, it is given the time to get another time stamp if it
    /// is changed again.
    async fn of(file: File, path: &Path, is_stdin: bool, may_be_empty: bool) -> Result<Self, CliError> {
        let path = path.to_owned();
        let failed = |source| CliError::Input { path: path.clone(), source };
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(CliError::IsADirectory { path });
        }
        let before = metadata.is_file().then(|| FileState::from(&metadata));
        if let Some(before) = &before {
            before.settle().await;
        }
        // The files of /proc are regular, say that they are empty, and are not. Standard input may begin anywhere.
        let is_named_file = metadata.is_file() && !is_stdin;
        let size = (is_named_file && metadata.len() > 0).then_some(metadata.len());
        let may_be_empty = may_be_empty || is_named_file;
        let attributes = is_named_file.then(|| attributes_of(&metadata));
        Ok(Self { file, waited_for: None, path, size, attributes, before, may_be_empty, command: None })
    }

    /// Has the file waited for away from this thread.
    fn waited_for(mut self) -> Result<Self, CliError> {
        let same = self.file.try_clone().map_err(|source| CliError::Input { path: self.path.clone(), source })?;
        self.waited_for = Some(same.into());
        Ok(self)
    }

    /// Returns the length of the content, if it is known before.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// Reads the next piece of the content; none at its end.
    async fn read(&mut self, chunk: &mut [u8]) -> Result<usize, CliError> {
        loop {
            let read = match &mut self.waited_for {
                Some(file) => file.read(chunk).await,
                None => self.file.read(chunk),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(|source| CliError::Input { path: self.path.clone(), source }),
            }
        }
    }

    /// Fails if what was read, of this many bytes, must not count as the content.
    async fn confirm(&mut self, bytes: u64) -> Result<(), CliError> {
        self.is_unchanged()?;
        if let Some(Running { child, name }) = &mut self.command {
            let failed = |source| CliError::CommandNotRun { command: name.clone(), source };
            let status = end_of(child).await.map_err(failed)?;
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
    fn is_unchanged(&self) -> Result<(), CliError> {
        let Some(before) = &self.before else { return Ok(()) };
        let failed = |source| CliError::Input { path: self.path.clone(), source };
        match FileState::from(&self.file.metadata().map_err(failed)?) == *before {
            true => Ok(()),
            false => Err(CliError::Changed { path: self.path.clone() }),
        }
    }
}

/// Returns what a regular file has beside its content.
pub(crate) fn attributes_of(metadata: &Metadata) -> Attributes {
    Attributes {
        mode: metadata.mode() & 0o7777,
        changed_s: metadata.mtime(),
        changed_ns: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
    }
}

/// Waits for the end of a command.
async fn end_of(child: &mut Child) -> io::Result<ExitStatus> {
    let mut ends = signal(SignalKind::child())?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        ends.recv().await;
    }
}

/// Stores the content of a source, unless it is interrupted: then the error says whether it is perhaps stored. The
/// connection is of further use if this succeeds.
pub(crate) async fn store(
    client: &mut Client,
    key: &Key,
    mut source: Source,
    meter: &Meter,
    interrupted: impl Future<Output = ()>,
) -> Result<Stored, CliError> {
    let mut interrupted = pin!(interrupted);
    let not_stored = |source| CliError::NotStored { key: key.clone(), source };
    let perhaps_stored = |source| CliError::PerhapsStored { key: key.clone(), source };
    let sent = tokio::select! {
        biased;
        () = &mut interrupted => return Err(not_stored(ControlError::Interrupted)),
        sent = send(client, key, &mut source, meter) => sent?,
    };
    let answer = match sent {
        Ok(()) => {
            meter.say("waiting for the peers");
            // From the end of the content on, the node may store it whether its answer arrives or not.
            tokio::select! {
                biased;
                () = &mut interrupted => return Err(perhaps_stored(ControlError::Interrupted)),
                answer = client.answer() => answer.map_err(perhaps_stored)?,
            }
        }
        // A node that takes no more has said why. It stores no content that did not end.
        Err(error) => {
            let answer = tokio::select! {
                biased;
                () = &mut interrupted => return Err(not_stored(ControlError::Interrupted)),
                answer = client.answer() => answer,
            };
            // A file that has grown is longer than what was announced.
            source.is_unchanged()?;
            answer.map_err(|_| not_stored(error))?
        }
    };
    match answer {
        Answer::Stored(stored) => Ok(stored),
        Answer::Failed(failure) => Err(CliError::File { key: key.clone(), failure }),
        _ => Err(perhaps_stored(ControlError::Unexpected)),
    }
}

/// Asks the node to store a file, and sends its content. The outer error says that nothing is stored, the inner one
/// that the node takes no more.
async fn send(
    client: &mut Client,
    key: &Key,
    source: &mut Source,
    meter: &Meter,
) -> Result<Result<(), ControlError>, CliError> {
    let request = Request::Put { key: key.clone(), size: source.size, attributes: source.attributes };
    let not_stored = |source| CliError::NotStored { key: key.clone(), source };
    match source.size {
        Some(size) if size <= SMALL_FILE_BYTES => {
            let content = read_small(source, size).await?;
            client.request(&request, Some(&content)).await.map_err(not_stored)?;
            Ok(Ok(()))
        }
        _ => {
            client.request(&request, None).await.map_err(not_stored)?;
            send_parts(client, source, meter).await
        }
    }
}

/// Reads all of a small content and confirms it.
async fn read_small(source: &mut Source, size: u64) -> Result<Vec<u8>, CliError> {
    // One byte more than was announced shows that the file has grown.
    let mut content = vec![0; usize::try_from(size).expect("it is small") + 1];
    let mut filled = 0;
    while filled < content.len() {
        match source.read(&mut content[filled..]).await? {
            0 => break,
            count => filled += count,
        }
    }
    content.truncate(filled);
    source.confirm(filled as u64).await?;
    Ok(content)
}

/// Sends all of the content, and its end if the source confirms what was read: a node stores nothing without the end.
/// The outer error comes from the source, the inner one from sending.
async fn send_parts(
    client: &mut Client,
    source: &mut Source,
    meter: &Meter,
) -> Result<Result<(), ControlError>, CliError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut sent = 0;
    loop {
        let count = source.read(&mut chunk).await?;
        if count == 0 {
            source.confirm(sent).await?;
        }
        if let Err(error) = client.send(&chunk[..count]).await {
            return Ok(Err(error));
        }
        if count == 0 {
            return Ok(Ok(()));
        }
        sent += count as u64;
        meter.add(count);
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
