//! `dacapo get -r`: writes what is stored under a prefix to a folder, as far as it differs.

use std::cell::RefCell;
use std::io;
use std::path::Path;

use dacapo::crypto::{Attributes, Key};
use dacapo::folder::{FilePath, Prefix, Sameness, sameness};
use dacapo::node::FileInfo;

use super::excluded::Excluded;
use super::fetch::{self, Fetch};
use super::listing::{each_page, prefix};
use super::place::{Found, Place, There};
use super::pool::Pool;
use super::steps::each;
use super::tally::Tally;
use super::unnamed::{Unnamed, sync};
use super::walk::is_incomplete;
use crate::cli::arguments::{GetArguments, Verbosity};
use crate::cli::control::ControlError;
use crate::cli::error::CliError;
use crate::cli::json::Action;
use crate::cli::limits::{FOLDER_BATCH_BYTES, FOLDER_BATCH_DIRS, FOLDER_BATCH_FILES, SYMLINK_BYTES_MAX};
use crate::cli::runtime::Signals;
use crate::cli::source::FileState;

/// A file that differs, or perhaps.
struct Step {
    key: Key,
    path: FilePath,
    size: u64,
    sameness: Sameness,
    attributes: Option<Attributes>,
    /// What lies in its place; none if that is nothing.
    found: Option<FileState>,
}

impl Step {
    fn is_link(&self) -> bool {
        self.attributes.is_some_and(|attributes| attributes.is_symlink())
    }
}

struct Get<'a> {
    dir: &'a Path,
    is_dry_run: bool,
    /// Whether the node keeps what comes from a peer.
    is_kept: bool,
    pool: Pool<'a>,
    /// Where files are written; nothing if that is not there and nothing is to be written.
    place: Option<Place>,
    tally: Tally,
    complete: RefCell<Batch>,
}

/// A file that is complete and has no name yet.
struct Complete {
    key: Key,
    size: u64,
    /// Whether it takes nothing's place.
    is_new: bool,
    unnamed: Unnamed,
}

/// Files that are complete and have no names yet.
#[derive(Default)]
struct Batch {
    files: Vec<Complete>,
    bytes: u64,
    /// How many open directories they hold.
    dirs: usize,
}

pub(in crate::cli) async fn get(arguments: &GetArguments, dir: &Path, verbosity: Verbosity) -> Result<(), CliError> {
    let (prefix, selection) = (prefix(&arguments.key)?, &arguments.selection);
    let excluded = Excluded::new(&selection.exclude)?;
    let failed = |source| CliError::Output { path: dir.to_owned(), source };
    let tally = Tally::new(Action::Written, arguments.json, selection.dry_run, verbosity);
    let mut stored = Vec::new();
    // Nothing is made before there is something to write.
    each_page(&arguments.data.dir, prefix.as_str(), |page| {
        stored.extend(page);
        Ok(())
    })
    .await?;
    if stored.is_empty() {
        return Err(CliError::NoneBegins { prefix: prefix.as_str().to_owned() });
    }
    // A dry run makes no folder.
    let place = match selection.dry_run && !dir.exists() {
        true => None,
        false => Some(Place::open(dir).map_err(failed)?),
    };
    let pool = Pool::new(&arguments.data.dir);
    let (is_dry_run, is_kept) = (selection.dry_run, !arguments.no_keep);
    let get = Get { dir, is_dry_run, is_kept, pool, place, tally, complete: RefCell::default() };
    let mut steps = Vec::new();
    for info in stored {
        steps.extend(get.step(&prefix, &excluded, info)?);
    }
    get.tally.begin(steps.len());
    let ended = each(steps, selection.jobs, &mut Signals::new()?, |step| get.take(step)).await;
    // What is complete counts, however the command ends.
    let published = get.publish();
    get.tally.end(published.and(ended))
}

impl Get<'_> {
    /// Tells what is to be done about a stored file, if anything.
    fn step(&self, prefix: &Prefix, excluded: &Excluded, stored: FileInfo) -> Result<Option<Step>, CliError> {
        let path = match prefix.path(&stored.key) {
            Ok(path) if excluded.has(&path) => return Ok(None),
            Ok(path) => path,
            Err(error) => {
                self.tally.failed(stored.key.as_str(), &format_args!("{}: not written: {error}", stored.key))?;
                return Ok(None);
            }
        };
        let refuse = |reason: &str| {
            let reason = format_args!("{}: not written: {reason}", stored.key);
            self.tally.failed(stored.key.as_str(), &reason).map(|()| None)
        };
        // As a file it would be taken for what a killed process has left.
        if is_incomplete(path.split().1.as_bytes()) {
            return refuse("its name is one of what is not complete");
        }
        let (sameness, found) = match self.place.as_ref().map_or(Ok(There::Nothing), |place| place.claim(&path)) {
            Ok(There::Nothing) => (Sameness::Other, None),
            Ok(There::File(Found { size, attributes, state, .. })) => {
                (sameness(size, &attributes, &stored), Some(state))
            }
            Ok(There::Taken) => return refuse("its place is that of another key"),
            Ok(There::Other) => return refuse("what is in its place is no file"),
            Err(source) => {
                let error = CliError::NotWritten { key: stored.key.clone(), source };
                self.tally.failed(stored.key.as_str(), &error)?;
                return Ok(None);
            }
        };
        let sameness = match sameness {
            Sameness::Same => {
                self.tally.unchanged();
                return Ok(None);
            }
            // To compare it, it would have to be fetched to this node, or fetched twice.
            Sameness::Unclear if (self.is_dry_run || !self.is_kept) && !stored.is_local => Sameness::Other,
            sameness => sameness,
        };
        let attributes = stored.attributes;
        Ok(Some(Step { key: stored.key, path, size: stored.size, sameness, attributes, found }))
    }

    /// Does one step. What fails for one file is counted; what fails for all ends the command.
    async fn take(&self, step: Step) -> Result<(), CliError> {
        let (name, size) = (step.key.clone(), step.size);
        let taken = match step.sameness {
            Sameness::Unclear => self.is_same(&step).await,
            _ => Ok(false),
        };
        let taken = match taken {
            Ok(true) => self.leave_unchanged(&step),
            Ok(false) if self.is_dry_run => self.tally.done(Action::Written, &name, size),
            Ok(false) => self.write(step).await,
            Err(error) => Err(error),
        };
        self.tally.step();
        self.tally.unless_fatal(name.as_str(), taken)
    }

    /// Counts a file that is there already, and gives it the time that it was stored with: only that can differ.
    fn leave_unchanged(&self, step: &Step) -> Result<(), CliError> {
        if let (Some(place), Some(attributes), Some(found), false) =
            (&self.place, &step.attributes, step.found, self.is_dry_run)
        {
            let failed = |source| CliError::NotWritten { key: step.key.clone(), source };
            match place.set_time(&step.path, attributes, found) {
                // The file is as it was stored, and is somebody else's.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                given => given.map_err(failed)?,
            }
        }
        self.tally.unchanged();
        Ok(())
    }

    /// Compares what lies in a place with what is stored. A change from then on gets another time than what was found
    /// has.
    async fn is_same(&self, step: &Step) -> Result<bool, CliError> {
        if let Some(found) = &step.found {
            found.settle().await;
        }
        let failed = |source| CliError::Compared { key: step.key.clone(), source };
        let place = self.place.as_ref().expect("something was found in it");
        if step.is_link() {
            let target = place.link(&step.path).map_err(failed)?;
            return fetch::is_same(&self.pool, &step.key, self.is_kept, target.as_slice()).await;
        }
        match place.file(&step.path) {
            Ok(file) => fetch::is_same(&self.pool, &step.key, self.is_kept, file).await,
            // It may not be readable, and is to be.
            Err(_) => Ok(false),
        }
    }

    async fn write(&self, step: Step) -> Result<(), CliError> {
        let mut received = self.receive(&step, true).await?;
        if received.is_none() {
            // A newer version has taken the place, or somebody has written to the file: the node looks again.
            received = self.receive(&step, false).await?;
        }
        let Some((size, unnamed)) = received else { return Err(ControlError::Unexpected.into()) };
        let complete = Complete { key: step.key, size, is_new: step.found.is_none(), unnamed };
        if self.complete.borrow_mut().keep(complete) { self.publish() } else { Ok(()) }
    }

    /// Writes a file that has no name yet. Returns none if the content has left the place where it was to be taken.
    async fn receive(&self, step: &Step, takes_place: bool) -> Result<Option<(u64, Unnamed)>, CliError> {
        let place = self.place.as_ref().expect("only a dry run has none");
        let mut fetch = Fetch::begin(&self.pool, &step.key, (takes_place && !step.is_link(), self.is_kept)).await?;
        let failed = |source| CliError::NotWritten { key: step.key.clone(), source };
        let (size, attributes) = (fetch.found.size, fetch.found.attributes);
        let unnamed = match attributes {
            Some(attributes) if attributes.is_symlink() => {
                let target = target(&mut fetch).await?;
                place.create_link(&step.path, &target, &attributes).map_err(failed)?
            }
            attributes => {
                let (mut file, unnamed) = place.create(&step.path).map_err(failed)?;
                if !fetch.write(&self.pool, &mut file).await? {
                    return Ok(None);
                }
                unnamed.finish(&file, attributes.as_ref()).map_err(failed)?;
                unnamed
            }
        };
        fetch.end(&self.pool);
        Ok(Some((size, unnamed)))
    }

    /// Gives all complete files their names, durably.
    fn publish(&self) -> Result<(), CliError> {
        let mut files = self.complete.take().files;
        let synced = sync(files.iter().map(|file| &file.unnamed));
        if let Err(source) = synced {
            return self.not_synced(&files, source);
        }
        let named: Vec<_> = files.iter_mut().map(|file| file.unnamed.publish(file.is_new)).collect();
        if let Err(source) = sync(files.iter().map(|file| &file.unnamed)) {
            return self.not_synced(&files, source);
        }
        for (Complete { key, size, .. }, named) in files.iter().zip(named) {
            match named {
                Ok(()) => self.tally.done(Action::Written, key, *size)?,
                Err(source) => {
                    let error = CliError::NotWritten { key: key.clone(), source };
                    self.tally.failed(key.as_str(), &error)?;
                }
            }
        }
        Ok(())
    }

    /// Counts files of which nobody knows whether they survive a power loss. What fails for a file system ends the
    /// command.
    fn not_synced(&self, files: &[Complete], source: io::Error) -> Result<(), CliError> {
        for Complete { key, .. } in files {
            let reason = format_args!("{key}: perhaps not written: {source}");
            self.tally.failed(key.as_str(), &reason)?;
        }
        Err(CliError::Output { path: self.dir.to_owned(), source })
    }
}

impl Batch {
    /// Takes a file. Returns whether so many wait that they are to be named.
    fn keep(&mut self, file: Complete) -> bool {
        self.dirs += usize::from(self.files.last().is_none_or(|last| !last.unnamed.is_beside(&file.unnamed)));
        self.bytes += file.size;
        self.files.push(file);
        self.files.len() >= FOLDER_BATCH_FILES || self.dirs >= FOLDER_BATCH_DIRS || self.bytes >= FOLDER_BATCH_BYTES
    }
}

/// Receives what a symbolic link leads to.
async fn target(fetch: &mut Fetch) -> Result<Vec<u8>, CliError> {
    if fetch.found.size > SYMLINK_BYTES_MAX {
        let source = io::Error::new(io::ErrorKind::InvalidData, "what the symbolic link leads to is too long");
        return Err(CliError::NotWritten { key: fetch.key().clone(), source });
    }
    let mut target = Vec::new();
    while let Some(chunk) = fetch.chunk().await? {
        target.extend_from_slice(&chunk);
    }
    Ok(target)
}
