//! A content that lies in the data directory: it is copied from file to file, by the system, which shares the blocks if
//! the file system can. The node has verified it, and has put nothing else in its place.

use std::fs::File;
use std::path::Path;

use dacapo::crypto::{Key, Version};
use tokio::task::yield_now;

use super::sink::Sink;
use crate::cli::control::{Answer, Client, ControlError, Failure, FailureKind, Request};
use crate::cli::error::CliError;
use crate::cli::limits::COPY_BYTES;
use crate::cli::progress::Meter;

/// Opens a content where the node has found it. Returns none if it is another version by now: a newer one gets the
/// place after the catalog has it, and so a version that still counts is what was opened.
pub(super) async fn open(
    client: &mut Client,
    key: &Key,
    version: Version,
    path: &Path,
) -> Result<Option<File>, CliError> {
    let Ok(file) = File::open(path) else { return Ok(None) };
    client.request(&Request::Stat { key: key.clone() }, None).await?;
    match client.answer().await? {
        Answer::File(info) => Ok((info.version == version).then_some(file)),
        Answer::Failed(Failure { kind: FailureKind::NotFound, .. }) => Ok(None),
        answer => Err(CliError::unexpected_about(key.clone(), answer)),
    }
}

/// Copies all of it, and hears signals meanwhile.
#[expect(clippy::disallowed_methods, reason = "a copy between files waits for nothing, and signals have to be heard")]
pub(super) async fn copy(file: &mut File, size: u64, sink: &mut Sink, meter: &Meter) -> Result<(), CliError> {
    let mut found = 0;
    while found < size {
        let copied = sink.copy(file, COPY_BYTES.min(size - found)).await?;
        if copied == 0 {
            return Err(ControlError::Short { expected: size, found }.into());
        }
        found += copied;
        meter.add(usize::try_from(copied).unwrap_or(usize::MAX));
        yield_now().await;
    }
    Ok(())
}
