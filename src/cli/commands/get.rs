//! `dacapo get`: takes a file from the node and writes it out. A file on disk appears whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use dacapo::crypto::Key;

use crate::cli::arguments::{GetArguments, Verbosity};
use crate::cli::control::{Answer, Client, ControlError, Failure, FoundFile, Frame, Request};
use crate::cli::error::CliError;
use crate::cli::json::FoundJson;
use crate::cli::progress::Meter;
use crate::cli::{logging, output, show};

/// Temporary names to try if earlier processes left files under others.
const TEMPORARY_NAMES_MAX: u32 = 100;

pub(crate) async fn run(arguments: &GetArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut client = Client::ask(&arguments.data.dir, &Request::Get { key: key.clone() }).await?;
    let found = match client.answer().await? {
        Answer::Found(found) => found,
        answer => return Err(CliError::unexpected_about(key, answer)),
    };
    // Nothing is opened or changed before there is something to write.
    let mut sink = Sink::open(&arguments.output)?;
    receive(&mut client, &key, found.size, &mut sink, verbosity).await?;
    let is_stdout = matches!(sink, Sink::Stdout);
    sink.finish()?;
    let done = format!("{key}: the file is in {}", arguments.output.display());
    show_found(arguments, verbosity, &key, &found, is_stdout).map_err(CliError::after(done))
}

async fn receive(
    client: &mut Client,
    key: &Key,
    size: u64,
    sink: &mut Sink,
    verbosity: Verbosity,
) -> Result<(), CliError> {
    // A terminal that shows the content has no room for a bar.
    let is_shown = matches!(sink, Sink::Stdout) && io::stdout().is_terminal();
    let verbosity = Verbosity { quiet: verbosity.quiet || is_shown };
    let meter = Meter::new(verbosity, "receiving", Some(size));
    let mut found = 0;
    loop {
        let chunk = match client.frame().await? {
            Frame::Chunk(chunk) => chunk,
            Frame::Message(payload) => return Err(broken_off(key, &payload)),
        };
        if chunk.is_empty() {
            break;
        }
        found += chunk.len() as u64;
        sink.write(&chunk)?;
        meter.add(chunk.len());
    }
    if found == size { Ok(()) } else { Err(ControlError::Short { expected: size, found }.into()) }
}

/// Returns the node's reason why it cannot go on with the content.
fn broken_off(key: &Key, payload: &[u8]) -> CliError {
    match Answer::decode(payload) {
        Ok(Answer::Failed(failure)) => {
            let message = format!("the content broke off: {failure}");
            CliError::File { key: key.clone(), failure: Failure { message, ..failure } }
        }
        Ok(_) => ControlError::Unexpected.into(),
        Err(error) => error.into(),
    }
}

/// The place that the content goes to.
enum Sink {
    Stdout,
    /// A device or a pipe: it cannot be replaced, so it gets the content as it comes.
    Special(PathBuf, File),
    File(NewFile),
}

impl Sink {
    fn open(path: &Path) -> Result<Self, CliError> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let failed = |source| CliError::Output { path: path.to_owned(), source };
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Err(CliError::IsADirectory { path: path.to_owned() }),
            Ok(metadata) if !metadata.is_file() => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Ok(Self::Special(path.to_owned(), file))
            }
            // Through a symbolic link it is the file that is replaced, not the link.
            Ok(_) => Ok(Self::File(NewFile::create(&fs::canonicalize(path).map_err(failed)?)?)),
            Err(_) => Ok(Self::File(NewFile::create(path)?)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        match self {
            Self::Stdout => io::stdout().lock().write_all(bytes).map_err(CliError::Stdout),
            Self::Special(path, file) => {
                file.write_all(bytes).map_err(|source| CliError::Output { path: path.clone(), source })
            }
            Self::File(new) => {
                new.file.write_all(bytes).map_err(|source| CliError::Output { path: new.path.clone(), source })
            }
        }
    }

    fn finish(self) -> Result<(), CliError> {
        match self {
            Self::Stdout => io::stdout().lock().flush().map_err(CliError::Stdout),
            Self::Special(..) => Ok(()),
            Self::File(new) => new.keep(),
        }
    }
}

/// A file that gets its name when it is complete, and vanishes when it is dropped before.
struct NewFile {
    file: File,
    path: PathBuf,
    temporary: PathBuf,
    is_kept: bool,
}

impl NewFile {
    fn create(path: &Path) -> Result<Self, CliError> {
        let mut attempt = 0;
        loop {
            let temporary = path.with_file_name(format!(".dacapo-get-{}-{attempt}", std::process::id()));
            match File::create_new(&temporary) {
                Ok(file) => return Ok(Self { file, path: path.to_owned(), temporary, is_kept: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < TEMPORARY_NAMES_MAX => {
                    attempt += 1;
                }
                Err(source) => return Err(CliError::Output { path: path.to_owned(), source }),
            }
        }
    }

    /// Gives the file its name. It is durable under that name on return.
    fn keep(mut self) -> Result<(), CliError> {
        let kept = self.file.sync_all().and_then(|()| fs::rename(&self.temporary, &self.path));
        kept.map_err(|source| CliError::Output { path: self.path.clone(), source })?;
        self.is_kept = true;
        Ok(())
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

fn show_found(
    arguments: &GetArguments,
    verbosity: Verbosity,
    key: &Key,
    found: &FoundFile,
    is_stdout: bool,
) -> Result<(), CliError> {
    if arguments.json {
        let summary = FoundJson::new(key, found);
        if is_stdout {
            logging::note(output::json_text(&summary));
            return Ok(());
        }
        return output::json(&summary);
    }
    if is_stdout || verbosity.quiet {
        return Ok(());
    }
    let FoundFile { version, size, from } = found;
    let from = from.map_or("the local disk".to_owned(), |peer| format!("peer {}", peer.short()));
    output::line(&format!("got {key} {version}, {}, from {from}", show::bytes(*size)))
}
