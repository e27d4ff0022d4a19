//! What a command fails with, as a message for people and an exit code for scripts.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use dacapo::crypto::{HexError, Key, KeyError};
use dacapo::disk::dir::DirDiskError;
use dacapo::node::{Panicked, StartError};

use super::control::{ControlError, Failure, FailureKind};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("invalid KEY: {0}")]
    Key(#[from] KeyError),
    #[error("no node is running on {}; start one with `dacapo node`", data.display())]
    NoNode { data: PathBuf },
    #[error("cannot reach the node on {}: {source}", data.display())]
    Unreachable { data: PathBuf, source: io::Error },
    #[error("the connection with the node failed: {0}")]
    Control(#[from] ControlError),
    #[error("{key}: not stored: {source}")]
    NotStored { key: Key, source: ControlError },
    #[error("{key}: perhaps stored: {source}")]
    PerhapsStored { key: Key, source: ControlError },
    #[error("{key}: perhaps deleted: {source}")]
    PerhapsDeleted { key: Key, source: ControlError },
    #[error("{key}: {failure}")]
    File { key: Key, failure: Failure },
    #[error(transparent)]
    Node(#[from] Failure),
    #[error(transparent)]
    Data(#[from] DirDiskError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Panicked(#[from] Panicked),
    #[error("cannot open the control socket {}: {source}", path.display())]
    Socket { path: PathBuf, source: io::Error },
    #[error("cannot read the cluster secret {}: {source}", path.display())]
    SecretFile { path: PathBuf, source: io::Error },
    #[error("the cluster secret {} is not 64 hex digits on one line: {source}", path.display())]
    Secret { path: PathBuf, source: HexError },
    #[error("{} is a directory, not a file", path.display())]
    IsADirectory { path: PathBuf },
    #[error("not stored: cannot read {}: {source}", path.display())]
    Input { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Output { path: PathBuf, source: io::Error },
    #[error("cannot write standard output: {0}")]
    Stdout(#[source] io::Error),
    #[error("cannot set up the process: {0}")]
    Process(#[source] io::Error),
    #[error("interrupted")]
    Interrupted,
    #[error("{} exists; the demonstration needs new directories", path.display())]
    DemoExists { path: PathBuf },
    #[error("the demonstration failed: {reason}")]
    Demo { reason: String },
}

impl CliError {
    /// 1 failed, 2 wrong usage, 3 no such file, 130 interrupted as shells count it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Key(_) | Self::IsADirectory { .. } => 2,
            Self::File { failure: Failure { kind: FailureKind::NotFound, .. }, .. } => 3,
            Self::Interrupted => 130,
            _ => 1,
        }
    }

    /// The message, with the causes that it does not tell itself.
    pub(crate) fn full_message(&self) -> String {
        let mut message = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.ends_with(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        message
    }
}
