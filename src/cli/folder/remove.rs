//! `dacapo rm -r`: deletes what is stored under a prefix, here or everywhere.

use dacapo::crypto::{Key, Version};
use dacapo::node::DeleteError;

use super::excluded::Excluded;
use super::listing::{each_page, prefix};
use super::pool::{Holders, Pool};
use super::steps::each;
use super::tally::Tally;
use crate::cli::arguments::{RmArguments, Verbosity};
use crate::cli::control::{Answer, Request};
use crate::cli::error::CliError;
use crate::cli::json::Action;
use crate::cli::runtime::Signals;

struct Remove<'a> {
    arguments: &'a RmArguments,
    pool: Pool<'a>,
    tally: Tally,
}

pub(in crate::cli) async fn remove(arguments: &RmArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let (prefix, selection) = (prefix(&arguments.key)?, &arguments.selection);
    if prefix.as_str().is_empty() {
        return Err(CliError::EverythingDeleted);
    }
    let excluded = Excluded::new(&selection.exclude)?;
    let tally = Tally::new(Action::Deleted, arguments.json, selection.dry_run, verbosity);
    let (mut found, mut steps) = (0, Vec::new());
    each_page(&arguments.data.dir, prefix.as_str(), |page| {
        for stored in page {
            found += 1;
            let path = prefix.path(&stored.key);
            if let (Err(error), false) = (&path, selection.exclude.is_empty()) {
                // Whether it is meant cannot be told.
                tally.skipped(stored.key.as_str(), error)?;
            } else if path.is_ok_and(|path| excluded.has(&path)) {
                tally.unchanged();
            } else if arguments.everywhere || stored.is_local {
                steps.push((stored.key, stored.size));
            } else {
                tally.unchanged();
            }
        }
        Ok(())
    })
    .await?;
    if found == 0 {
        return Err(CliError::NoneBegins { prefix: prefix.as_str().to_owned() });
    }
    tally.begin(steps.len());
    let remove = Remove { arguments, pool: Pool::new(&arguments.data.dir), tally };
    let ended = each(steps, selection.jobs, &mut Signals::new()?, |(key, size)| remove.take(key, size)).await;
    remove.tally.end(ended)
}

impl Remove<'_> {
    /// Deletes one file. What fails for one file is counted; what fails for all ends the command.
    async fn take(&self, key: Key, size: u64) -> Result<(), CliError> {
        let arguments = self.arguments;
        let wanted = if arguments.force { 0 } else { arguments.min_replicas };
        let deleted = match (arguments.selection.dry_run, arguments.everywhere) {
            (true, true) => Ok(()),
            (true, false) => self.would(&key, usize::try_from(wanted).unwrap_or(usize::MAX)).await,
            (false, true) => everywhere(&self.pool, &key, None).await,
            (false, false) => here(&self.pool, &key, wanted).await,
        };
        self.tally.step();
        let deleted = deleted.and_then(|()| self.tally.done(Action::Deleted, &key, size));
        self.tally.unless_fatal(key.as_str(), deleted)
    }

    /// Fails if a local copy would not be deleted, because fewer peers than are to say that they hold the file.
    async fn would(&self, key: &Key, wanted: usize) -> Result<(), CliError> {
        if wanted == 0 {
            return Ok(());
        }
        match self.pool.holders(key).await? {
            Holders { found, asked, .. } if found < wanted => {
                let failure = DeleteError::TooFewReplicas { wanted, found, asked }.into();
                Err(CliError::File { key: key.clone(), failure })
            }
            _ => Ok(()),
        }
    }
}

/// Deletes a file here and at every peer; if a version is named, only while that is the current one.
pub(super) async fn everywhere(pool: &Pool<'_>, key: &Key, version: Option<Version>) -> Result<(), CliError> {
    let (client, answer) = pool.ask(&Request::DeleteEverywhere { key: key.clone(), version }, None).await?;
    match answer.map_err(|source| CliError::PerhapsDeleted { key: key.clone(), source })? {
        Answer::DeletedEverywhere { .. } => {
            pool.give_back(client);
            Ok(())
        }
        answer => Err(CliError::unexpected_about(key.clone(), answer)),
    }
}

/// Deletes the local copy of a file.
async fn here(pool: &Pool<'_>, key: &Key, replicas_min: u32) -> Result<(), CliError> {
    let (client, answer) = pool.ask(&Request::Remove { key: key.clone(), replicas_min }, None).await?;
    match answer.map_err(|source| CliError::PerhapsDeleted { key: key.clone(), source })? {
        Answer::Removed => {
            pool.give_back(client);
            Ok(())
        }
        answer => Err(CliError::unexpected_about(key.clone(), answer)),
    }
}
