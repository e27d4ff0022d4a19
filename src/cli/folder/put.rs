//! `dacapo put -r`: stores what differs in a folder, and deletes what is no longer in it if that is asked for.

use std::fs;
use std::future::pending;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use dacapo::crypto::Key;
use dacapo::folder::Scope;
use dacapo::node::{StoreFault, Stored};

use super::fetch;
use super::gone::Gone;
use super::pool::Pool;
use super::steps::each;
use super::tally::Tally;
use super::upload::{Difference, Step, Upload, Watched};
use super::walk::attributes;
use crate::cli::arguments::{PutArguments, Verbosity};
use crate::cli::control::{Answer, Request};
use crate::cli::error::CliError;
use crate::cli::json::Action;
use crate::cli::progress::Meter;
use crate::cli::source::{self, Source, open_alone};

struct Put<'a> {
    upload: &'a Upload,
    watched: Option<&'a Watched>,
    pool: Pool<'a>,
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
        let Self { upload, watched, steps, mut gone, tally } = self;
        let put = Put { upload, watched, pool: Pool::new(&upload.data), tally };
        if !deletes {
            put.leave(gone.keys.drain(..).map(|(key, _)| key));
            if steps.is_empty() && put.tally.failed_so_far() == 0 {
                return Ok(());
            }
        }
        put.tally.begin(steps.len() + gone.keys.len());
        let stored = each(steps, upload.jobs, |step| put.take(step)).await;
        let ended = match stored {
            Ok(()) => put.delete(gone).await,
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
        let taken = match step {
            Step::Store(key, path, size) => self.store(&key, &path, size).await,
            Step::Compare(key, path, size) => match self.is_same(&key, &path).await {
                Ok(true) => self.leave_unchanged(&key).await,
                // What the node cannot give is here.
                Ok(false) | Err(CliError::File { .. }) => self.store(&key, &path, size).await,
                Err(error) => Err(error),
            },
            Step::Count(_) => self.leave_unchanged(&key).await,
            Step::Find(key, path, size) => match self.pool.holders(&key).await {
                Ok(holders) if holders.is_nowhere() => self.store(&key, &path, size).await,
                Ok(holders) => self.leave_held(&key, holders.found),
                Err(error) => Err(error),
            },
        };
        self.end_step(&key, taken)
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

    async fn store(&self, key: &Key, path: &Path, size: u64) -> Result<(), CliError> {
        if self.upload.is_dry_run {
            return self.tally.done(Action::Stored, key, size);
        }
        let failed = |source| CliError::Input { path: path.to_owned(), source };
        let is_link = fs::symlink_metadata(path).map_err(failed)?.file_type().is_symlink();
        let stored = if is_link { self.store_link(key, path).await? } else { self.store_file(key, path).await? };
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

    async fn store_file(&self, key: &Key, path: &Path) -> Result<Stored, CliError> {
        let source = Source::in_folder(path).await?;
        let mut client = self.pool.client().await?;
        let meter = Meter::new(self.upload.verbosity, "sending", Some(0));
        let stored = source::store(&mut client, key, source, &meter, pending()).await?;
        self.pool.give_back(client);
        Ok(stored)
    }

    /// Stores what a symbolic link leads to, as its content.
    async fn store_link(&self, key: &Key, path: &Path) -> Result<Stored, CliError> {
        let failed = |source| CliError::Input { path: path.to_owned(), source };
        let target = fs::read_link(path).map_err(failed)?;
        let found = attributes(&fs::symlink_metadata(path).map_err(failed)?);
        let attributes = found.map_err(|_| CliError::Changed { path: path.to_owned() })?;
        let content = target.as_os_str().as_bytes();
        let request = Request::Put { key: key.clone(), size: Some(content.len() as u64), attributes: Some(attributes) };
        let perhaps = |source| CliError::PerhapsStored { key: key.clone(), source };
        let (client, answer) = self.pool.ask(&request, Some(content)).await?;
        let stored = match answer.map_err(perhaps)? {
            Answer::Stored(stored) => stored,
            answer => return Err(CliError::unexpected_about(key.clone(), answer)),
        };
        self.pool.give_back(client);
        Ok(stored)
    }

    /// Compares a file with what is stored, which has the same size.
    async fn is_same(&self, key: &Key, path: &Path) -> Result<bool, CliError> {
        let failed = |source| CliError::Input { path: path.to_owned(), source };
        if fs::symlink_metadata(path).map_err(failed)?.file_type().is_symlink() {
            let target = fs::read_link(path).map_err(failed)?;
            return fetch::is_same(&self.pool, key, true, target.as_os_str().as_bytes()).await;
        }
        fetch::is_same(&self.pool, key, true, open_alone(path).map_err(failed)?).await
    }

    /// Deletes what is gone, after all else: what has another name now is stored under that first.
    async fn delete(&self, gone: Gone<'_>) -> Result<(), CliError> {
        if gone.keys.is_empty() {
            return Ok(());
        }
        let failed = self.tally.failed_so_far();
        let checked = match gone.check() {
            Ok(()) if failed > 0 => Err(CliError::NoneDeleted { failed }),
            checked => checked,
        };
        if checked.is_err() {
            self.leave(gone.keys.iter().map(|(key, _)| key.clone()));
            return checked;
        }
        let keys = gone.keys.clone();
        each(keys, self.upload.jobs, |(key, size)| self.delete_one(key, size, &gone)).await
    }

    async fn delete_one(&self, key: Key, size: u64, gone: &Gone<'_>) -> Result<(), CliError> {
        let deleted = match gone.is_so_still(&key) {
            false => Ok(()),
            true if self.upload.is_dry_run => self.tally.done(Action::Deleted, &key, size),
            true => match super::remove::everywhere(&self.pool, &key).await {
                Ok(()) => self.tally.done(Action::Deleted, &key, size),
                Err(error) => Err(error),
            },
        };
        self.end_step(&key, deleted)
    }
}
