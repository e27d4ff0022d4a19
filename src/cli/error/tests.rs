//! Every error of the command line with its exit code.

use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;

use dacapo::http::TokenError;
use dacapo::node::{StoreError, StoreFault};

use super::*;

fn all() -> Vec<CliError> {
    let key = || "picture_0.png".parse::<Key>().expect("a valid key");
    let path = || PathBuf::from("/srv/files/picture_0.png");
    let data = || PathBuf::from("/srv/data");
    let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
    let missing = || Failure::new(FailureKind::NotFound, &StatError::NotFound);
    vec![
        CliError::Key(KeyError::Empty),
        CliError::Connect(ConnectError::NoNode { data: data() }),
        CliError::Connect(ConnectError::Unreachable { data: data(), source: denied() }),
        CliError::Control(ControlError::Closed),
        CliError::Control(ControlError::Io(denied())),
        CliError::Control(ControlError::Version { theirs: 5 }),
        CliError::Control(ControlError::Tag { found: 7 }),
        CliError::Control(ControlError::TooLong { bytes: 5_000_000, max: 4_000_000 }),
        CliError::Control(ControlError::Malformed),
        CliError::Control(ControlError::Unexpected),
        CliError::Control(ControlError::Short { expected: 22, found: 3 }),
        CliError::Control(ControlError::Stalled { seconds: 600 }),
        CliError::NotStored { key: key(), source: ControlError::Closed },
        CliError::PerhapsStored { key: key(), source: ControlError::Closed },
        CliError::NotStored { key: key(), source: ControlError::Interrupted },
        CliError::PerhapsStored { key: key(), source: ControlError::Interrupted },
        CliError::TooFewReplicas {
            key: key(),
            reason: StoreError::Unconfirmed(StoreFault::TooFewReplicas { wanted: 2, found: 1 }).to_string(),
            receipts: Vec::new(),
        },
        CliError::PerhapsDeleted { key: key(), source: ControlError::Closed },
        CliError::File { key: key(), failure: missing() },
        CliError::Node(Failure::failed(&"the node has stopped")),
        CliError::Data(DirDiskError::InUse { path: data() }),
        CliError::Data(DirDiskError::Unwritable { path: data(), source: denied() }),
        CliError::Start(StartError::Listen { address: ":3000".parse().expect("an address"), source: denied() }),
        CliError::Panicked(Panicked),
        CliError::NotADataDirectory { data: data() },
        CliError::Socket(SocketError { path: data().join("control.sock"), source: denied() }),
        CliError::Http(HttpError::Listen { address: ":80".parse().expect("an address"), source: denied() }),
        CliError::Http(HttpError::NeedsToken { address: "0.0.0.0:80".parse().expect("an address") }),
        CliError::Http(HttpError::NoAddress),
        CliError::Unwell { found: "2 things".to_owned() },
        CliError::Config(ConfigError::Unreadable { file: path(), source: denied() }),
        CliError::Http(HttpError::Token { path: path(), source: TokenError::Length(5) }),
        CliError::Http(HttpError::TokenFile { path: path(), source: denied() }),
        CliError::SecretFile { path: path(), source: denied() },
        CliError::Secret { path: path(), source: HexError::Digit },
        CliError::Stdout(denied()),
        CliError::after("picture_0.png: the file is stored as v3")(CliError::Stdout(denied())),
        CliError::Process(denied()),
        CliError::Unread { failed: 2 },
        CliError::NotRestored { missing: 2 },
        CliError::NotHeld { replicas: 2 },
        CliError::Interrupted,
        CliError::DemoExists { path: data() },
        CliError::Demo { reason: "the nodes did not connect".to_owned() },
    ]
}

fn all_of_content() -> Vec<CliError> {
    let (path, denied) =
        (|| PathBuf::from("/srv/files/picture_0.png"), || io::Error::from(io::ErrorKind::PermissionDenied));
    vec![
        CliError::IsADirectory { path: path() },
        CliError::Input { path: path(), source: denied() },
        CliError::Changed { path: path() },
        CliError::FolderChanged,
        CliError::EmptyInput,
        CliError::CommandNotRun { command: "pg_dump".to_owned(), source: denied() },
        CliError::CommandFailed { command: "pg_dump".to_owned(), status: ExitStatus::from_raw(0x100) },
        CliError::Output { path: path(), source: denied() },
    ]
}

fn all_of_membership() -> Vec<CliError> {
    let (data, node) = (|| PathBuf::from("/srv/data"), NodeId([0x1a; 32]));
    let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
    vec![
        CliError::BackupInData { path: data().join("backup") },
        CliError::Identity(IdentityError::Missing),
        CliError::Cluster(ClusterError::Taken),
        CliError::Members(MembersError::Full),
        CliError::NoCluster { data: data() },
        CliError::NotAnother { data: data() },
        CliError::Invitation(InvitationError::Damaged),
        CliError::OwnInvitation,
        CliError::Exposed,
        CliError::Unspecified { port: 3000 },
        CliError::Id(IdError::Text(HexError::Length { expected: 64, found: 3 })),
        CliError::Id(IdError::Unknown { text: "1a2b3c".to_owned() }),
        CliError::Id(IdError::Ambiguous { text: "1a2b3c".to_owned(), count: 2 }),
        CliError::Backup(BackupError::Passphrase),
        CliError::NotABackup { path: "a.backup".into(), source: BackupTextError::Mistyped { number: 3 } },
        CliError::NoPassphrase,
        CliError::PassphrasesDiffer,
        CliError::PassphraseFile { path: "passphrase".into(), source: denied() },
        CliError::ClusterUnknown,
        CliError::NoPeers { seconds: 60 },
        CliError::NotRecovered(Missing {
            unfetched: 3,
            not_given: 1,
            unlisted: 4,
            unasked: "1a2b3c4d".to_owned(),
            has_stalled: true,
        }),
        CliError::NotRecovered(Missing {
            unfetched: 0,
            not_given: 2,
            unlisted: 0,
            unasked: String::new(),
            has_stalled: false,
        }),
        CliError::NotMoved { count: 3 },
        CliError::NotCompared { peers: "1a2b3c4d".to_owned() },
        CliError::NotFollowed { peers: "1a2b3c4d".to_owned(), node },
        CliError::NewCopiesLacking { peers: "1a2b3c4d".to_owned(), node },
        CliError::OldCopiesLeft { peers: "1a2b3c4d, other.example:3000".to_owned() },
        CliError::NotANewDirectory { data: data() },
        CliError::Unreadable { path: "invitation".into(), source: denied() },
    ]
}

#[test]
fn every_message_of_the_command_line_is_as_reviewed() {
    let mut text = String::new();
    for error in all().into_iter().chain(all_of_content()).chain(all_of_membership()) {
        writeln!(text, "{:>3}  error: {}", error.exit_code(), error.full_message()).expect("a String takes all");
    }
    snapshots().bind(|| insta::assert_snapshot!("errors_command_line", text));
}

/// Returns where the snapshots of the command line's unit tests lie.
pub(crate) fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}
