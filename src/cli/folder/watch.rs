//! `dacapo watch`: stores what differs in a folder, and then what changes in it.

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use dacapo::folder::Scope;
use tokio::time::{Instant, sleep_until};

use super::changes::Changes;
use super::known::{Identity, Known, identify};
use super::upload::{Upload, Watched};
use crate::cli::arguments::{Verbosity, WatchArguments};
use crate::cli::error::CliError;
use crate::cli::json::ErrorJson;
use crate::cli::limits::{
    AWAY_WAIT_MAX, CHANGED_PLACES_MAX, RESCAN_INTERVAL, RETRY_WAIT_MAX, RETRY_WAIT_MIN, ROOT_CHECK_INTERVAL,
};
use crate::cli::runtime::Signals;
use crate::cli::{logging, output};

struct Watch {
    upload: Upload,
    watched: Watched,
    /// Which directory it is, whatever its name becomes.
    root: Identity,
    signals: Signals,
    again: Again,
}

/// What is looked at once more although nothing has changed in it.
struct Again {
    failed: Scope,
    wait: Duration,
    /// The wait for a node that is away.
    away: Duration,
    retry_at: Instant,
    rescan_at: Instant,
}

/// Ends well if the user ends it.
pub(in crate::cli) async fn watch(arguments: &WatchArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let failed = |source| CliError::Unreadable { path: arguments.folder.clone(), source };
    let root = fs::canonicalize(&arguments.folder).map_err(failed)?;
    let identity = identify(&root).map_err(failed)?;
    let upload = Upload::new(&arguments.data.dir, root, &arguments.prefix, &arguments.exclude, verbosity)?;
    let upload = Upload { jobs: arguments.jobs, deletes: arguments.delete, is_json: arguments.json, ..upload };
    let changes = Arc::new(Changes::begin(&upload.root)?);
    let watched = Watched { changes, known: Known::default(), left: RefCell::default(), written: RefCell::default() };
    let mut watch = Watch { upload, watched, root: identity, signals: Signals::new()?, again: Again::new() };
    match watch.run().await {
        Err(CliError::Interrupted) => Ok(()),
        ended => ended,
    }
}

impl Watch {
    /// Returns only with an error.
    async fn run(&mut self) -> Result<(), CliError> {
        let mut scope = Scope::All;
        let mut is_first = true;
        loop {
            let ended = self.pass(&scope, is_first).await;
            let mut left = self.watched.left.take();
            match &ended {
                Err(error) if ends(error, is_first) => return ended,
                Ok(()) => {}
                Err(error) if !is_of_places(error) => left.join(scope, CHANGED_PLACES_MAX),
                Err(_) => {}
            }
            let is_away = matches!(ended, Err(CliError::Connect(_)));
            let wait = self.again.put_back(left, is_away);
            if let Err(error) = &ended {
                self.warn(error, wait);
            }
            if is_first && !self.upload.verbosity.quiet {
                logging::note(format_args!("watching {} until Ctrl-C", self.upload.root.display()));
            }
            is_first = false;
            // Where nothing is left to do, the content is what is stored.
            self.watched.written.get_mut().retain(|place| self.again.failed.has(place.as_str()));
            scope = self.next().await?;
        }
    }

    /// Brings the node what differs in a part of the folder.
    async fn pass(&mut self, scope: &Scope, is_first: bool) -> Result<(), CliError> {
        self.check_root()?;
        // The system may have lost count of the directories as well.
        if *scope == Scope::All && !is_first {
            let (changes, written) = self.watched.changes.anew()?;
            self.watched.changes = Arc::new(changes);
            self.watched.written.get_mut().extend(written);
        }
        let difference = tokio::select! {
            biased;
            () = self.signals.next() => return Err(CliError::Interrupted),
            difference = self.upload.compare(scope, Some(&self.watched)) => difference?,
        };
        // What was not stored so far may be what is gone, under another name.
        let deletes = self.again.failed.is_empty();
        match difference.is_nothing() && !is_first {
            true => Ok(()),
            false => difference.store(deletes).await,
        }
    }

    /// Waits until there is something to look at.
    async fn next(&mut self) -> Result<Scope, CliError> {
        loop {
            let look_at = self.again.due().min(Instant::now() + ROOT_CHECK_INTERVAL);
            let mut scope = tokio::select! {
                biased;
                () = self.signals.next() => return Err(CliError::Interrupted),
                () = sleep_until(look_at) => self.again.take(),
                told = self.watched.changes.next() => {
                    self.watched.written.get_mut().extend(told.written);
                    told.scope
                }
            };
            // What has failed a moment ago has its time.
            scope.leave_out(&self.again.failed);
            if !scope.is_empty() {
                return Ok(scope);
            }
            self.check_root()?;
        }
    }

    /// Fails if the folder is another one by now.
    fn check_root(&self) -> Result<(), CliError> {
        let path = || self.upload.root.clone();
        match identify(&self.upload.root) {
            Ok(root) if root == self.root => Ok(()),
            Ok(_) => Err(CliError::FolderReplaced { path: path() }),
            Err(source) => Err(CliError::Unreadable { path: path(), source }),
        }
    }

    fn warn(&self, error: &CliError, wait: Duration) {
        match self.upload.is_json {
            true => logging::note(output::json_text(&ErrorJson::new(error))),
            false => {
                let seconds = wait.as_millis().div_ceil(1000);
                logging::warn("", format_args!("{}; tried again in {seconds} s", error.full_message()));
            }
        }
    }
}

impl Again {
    fn new() -> Self {
        let now = Instant::now();
        let (wait, away) = (RETRY_WAIT_MIN, RETRY_WAIT_MIN);
        Self { failed: Scope::default(), wait, away, retry_at: now, rescan_at: now + RESCAN_INTERVAL }
    }

    /// Has a scope be looked at again. Returns how long it is until then: not long if only the node is away, whatever
    /// has failed before.
    fn put_back(&mut self, left: Scope, is_away: bool) -> Duration {
        let now = Instant::now();
        match (self.failed.is_empty(), left.is_empty()) {
            _ if is_away => self.retry_at = now + self.away,
            (true, true) => self.wait = RETRY_WAIT_MIN,
            (true, false) => {
                self.retry_at = now + self.wait;
                self.wait = (self.wait * 2).min(RETRY_WAIT_MAX);
            }
            (false, _) => {}
        }
        self.away = if is_away { (self.away * 2).min(AWAY_WAIT_MAX) } else { RETRY_WAIT_MIN };
        self.failed.join(left, CHANGED_PLACES_MAX);
        self.retry_at.saturating_duration_since(now)
    }

    fn due(&self) -> Instant {
        if self.failed.is_empty() { self.rescan_at } else { self.retry_at.min(self.rescan_at) }
    }

    /// Returns what is due, if anything is.
    fn take(&mut self) -> Scope {
        let now = Instant::now();
        if self.rescan_at <= now {
            self.rescan_at = now + RESCAN_INTERVAL;
            self.failed = Scope::default();
            return Scope::All;
        }
        if self.retry_at <= now { std::mem::take(&mut self.failed) } else { Scope::default() }
    }
}

/// Tells whether an error says nothing of other places than those that are put back.
fn is_of_places(error: &CliError) -> bool {
    matches!(
        error,
        CliError::FilesFailed { .. }
            | CliError::NoneDeleted { .. }
            | CliError::FolderChanged
            | CliError::EmptyFolder { .. }
            | CliError::Unmounted { .. }
    )
}

/// Tells whether there is nothing to go on with after an error. At first that is so too if the command may be wrong.
fn ends(error: &CliError, is_first: bool) -> bool {
    match error {
        CliError::Connect(_) | CliError::IgnoreFile { .. } => is_first,
        CliError::Interrupted
        | CliError::Stdout(_)
        | CliError::Unreadable { .. }
        | CliError::NotADirectory { .. }
        | CliError::FolderReplaced { .. }
        | CliError::EverythingDeleted => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use dacapo::folder::FilePath;

    use super::*;

    #[test]
    fn a_node_that_is_away_is_tried_again_soon_whatever_has_failed_before() {
        let place = |text| Scope::from(FilePath::new(text).expect("a place"));
        let mut again = Again::new();
        again.wait = RETRY_WAIT_MAX;
        assert!(again.put_back(place("bad"), false) > AWAY_WAIT_MAX);
        assert!(again.put_back(place("new"), true) <= RETRY_WAIT_MIN);
        for _ in 0..10 {
            assert!(again.put_back(Scope::default(), true) <= AWAY_WAIT_MAX);
        }
        assert!(again.failed.has("bad") && again.failed.has("new"));
    }
}
