//! `dacapo watch`.

use crate::cli::arguments::{Verbosity, WatchArguments};
use crate::cli::error::CliError;
use crate::cli::folder;

pub(crate) async fn run(arguments: &WatchArguments, verbosity: Verbosity) -> Result<(), CliError> {
    folder::watch(arguments, verbosity).await
}
