//! What can be typed. The doc comments on arguments are the help texts that users read.

mod cluster;
mod examples;
mod files;
mod http;
mod identity;
mod manual;
mod node;
mod options;
mod sizes;

use clap::{Parser, Subcommand};

pub(crate) use cluster::{
    ForgetArguments, IdArguments, InitArguments, InviteArguments, JoinArguments, PeersAction, PeersArguments,
};
pub(crate) use files::{
    GetArguments, LsArguments, PutArguments, RmArguments, ScrubArguments, StatArguments, WatchArguments,
    WhereisArguments,
};
pub(crate) use http::HttpArguments;
pub(crate) use identity::{ExportArguments, IdentityAction, RecoverArguments, RotateArguments};
pub(crate) use manual::{CompletionsArguments, DoctorArguments, ManArguments};
pub(crate) use node::{ConvertArguments, DemoArguments, NodeArguments, StatusArguments, StopArguments};
pub(crate) use options::{ConfigFile, Events, Reach, Verbosity};
pub(crate) use sizes::ByteCount;

use examples::{
    COMPLETIONS_EXAMPLE, CONVERT_EXAMPLE, DEMO_EXAMPLE, DOCTOR_EXAMPLE, EXIT_CODES, GET_EXAMPLE, INIT_EXAMPLE,
    INVITE_EXAMPLE, JOIN_EXAMPLE, LS_EXAMPLE, MAN_EXAMPLE, NODE_EXAMPLE, PEERS_EXAMPLE, PUT_EXAMPLE, RECOVER_EXAMPLE,
    RM_EXAMPLE, SCRUB_EXAMPLE, STAT_EXAMPLE, STATUS_EXAMPLE, STOP_EXAMPLE, WATCH_EXAMPLE, WHEREIS_EXAMPLE,
};

/// A peer-to-peer encrypted file store
///
/// A node keeps its files in plaintext on its own disk and sends an encrypted copy to every connected peer. A
/// file that is deleted or damaged here comes back from there.
#[derive(Debug, Parser)]
#[command(name = "dacapo", version, max_term_width = 100)]
#[command(arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Command {
    /// Tells whether the command is to print JSON, and so its error too.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Put(arguments) => arguments.json,
            Self::Get(arguments) => arguments.json,
            Self::Watch(arguments) => arguments.json,
            Self::Rm(arguments) => arguments.json,
            Self::Ls(arguments) => arguments.json,
            Self::Stat(arguments) => arguments.json,
            Self::Whereis(arguments) => arguments.json,
            Self::Scrub(arguments) => arguments.json,
            Self::Peers(arguments) => arguments.json,
            Self::Status(arguments) => arguments.json,
            Self::Doctor(arguments) => arguments.json,
            Self::Demo(arguments) => arguments.json,
            _ => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an identity and a cluster
    #[command(after_help = INIT_EXAMPLE)]
    Init(InitArguments),
    /// Print the line by which another machine enters the cluster
    #[command(after_help = INVITE_EXAMPLE)]
    Invite(InviteArguments),
    /// Enter the cluster of an invitation
    #[command(after_help = JOIN_EXAMPLE)]
    Join(JoinArguments),
    /// Back up the identity of a node, or replace it
    #[command(subcommand)]
    Identity(IdentityAction),
    /// Bring every file of a lost machine back from its peers
    #[command(after_help = RECOVER_EXAMPLE)]
    Recover(RecoverArguments),
    /// Run a node until Ctrl-C, SIGTERM, SIGHUP or `dacapo stop`
    #[command(after_help = NODE_EXAMPLE)]
    Node(NodeArguments),
    /// Store a file, here and on every connected peer
    #[command(visible_alias = "store", after_help = PUT_EXAMPLE)]
    Put(PutArguments),
    /// Read a file, from here or from a peer
    #[command(after_help = GET_EXAMPLE)]
    Get(GetArguments),
    /// Keep a folder stored: store what changes in it until Ctrl-C, SIGTERM or SIGHUP
    #[command(after_help = WATCH_EXAMPLE)]
    Watch(WatchArguments),
    /// Delete the local copy of a file, or the file everywhere
    #[command(visible_alias = "delete", after_help = RM_EXAMPLE)]
    Rm(RmArguments),
    /// List the files of this node, whether their local copy is here or not
    #[command(visible_alias = "list", after_help = LS_EXAMPLE)]
    Ls(LsArguments),
    /// Show what is known of one file
    #[command(after_help = STAT_EXAMPLE)]
    Stat(StatArguments),
    /// Show which peers hold a file
    #[command(after_help = WHEREIS_EXAMPLE)]
    Whereis(WhereisArguments),
    /// Compare every copy on this node's disk with what was stored
    #[command(after_help = SCRUB_EXAMPLE)]
    Scrub(ScrubArguments),
    /// Show the peers, and say which nodes may be peers
    #[command(after_help = PEERS_EXAMPLE, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Peers(PeersArguments),
    /// Show how the node is, and what it needs
    #[command(after_help = STATUS_EXAMPLE)]
    Status(StatusArguments),
    /// Stop the node
    #[command(after_help = STOP_EXAMPLE)]
    Stop(StopArguments),
    /// Change how the copies lie in a data directory
    #[command(after_help = CONVERT_EXAMPLE)]
    Convert(ConvertArguments),
    /// Say what is wrong with a node, its directory and its machine, and what to do about it
    #[command(after_help = DOCTOR_EXAMPLE)]
    Doctor(DoctorArguments),
    /// Print what a shell needs to complete what is typed
    #[command(after_help = COMPLETIONS_EXAMPLE)]
    Completions(CompletionsArguments),
    /// Write the man pages into a folder
    #[command(after_help = MAN_EXAMPLE)]
    Man(ManArguments),
    /// Run three nodes in this process and store, delete and get 20 files
    #[command(after_help = DEMO_EXAMPLE)]
    Demo(DemoArguments),
}
