//! `dacapo stop`: stops the node that runs on a data directory.

use crate::cli::arguments::StopArguments;
use crate::cli::control::{Answer, Client, Request};
use crate::cli::error::CliError;

/// Returns when the node has stopped and its data directory is closed.
pub(crate) async fn run(arguments: &StopArguments) -> Result<(), CliError> {
    let mut client = Client::ask(&arguments.data.dir, &Request::Stop).await?;
    match client.answer().await? {
        Answer::Stopped => Ok(()),
        answer => Err(CliError::unexpected(answer)),
    }
}
