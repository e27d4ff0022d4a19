//! The command line: reads the arguments, runs one command, and turns its end into a message and an exit code.
//!
//! `node` and `demo` run nodes in this process. Every other command asks the node that runs on a data directory,
//! through the control socket in it.

mod arguments;
mod cluster;
mod control;
mod convert;
mod copies;
mod demo;
mod error;
mod files;
mod get;
mod identity;
mod limits;
mod logging;
mod node;
mod output;
mod passphrase;
mod peers;
mod progress;
mod put;
mod recover;
mod rotate;
mod runtime;
mod secret;
mod show;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use dacapo::seed::Seed;

use arguments::{Arguments, Command, IdentityAction};
use error::CliError;

/// Runs the command that the process was started with. `draw_seed` is called where a command needs chance.
pub(crate) fn main(draw_seed: fn() -> io::Result<Seed>) -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments, draw_seed) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads our output has seen enough, as in `dacapo ls | head`.
        Err(CliError::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error.full_message());
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: Arguments, draw_seed: fn() -> io::Result<Seed>) -> Result<(), CliError> {
    let verbosity = arguments.verbosity;
    match arguments.command {
        Command::Init(arguments) => cluster::init(&arguments, verbosity, draw_seed),
        Command::Invite(arguments) => runtime::run(cluster::invite(&arguments)),
        Command::Join(arguments) => cluster::join(&arguments, verbosity, draw_seed),
        Command::Identity(IdentityAction::Export(arguments)) => identity::export(&arguments, verbosity, draw_seed),
        Command::Identity(IdentityAction::Rotate(arguments)) => {
            runtime::run(runtime::unless_interrupted(rotate::run(&arguments, verbosity, draw_seed)))
        }
        Command::Recover(arguments) => {
            runtime::run(runtime::unless_interrupted(recover::run(&arguments, verbosity, draw_seed)))
        }
        Command::Node(arguments) => node::run(&arguments, verbosity, draw_seed),
        Command::Put(arguments) => runtime::run(put::run(&arguments, verbosity)),
        Command::Get(arguments) => runtime::run(runtime::unless_interrupted(get::run(&arguments, verbosity))),
        Command::Rm(arguments) if arguments.everywhere => runtime::run(copies::erase(&arguments, verbosity)),
        Command::Rm(arguments) => runtime::run(files::remove(&arguments, verbosity)),
        Command::Ls(arguments) => runtime::run(files::list(&arguments, verbosity)),
        Command::Stat(arguments) => runtime::run(files::stat(&arguments)),
        Command::Whereis(arguments) => runtime::run(copies::whereis(&arguments)),
        Command::Scrub(arguments) => runtime::run(runtime::unless_interrupted(copies::scrub(&arguments, verbosity))),
        Command::Peers(arguments) => runtime::run(peers::run(&arguments, verbosity)),
        Command::Stop(arguments) => runtime::run(peers::stop(&arguments)),
        Command::Convert(arguments) => convert::run(&arguments, verbosity),
        Command::Demo(arguments) => demo::run(&arguments, verbosity, draw_seed),
    }
}
