//! What a command fails with, as a message for people and an exit code for scripts. Both are part of what scripts rely
//! on.

mod http;
mod missing;
#[cfg(test)]
pub(crate) mod tests;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use dacapo::crypto::{HexError, Key, KeyError, NodeId};
use dacapo::disk::dir::DirDiskError;
use dacapo::membership::{BackupError, BackupTextError, ClusterError, InvitationError, MembersError};
use dacapo::node::{Panicked, Receipt, StartError, StatError};
use dacapo::store::{IdentityError, LayoutError};
use dacapo::view::show;

use super::config::ConfigError;
use super::control::{Answer, ConnectError, ControlError, Failure, FailureKind, SocketError};

pub(crate) use http::HttpError;
pub(crate) use missing::Missing;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("invalid KEY: {0}")]
    Key(#[from] KeyError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("{key}: not stored: {source}")]
    NotStored { key: Key, source: ControlError },
    #[error("{key}: perhaps stored: {source}")]
    PerhapsStored { key: Key, source: ControlError },
    /// The receipts tell of each peer.
    #[error("{key}: {reason}")]
    TooFewReplicas { key: Key, reason: String, receipts: Vec<Receipt> },
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
    #[error(transparent)]
    Stat(#[from] StatError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Members(#[from] MembersError),
    #[error(
        "{} is in no cluster: `dacapo init` makes one, `dacapo join` enters one, and --open-cluster lets in everybody \
         who reaches the port",
        data.display()
    )]
    NoCluster { data: PathBuf },
    #[error("this is not an invitation: {0}")]
    Invitation(#[source] InvitationError),
    #[error("this is an invitation of this node itself; another machine is to join with it")]
    OwnInvitation,
    #[error("an invitation is a secret, and everybody on this machine can see arguments: give it on standard input")]
    Exposed,
    #[error(
        "the node listens on every address of this machine; say by which one others reach it, such as \
         `dacapo invite HOST:{port}`"
    )]
    Unspecified { port: u16 },
    #[error("invalid ID: {0}")]
    Id(#[from] IdError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("{} is neither a backup of an identity nor an identity: {source}", path.display())]
    NotABackup { path: PathBuf, source: BackupTextError },
    #[error("no terminal to type a passphrase in; --passphrase-file reads it from a file")]
    NoPassphrase,
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    #[error("cannot read the passphrase in {}: {source}", path.display())]
    PassphraseFile { path: PathBuf, source: io::Error },
    #[error("the cluster of this identity is not known: say it by --cluster-secret-file or --open-cluster")]
    ClusterUnknown,
    #[error("no peer could be reached within {seconds} seconds; the same command tries again")]
    NoPeers { seconds: u64 },
    #[error("{0}; the same command goes on")]
    NotRecovered(Missing),
    #[error("nothing was moved: {peers} could not be compared with this node, and nothing has come of it for a minute")]
    NotCompared { peers: String },
    #[error(
        "nothing was moved: no connection of the new identity with {peers}, where the files would be lost; let it in \
         there by `dacapo peers allow {node}`, or forget those that it cannot reach, and run the same command again"
    )]
    NotFollowed { peers: String, node: NodeId },
    #[error("{peers} may still lack new copies, which {node} sends while it runs and is let in there")]
    NewCopiesLacking { peers: String, node: NodeId },
    #[error("{peers} may still hold copies under the old keys; the same command tries again")]
    OldCopiesLeft { peers: String },
    #[error("{} is the directory of another node; a new identity needs a new directory", data.display())]
    NotANewDirectory { data: PathBuf },
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{} not moved: what the old identity has of them stays there; the same command goes on",
        show::count(*count, "file")
    )]
    NotMoved { count: u64 },
    #[error("{} is not a Dacapo data directory", data.display())]
    NotADataDirectory { data: PathBuf },
    #[error("--to names the directory of the old node, {data}; the new one needs another")]
    NotAnother { data: PathBuf },
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{found} to mend")]
    Unwell { found: String },
    #[error("cannot read the secret {}: {source}", path.display())]
    SecretFile { path: PathBuf, source: io::Error },
    #[error("the cluster secret {} is not 64 hex digits on one line: {source}", path.display())]
    Secret { path: PathBuf, source: HexError },
    #[error("{} is a directory, not a file; -r is for directories", path.display())]
    IsADirectory { path: PathBuf },
    #[error("{} is not a directory; `dacapo put` without -r stores one file", path.display())]
    NotADirectory { path: PathBuf },
    #[error("{key}: cannot read what is here: {source}")]
    Compared { key: Key, source: io::Error },
    #[error("{key}: not written: {source}")]
    NotWritten { key: Key, source: io::Error },
    #[error("invalid GLOB: {reason}")]
    Glob { reason: String },
    #[error(
        "nothing was deleted: {} is empty, and so {} would be deleted everywhere; if that is meant, remove the \
         directory, or have `dacapo rm -r` do it",
        path.display(),
        show::count(*stored, "file")
    )]
    EmptyFolder { path: PathBuf, stored: u64 },
    #[error(
        "nothing was deleted: a disk was mounted at {}, and is not any more; begin again if it is gone for good",
        path.display()
    )]
    Unmounted { path: PathBuf },
    #[error("{} is another directory than when this command began: begin again", path.display())]
    FolderReplaced { path: PathBuf },
    #[error("cannot notice what changes in {}: {reason}", path.display())]
    NotNoticed { path: PathBuf, reason: String },
    #[error("{} failed", show::count(*failed, "file"))]
    FilesFailed { failed: u64, are_too_few: bool },
    #[error("nothing was stored: {reason}")]
    IgnoreFile { reason: String },
    #[error("{} failed, and so nothing was deleted", show::count(*failed, "file"))]
    NoneDeleted { failed: u64 },
    #[error("nothing was deleted: the folder has changed meanwhile, and what is gone may have another name by now")]
    FolderChanged,
    #[error("name a PREFIX: without one, every other file of the node would be deleted")]
    EverythingDeleted,
    #[error("no file begins with {prefix}")]
    NoneBegins { prefix: String },
    #[error("not stored: cannot read {}: {source}", path.display())]
    Input { path: PathBuf, source: io::Error },
    #[error("not stored: {} changed while it was read", path.display())]
    Changed { path: PathBuf },
    #[error("not stored: the content is empty; --allow-empty stores an empty file")]
    EmptyInput,
    #[error("not stored: cannot run {command}: {source}")]
    CommandNotRun { command: String, source: io::Error },
    #[error("not stored: {command} failed: {status}")]
    CommandFailed { command: String, status: ExitStatus },
    #[error("cannot write {}: {source}", path.display())]
    Output { path: PathBuf, source: io::Error },
    #[error("{} is in the data directory, with which it would be lost: name a file elsewhere", path.display())]
    BackupInData { path: PathBuf },
    #[error("cannot write standard output: {0}")]
    Stdout(#[source] io::Error),
    /// Unlike [`Stdout`](Self::Stdout), the output is all that the command is for.
    #[error("cannot write standard output: {0}")]
    Undelivered(#[source] io::Error),
    #[error("{done}, but what is to be told of it cannot be written to standard output: {source}")]
    Untold { done: String, source: io::Error },
    #[error("cannot set up the process: {0}")]
    Process(#[source] io::Error),
    #[error("{} could not be read", show::count(*failed, "file"))]
    Unread { failed: u64 },
    #[error("own files that no peer could give: {missing}")]
    NotRestored { missing: u64 },
    #[error("replicas that are not held until their owners send them again: {replicas}")]
    NotHeld { replicas: u64 },
    #[error("interrupted")]
    Interrupted,
    #[error("{} exists; the demonstration needs new directories", path.display())]
    DemoExists { path: PathBuf },
    #[error("the demonstration failed: {reason}")]
    Demo { reason: String },
}

/// Why a text names no peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdError {
    #[error(transparent)]
    Text(#[from] HexError),
    #[error("no peer begins with {text}; an id that the node does not know has 64 digits")]
    Unknown { text: String },
    #[error("{count} peers begin with {text}")]
    Ambiguous { text: String, count: usize },
}

impl CliError {
    /// Says of a failure to write the result to standard output that the work itself is done.
    pub(crate) fn after(done: impl Into<String>) -> impl FnOnce(Self) -> Self {
        let done = done.into();
        move |error| match error {
            Self::Stdout(source) => Self::Untold { done, source },
            error => error,
        }
    }

    /// Returns what is wrong with an answer that a command did not expect.
    pub(crate) fn unexpected(answer: Answer) -> Self {
        match answer {
            Answer::Failed(failure) => Self::Node(failure),
            _ => Self::Control(ControlError::Unexpected),
        }
    }

    /// Returns what is wrong with an answer that a command about one file did not expect.
    pub(crate) fn unexpected_about(key: Key, answer: Answer) -> Self {
        match answer {
            Answer::Failed(failure) => Self::File { key, failure },
            _ => Self::Control(ControlError::Unexpected),
        }
    }

    /// Returns the node's reason why it cannot go on with a content.
    pub(crate) fn broken_off(key: &Key, payload: &[u8]) -> Self {
        match Answer::decode(payload) {
            Ok(Answer::Failed(failure)) => {
                let message = format!("the content broke off: {failure}");
                Self::File { key: key.clone(), failure: Failure { message, ..failure } }
            }
            Ok(_) => ControlError::Unexpected.into(),
            Err(error) => error.into(),
        }
    }

    /// Returns 1 for failed, 2 for wrong usage, 3 for no such file, 4 for too few replicas, and 130 for interrupted, as
    /// shells count it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Key(_) | Self::Id(_) | Self::Glob { .. } | Self::Exposed => 2,
            Self::Http(HttpError::NeedsToken { .. } | HttpError::NoAddress) | Self::Config(_) => 2,
            Self::Http(HttpError::Token { .. } | HttpError::TokenFile { .. }) => 2,
            Self::Secret { .. } | Self::SecretFile { .. } => 2,
            Self::NoCluster { .. } | Self::Layout(LayoutError::Other { .. }) => 2,
            Self::EverythingDeleted | Self::NotAnother { .. } => 2,
            Self::IsADirectory { .. } | Self::NotADirectory { .. } => 2,
            Self::NoneBegins { .. } => 3,
            Self::File { failure: Failure { kind: FailureKind::NotFound, .. }, .. } => 3,
            Self::FilesFailed { are_too_few: true, .. } => 4,
            _ if self.is_too_few() => 4,
            Self::Interrupted => 130,
            Self::NotStored { source: ControlError::Interrupted, .. } => 130,
            Self::PerhapsStored { source: ControlError::Interrupted, .. } => 130,
            _ => 1,
        }
    }

    /// Whether a local copy was not deleted, because too few peers hold the file.
    pub(crate) fn is_too_few(&self) -> bool {
        matches!(self, Self::File { failure: Failure { kind: FailureKind::TooFewReplicas, .. }, .. })
    }

    /// Returns the receipts that tell more than the message.
    pub(crate) fn receipts(&self) -> &[Receipt] {
        match self {
            Self::TooFewReplicas { receipts, .. } => receipts,
            _ => &[],
        }
    }

    /// Returns the message, with the causes that it does not tell itself.
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
