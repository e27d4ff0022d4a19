//! What a command fails with, as a message for people and an exit code for scripts.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use dacapo::crypto::{BackupError, BackupTextError, HexError, Key, KeyError};
use dacapo::disk::dir::DirDiskError;
use dacapo::membership::{ClusterError, InvitationError, MembersError};
use dacapo::node::{Panicked, StartError};
use dacapo::store::{IdentityError, LayoutError};

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
    #[error(transparent)]
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
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Members(#[from] MembersError),
    #[error(
        "{} is in no cluster: `dacapo init` makes one, `dacapo join` enters one, and --open-cluster lets everybody in who \
         reaches the port",
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
    Id(String),
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
    #[error(
        "{files} files are back, and nothing more has come for a minute though peers list more; the same command goes on"
    )]
    RecoveryStalled { files: u64 },
    #[error("{count} files could not be fetched; the same command tries again")]
    NotRecovered { count: u64 },
    #[error("{peers} could not be asked, so there may be more; the same command goes on")]
    Unasked { peers: String },
    #[error(
        "nothing was moved: {peers} could not be compared with this node; peers that are gone are to be forgotten first"
    )]
    NotCompared { peers: String },
    #[error("{peers} may still hold copies under the old keys; the same command tries again")]
    OldCopiesLeft { peers: String },
    #[error("{} is the directory of another node; a new identity needs a new directory", data.display())]
    NotANewDirectory { data: PathBuf },
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{count} files were not moved and are where they were; the same command goes on")]
    NotMoved { count: u64 },
    #[error("no node has used {}", data.display())]
    Unused { data: PathBuf },
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
    #[error("{failed} files could not be read")]
    Unread { failed: u64 },
    #[error("interrupted")]
    Interrupted,
    #[error("{} exists; the demonstration needs new directories", path.display())]
    DemoExists { path: PathBuf },
    #[error("the demonstration failed: {reason}")]
    Demo { reason: String },
}

impl CliError {
    /// 1 failed, 2 wrong usage, 3 no such file, 4 too few replicas, 130 interrupted as shells count it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Key(_) | Self::Id(_) | Self::IsADirectory { .. } | Self::Exposed => 2,
            Self::File { failure: Failure { kind: FailureKind::NotFound, .. }, .. } => 3,
            Self::File { failure: Failure { kind: FailureKind::TooFewReplicas, .. }, .. } => 4,
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

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn all() -> Vec<CliError> {
        let key = || "picture_0.png".parse::<Key>().expect("a valid key");
        let path = || PathBuf::from("/srv/files/picture_0.png");
        let data = || PathBuf::from("/srv/data");
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let missing = || Failure::new(FailureKind::NotFound, &dacapo::node::StatError::NotFound);
        vec![
            CliError::Key(KeyError::Empty),
            CliError::NoNode { data: data() },
            CliError::Unreachable { data: data(), source: denied() },
            CliError::Control(ControlError::Closed),
            CliError::Control(ControlError::Io(denied())),
            CliError::Control(ControlError::Version { theirs: 2 }),
            CliError::Control(ControlError::Tag { found: 7 }),
            CliError::Control(ControlError::TooLong { bytes: 5_000_000, max: 4_000_000 }),
            CliError::Control(ControlError::Malformed),
            CliError::Control(ControlError::Unexpected),
            CliError::Control(ControlError::Short { expected: 22, found: 3 }),
            CliError::Control(ControlError::Stalled { seconds: 600 }),
            CliError::NotStored { key: key(), source: ControlError::Closed },
            CliError::PerhapsStored { key: key(), source: ControlError::Closed },
            CliError::PerhapsDeleted { key: key(), source: ControlError::Closed },
            CliError::File { key: key(), failure: missing() },
            CliError::Node(Failure::failed(&"the node has stopped")),
            CliError::Data(DirDiskError::InUse { path: data() }),
            CliError::Data(DirDiskError::Unwritable { path: data(), source: denied() }),
            CliError::Start(StartError::Listen { address: ":3000".parse().expect("an address"), source: denied() }),
            CliError::Panicked(Panicked),
            CliError::Unused { data: data() },
            CliError::Socket { path: data().join("control.sock"), source: denied() },
            CliError::SecretFile { path: path(), source: denied() },
            CliError::Secret { path: path(), source: HexError::Digit },
            CliError::IsADirectory { path: path() },
            CliError::Input { path: path(), source: denied() },
            CliError::Output { path: path(), source: denied() },
            CliError::Stdout(denied()),
            CliError::Process(denied()),
            CliError::Unread { failed: 2 },
            CliError::Interrupted,
            CliError::DemoExists { path: data() },
            CliError::Demo { reason: "the nodes did not connect".to_owned() },
        ]
    }

    fn all_of_membership() -> Vec<CliError> {
        let data = || PathBuf::from("/srv/data");
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        vec![
            CliError::Identity(IdentityError::Missing),
            CliError::Cluster(ClusterError::Taken),
            CliError::Members(MembersError::Full),
            CliError::NoCluster { data: data() },
            CliError::Invitation(InvitationError::Damaged),
            CliError::OwnInvitation,
            CliError::Exposed,
            CliError::Unspecified { port: 3000 },
            CliError::Id("no peer begins with 1a2b3c".to_owned()),
            CliError::Backup(BackupError::Passphrase),
            CliError::NotABackup { path: "a.backup".into(), source: BackupTextError::Mistyped { number: 3 } },
            CliError::NoPassphrase,
            CliError::PassphrasesDiffer,
            CliError::PassphraseFile { path: "passphrase".into(), source: denied() },
            CliError::ClusterUnknown,
            CliError::NoPeers { seconds: 60 },
            CliError::RecoveryStalled { files: 12 },
            CliError::NotRecovered { count: 3 },
            CliError::NotMoved { count: 3 },
            CliError::Unasked { peers: "other.example:3000".to_owned() },
            CliError::NotCompared { peers: "1a2b3c4d".to_owned() },
            CliError::OldCopiesLeft { peers: "1a2b3c4d, other.example:3000".to_owned() },
            CliError::NotANewDirectory { data: data() },
            CliError::Unreadable { path: "invitation".into(), source: denied() },
        ]
    }

    #[test]
    fn every_message_of_the_command_line_is_as_reviewed() {
        let mut text = String::new();
        for error in all().into_iter().chain(all_of_membership()) {
            writeln!(text, "{:>3}  error: {}", error.exit_code(), error.full_message()).expect("a String takes all");
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("errors_command_line", text));
    }
}
