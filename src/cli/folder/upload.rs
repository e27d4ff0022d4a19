//! How a folder is stored, and what of it the node does not have as the folder has it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dacapo::crypto::Key;
use dacapo::folder::{FilePath, FolderFile, Join, Pair, Prefix, Sameness, Scope, sameness};
use dacapo::node::FileInfo;

use super::changes::Changes;
use super::excluded::Excluded;
use super::gone::Gone;
use super::known::Known;
use super::listing::{each_page, prefix};
use super::pool::may_be_nowhere;
use super::tally::Tally;
use super::walk::{FileIds, file_id, walk};
use crate::cli::arguments::Verbosity;
use crate::cli::error::CliError;
use crate::cli::json::Action;
use crate::cli::limits::CHANGED_PLACES_MAX;

/// What is to be done about a file, which has a key and a size.
pub(super) enum Step {
    Store(Key, u64),
    /// Stores it if the contents differ.
    Compare(Key, u64),
    /// Counts the peers that hold it, because the node has it as the folder has it.
    Count(Key),
    /// Stores it if nobody has a copy of what the node says is the same.
    Find(Key, u64),
}

/// A folder that is stored, and how.
pub(super) struct Upload {
    pub(super) data: PathBuf,
    pub(super) root: PathBuf,
    pub(super) prefix: Prefix,
    pub(super) excluded: Arc<Excluded>,
    pub(super) jobs: u16,
    /// Whether what is gone is deleted.
    pub(super) deletes: bool,
    pub(super) is_dry_run: bool,
    pub(super) replicas_min: usize,
    pub(super) is_json: bool,
    pub(super) verbosity: Verbosity,
}

/// What is noticed of a folder that is watched.
pub(super) struct Watched {
    pub(super) changes: Arc<Changes>,
    pub(super) known: Known,
    /// What was not stored or not deleted, or may hide something that is not stored.
    pub(super) left: RefCell<Scope>,
    /// Where the content may have changed although neither size nor time tells.
    pub(super) written: RefCell<BTreeSet<FilePath>>,
}

/// What the node does not have as the folder has it.
pub(super) struct Difference<'a> {
    pub(super) upload: &'a Upload,
    pub(super) watched: Option<&'a Watched>,
    pub(super) scope: Scope,
    pub(super) steps: Vec<Step>,
    pub(super) gone: Gone<'a>,
    pub(super) seen: FileIds,
    /// Whether something was gone before it could be looked at.
    pub(super) has_vanished: bool,
    pub(super) tally: Tally,
}

impl Upload {
    /// Returns how a folder is stored if nothing else is asked for: a file at a time, and nothing is deleted.
    pub(super) fn new(
        data: &Path,
        root: PathBuf,
        to: &OsStr,
        exclude: &[String],
        verbosity: Verbosity,
    ) -> Result<Self, CliError> {
        Ok(Self {
            data: data.to_owned(),
            root,
            prefix: prefix(to)?,
            excluded: Arc::new(Excluded::new(exclude)?),
            jobs: 1,
            deletes: false,
            is_dry_run: false,
            replicas_min: 0,
            is_json: false,
            verbosity,
        })
    }

    /// Compares what is looked at of the folder with what the node has.
    pub(super) async fn compare<'a>(
        &'a self,
        scope: &Scope,
        watched: Option<&'a Watched>,
    ) -> Result<Difference<'a>, CliError> {
        if self.deletes && self.prefix.as_str().is_empty() {
            return Err(CliError::EverythingDeleted);
        }
        let changes = watched.map(|watched| &watched.changes);
        let walked = walk(&self.root, &self.prefix, &self.excluded, scope, changes).await?;
        let tally = Tally::new(Action::Stored, self.is_json, self.is_dry_run, self.verbosity);
        // Told once, and not each time that something beside it changes.
        for (name, reason) in walked.odd.iter().filter(|_| *scope == Scope::All) {
            tally.skipped(name, reason)?;
        }
        for (name, reason) in &walked.failed {
            tally.failed(name, &format_args!("{name}: not stored: {reason}"))?;
            if let Some(watched) = watched {
                watched.leave(Path::new(name).parent().unwrap_or(Path::new("")));
            }
        }
        let known = watched.filter(|_| self.deletes).map(|watched| &watched.known);
        let gone = Gone::new(&self.root, &self.prefix, &self.excluded, &walked.files, known);
        let (seen, has_vanished) = (walked.seen, walked.has_vanished);
        let mut difference = Difference {
            upload: self,
            watched,
            scope: scope.clone(),
            steps: Vec::new(),
            gone,
            seen,
            has_vanished,
            tally,
        };
        self.join(walked.files, scope, |pair, scope| difference.take(pair, scope)).await?;
        difference.gone.note();
        difference.leave_what_is_held().await?;
        Ok(difference)
    }

    /// Tells whether there is a file by now that the node does not have, in what is looked at of the folder, or whether
    /// there may be one. `before` is what was looked at before, and `seen` are the files that it had.
    pub(super) async fn has_new(&self, scope: &Scope, before: &Scope, seen: &FileIds) -> Result<bool, CliError> {
        let walked = walk(&self.root, &self.prefix, &self.excluded, scope, None).await?;
        let mut has_new = !walked.failed.is_empty() || walked.has_vanished;
        let take = |pair, _: &Scope| {
            has_new |= match pair {
                Pair::Folder(..) => true,
                Pair::Both(file, stored) => {
                    before.has(file.path.as_str()) && self.has_taken_a_place(&file, &stored, seen)
                }
                Pair::Node(_) => false,
            };
        };
        self.join(walked.files, scope, take).await?;
        Ok(has_new)
    }

    /// Tells whether a file is not the stored one, and was not seen before under any name. One that changes again and
    /// again in its place, such as a log, was seen.
    fn has_taken_a_place(&self, file: &FolderFile, stored: &FileInfo, seen: &FileIds) -> bool {
        let was_seen = |now: Metadata| seen.contains(&file_id(&now));
        sameness(file.size, &file.attributes, stored) != Sameness::Same
            && !fs::symlink_metadata(self.root.join(file.path.as_str())).is_ok_and(was_seen)
    }

    /// Brings files of what is looked at of the folder together with those that the node has there. Each pair comes
    /// with the place to which it belongs.
    async fn join(
        &self,
        mut files: Vec<(Key, FolderFile)>,
        scope: &Scope,
        mut take: impl FnMut(Pair, &Scope),
    ) -> Result<(), CliError> {
        let Scope::Places(places) = scope else {
            return self.join_place(self.prefix.as_str(), files, |pair| take(pair, scope)).await;
        };
        for place in places {
            let beginning = format!("{}{place}", self.prefix.as_str());
            let place = Scope::from(place.clone());
            let is_here = |(_, file): &(Key, FolderFile)| place.has(file.path.as_str());
            let (here, others) = files.into_iter().partition(is_here);
            files = others;
            self.join_place(&beginning, here, |pair| take(pair, &place)).await?;
        }
        Ok(())
    }

    /// Brings files together with those of the node whose keys begin with a text.
    async fn join_place(
        &self,
        beginning: &str,
        files: Vec<(Key, FolderFile)>,
        mut take: impl FnMut(Pair),
    ) -> Result<(), CliError> {
        let mut join = Join::new(files);
        each_page(&self.data, beginning, |page| {
            join.page(page, &mut take);
            Ok(())
        })
        .await?;
        join.rest().for_each(take);
        Ok(())
    }
}

impl Watched {
    /// Notes that a place needs another look, or the nearest above it that can have a key.
    pub(super) fn leave(&self, below: &Path) {
        self.left.borrow_mut().add_nearest(below, CHANGED_PLACES_MAX);
    }
}

impl Difference<'_> {
    /// Finds what is to be done about a file.
    fn take(&mut self, pair: Pair, scope: &Scope) {
        match pair {
            Pair::Folder(key, file) => self.steps.push(Step::Store(key, file.size)),
            Pair::Both(file, stored) => match self.sameness(&file, &stored) {
                Sameness::Same if !stored.is_local => self.steps.push(Step::Find(stored.key, file.size)),
                Sameness::Same if self.upload.replicas_min > 0 => self.steps.push(Step::Count(stored.key)),
                Sameness::Same => self.tally.unchanged(),
                // What is not here would have to be fetched to be compared.
                Sameness::Unclear if stored.is_local => self.steps.push(Step::Compare(stored.key, file.size)),
                Sameness::Unclear | Sameness::Other => self.steps.push(Step::Store(stored.key, file.size)),
            },
            Pair::Node(stored) => {
                let Upload { prefix, deletes, .. } = self.upload;
                if *deletes && prefix.path(&stored.key).is_ok_and(|path| scope.has(path.as_str())) {
                    self.gone.look(stored);
                }
            }
        }
    }

    /// Tells whether a file is the stored one. Whoever writes to a file can give it back the time that it had.
    fn sameness(&self, file: &FolderFile, stored: &FileInfo) -> Sameness {
        let is_written = |watched: &Watched| watched.written.borrow().contains(&file.path);
        match sameness(file.size, &file.attributes, stored) {
            Sameness::Same if self.watched.is_some_and(is_written) => Sameness::Unclear,
            found => found,
        }
    }

    /// Looks for no file that the peers hold, or may hold: each of them would read all of it.
    async fn leave_what_is_held(&mut self) -> Result<(), CliError> {
        let is_sought = self.steps.iter().any(|step| matches!(step, Step::Find(..)));
        if !is_sought || may_be_nowhere(&self.upload.data).await? {
            return Ok(());
        }
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Find(key, ..) if self.upload.replicas_min > 0 => self.steps.push(Step::Count(key)),
                Step::Find(..) => self.tally.unchanged(),
                step => self.steps.push(step),
            }
        }
        Ok(())
    }

    /// Tells whether there is nothing to do and nothing to tell.
    pub(super) fn is_nothing(&self) -> bool {
        self.steps.is_empty() && self.gone.files.is_empty() && self.tally.failed_so_far() == 0
    }
}
