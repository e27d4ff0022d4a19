//! `dacapo put -r`: stores what differs in a folder, and deletes what is no longer in it if that is asked for.

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};

use dacapo::crypto::{Attributes, Key};
use dacapo::folder::{FilePath, Scope};
use dacapo::node::{StoreFault, Stored};

use super::fetch;
use super::gone::{Gone, GoneFile, is_gone};
use super::place::{Found, Place, There};
use super::pool::Pool;
use super::steps::each;
use super::tally::Tally;
use super::upload::{Difference, Step, Upload, Watched};
use super::walk::{FileIds, GONE_BY_NOW};
use crate::cli::arguments::{PutArguments, Verbosity};
use crate::cli::control::{Answer, Failure, FailureKind, Request};
use crate::cli::error::CliError;
use crate::cli::json::Action;
use crate::cli::limits::CHANGED_PLACES_MAX;
use crate::cli::progress::Meter;
use crate::cli::runtime::Signals;
use crate::cli::source::{self, Source};

struct Put<'a> {
    upload: &'a Upload,
    watched: Option<&'a Watched>,
    /// What is looked at of the folder.
    scope: Scope,
    /// The files that it had then.
    seen: FileIds,
    place: Place,
    pool: Pool<'a>,
    /// Whether something was gone before it could be looked at or read.
    has_vanished: Cell<bool>,
    tally: Tally,
}

pub(in crate::cli) async fn put(arguments: &PutArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let selection = &arguments.selection;
    let root = Path::new(".").join(&arguments.key);
    let to = arguments.file.as_deref().unwrap_or(Path::new("")).as_os_str();
    let upload = Upload {
        jobs: selection.jobs,
        deletes: arguments.delete,
        is_dry_run: selection.dry_run,
        replicas_min: usize::try_from(arguments.min_replicas).unwrap_or(usize::MAX),
        is_json: arguments.json,
        ..Upload::new(&arguments.data.dir, root, to, &selection.exclude, verbosity)?
    };
    upload.compare(&Scope::All, None).await?.store(true).await
}

impl Difference<'_> {
    /// Brings the node what it does not have, and deletes what is gone, or leaves that. Ends with a summary.
    pub(super) async fn store(self, deletes: bool) -> Result<(), CliError> {
        let Self { upload, watched, scope, steps, mut gone, seen, has_vanished, tally } = self;
        let failed = |source| CliError::Unreadable { path: upload.root.clone(), source };
        let place = Place::open_to_read(&upload.root).map_err(failed)?;
        let (pool, has_vanished) = (Pool::new(&upload.data), Cell::new(has_vanished));
        let put = Put { upload, watched, scope, seen, place, pool, has_vanished, tally };
        if !deletes {
            put.leave(gone.files.drain(..).map(|file| file.key));
            if steps.is_empty() && put.tally.failed_so_far() == 0 {
                return Ok(());
            }
        }
        put.tally.begin(steps.len() + gone.files.len());
        // What comes between the stores and the deletions is heard too.
        let mut signals = Signals::new()?;
        let stored = each(steps, upload.jobs, &mut signals, |step| put.take(step)).await;
        let ended = match stored {
            Ok(()) => put.delete(gone, &mut signals).await,
            Err(error) => Err(error),
        };
        put.tally.end(ended)
    }
}

impl Put<'_> {
    /// Does one step. What fails for one file is counted; what fails for all ends the command.
    async fn take(&self, step: Step) -> Result<(), CliError> {
        let (Step::Store(key, ..) | Step::Compare(key, ..) | Step::Count(key) | Step::Find(key, ..)) = &step;
        let key = key.clone();
        let path = self.upload.prefix.path(&key).expect("it is the key of a place in the folder");
        let taken = match step {
            Step::Store(_, size) => self.store(&key, &path, size).await,
            Step::Compare(_, size) => match self.is_same(&key, &path).await {
                Ok(true) => self.leave_unchanged(&key).await,
                // What the node cannot give is here.
                Ok(false) | Err(CliError::File { .. }) => self.store(&key, &path, size).await,
                Err(error) => Err(error),
            },
            Step::Count(_) => self.leave_unchanged(&key).await,
            Step::Find(_, size) => match self.pool.holders(&key).await {
                Ok(holders) if holders.is_nowhere() => self.store(&key, &path, size).await,
                Ok(holders) => self.leave_held(&key, holders.found),
                Err(error) => Err(error),
            },
        };
        match taken {
            Err(CliError::Input { .. } | CliError::Changed { .. }) if is_gone(&self.upload.root, &path) => {
                self.has_vanished.set(true);
                self.end_step(&key, self.tally.skipped(path.as_str(), &GONE_BY_NOW))
            }
            taken => self.end_step(&key, taken),
        }
    }

    /// Counts a step that came to its end. What fails for one file is left; what fails for all is returned.
    fn end_step(&self, key: &Key, ended: Result<(), CliError>) -> Result<(), CliError> {
        self.tally.step();
        if ended.is_err() {
            self.leave([key.clone()]);
        }
        self.tally.unless_fatal(key.as_str(), ended)
    }

    /// Notes that files need another look, if somebody watches.
    fn leave(&self, keys: impl IntoIterator<Item = Key>) {
        let Some(watched) = self.watched else { return };
        let places = keys.into_iter().filter_map(|key| self.upload.prefix.path(&key).ok());
        places.for_each(|place| watched.leave(Path::new(place.as_str())));
    }

    async fn store(&self, key: &Key, path: &FilePath, size: u64) -> Result<(), CliError> {
        if self.upload.is_dry_run {
            return self.tally.done(Action::Stored, key, size);
        }
        let attributes = self.look(path)?;
        let stored = match attributes.is_symlink() {
            true => self.store_link(key, path, attributes).await?,
            false => self.store_file(key, path).await?,
        };
        if stored.receipts.iter().any(|receipt| receipt.outcome.is_err()) {
            self.tally.short();
        }
        let (size, receipts) = (stored.size, stored.receipts.clone());
        if let Err(error) = stored.at_least(self.upload.replicas_min) {
            return Err(CliError::TooFewReplicas { key: key.clone(), reason: error.to_string(), receipts });
        }
        self.tally.done(Action::Stored, key, size)
    }

    /// Counts a file that is stored already. Fails if fewer peers hold it than are to.
    async fn leave_unchanged(&self, key: &Key) -> Result<(), CliError> {
        let found = if self.upload.replicas_min > 0 { self.pool.holders(key).await?.found } else { 0 };
        self.leave_held(key, found)
    }

    /// Does the same for a file that so many peers hold.
    fn leave_held(&self, key: &Key, found: usize) -> Result<(), CliError> {
        let wanted = self.upload.replicas_min;
        if found < wanted {
            let reason = StoreFault::TooFewReplicas { wanted, found }.to_string();
            return Err(CliError::TooFewReplicas { key: key.clone(), reason, receipts: Vec::new() });
        }
        self.tally.unchanged();
        Ok(())
    }

    /// Looks at what lies in the place of a file by now. No symbolic link on the way is followed, here or below.
    fn look(&self, path: &FilePath) -> Result<Attributes, CliError> {
        match self.place.look(path).map_err(self.unread(path))? {
            There::File(Found { attributes, .. }) => Ok(attributes),
            There::Nothing | There::Taken | There::Other => Err(CliError::Changed { path: self.whole(path) }),
        }
    }

    fn whole(&self, path: &FilePath) -> PathBuf {
        self.upload.root.join(path.as_str())
    }

    /// Says of a place in the folder why it could not be read.
    fn unread(&self, path: &FilePath) -> impl Fn(io::Error) -> CliError + use<> {
        let path = self.whole(path);
        move |source| CliError::Input { path: path.clone(), source }
    }

    async fn store_file(&self, key: &Key, path: &FilePath) -> Result<Stored, CliError> {
        let file = self.place.file(path).map_err(self.unread(path))?;
        let source = Source::in_folder(file, &self.whole(path)).await?;
        let mut client = self.pool.client().await?;
        let meter = Meter::new(self.upload.verbosity, "sending", Some(0));
        let stored = source::store(&mut client, key, source, &meter, pending()).await?;
        self.pool.give_back(client);
        Ok(stored)
    }

    /// Stores what a symbolic link leads to, as its content.
    async fn store_link(&self, key: &Key, path: &FilePath, attributes: Attributes) -> Result<Stored, CliError> {
        let content = self.place.link(path).map_err(self.unread(path))?;
        let request = Request::Put { key: key.clone(), size: Some(content.len() as u64), attributes: Some(attributes) };
        let perhaps = |source| CliError::PerhapsStored { key: key.clone(), source };
        let (client, answer) = self.pool.ask(&request, Some(&content)).await?;
        let stored = match answer.map_err(perhaps)? {
            Answer::Stored(stored) => stored,
            answer => return Err(CliError::unexpected_about(key.clone(), answer)),
        };
        self.pool.give_back(client);
        Ok(stored)
    }

    /// Compares a file with what is stored, which has the same size.
    async fn is_same(&self, key: &Key, path: &FilePath) -> Result<bool, CliError> {
        if self.look(path)?.is_symlink() {
            let target = self.place.link(path).map_err(self.unread(path))?;
            return fetch::is_same(&self.pool, key, true, target.as_slice()).await;
        }
        fetch::is_same(&self.pool, key, true, self.place.file(path).map_err(self.unread(path))?).await
    }

    /// Deletes what is gone, after all else: what has another name now is stored under that first.
    async fn delete(&self, gone: Gone<'_>, signals: &mut Signals) -> Result<(), CliError> {
        if gone.files.is_empty() {
            return Ok(());
        }
        let checked = match gone.check() {
            Ok(()) => tokio::select! {
                biased;
                () = signals.next() => Err(CliError::Interrupted),
                checked = self.check_names() => checked,
            },
            refused => refused,
        };
        if checked.is_err() {
            self.leave(gone.files.iter().map(|file| file.key.clone()));
            return checked;
        }
        each(gone.files.clone(), self.upload.jobs, signals, |file| self.delete_one(file, &gone)).await
    }

    /// Fails if what is gone may have another name, by which it is not stored: what was not read, or what came to where
    /// the folder had been read already.
    async fn check_names(&self) -> Result<(), CliError> {
        let failed = self.tally.failed_so_far();
        if failed > 0 {
            return Err(CliError::NoneDeleted { failed });
        }
        // It has stored nothing under any name.
        if self.upload.is_dry_run {
            return Ok(());
        }
        let mut scope = self.scope.clone();
        if let Some(watched) = self.watched {
            scope.join(watched.changes.scope(), CHANGED_PLACES_MAX);
        }
        match self.has_vanished.get() || self.upload.has_new(&scope, &self.scope, &self.seen).await? {
            true => Err(CliError::FolderChanged),
            false => Ok(()),
        }
    }

    async fn delete_one(&self, file: GoneFile, gone: &Gone<'_>) -> Result<(), CliError> {
        let GoneFile { key, size, version } = &file;
        let deleted = match gone.is_so_still(&file) {
            false => Ok(()),
            true if self.upload.is_dry_run => self.tally.done(Action::Deleted, key, *size),
            true => match super::remove::everywhere(&self.pool, key, Some(*version)).await {
                Ok(()) => self.tally.done(Action::Deleted, key, *size),
                Err(CliError::File { failure: Failure { kind: FailureKind::Changed, .. }, .. }) => {
                    self.tally.skipped(key.as_str(), &"another version was stored meanwhile")
                }
                Err(error) => Err(error),
            },
        };
        self.end_step(key, deleted)
    }
}
