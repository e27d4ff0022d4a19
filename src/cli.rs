//! The command line: reads the arguments, runs one command, and turns its end into a message and an exit code.
//!
//! `node`, `recover`, `identity rotate` and `demo` run nodes in this process; `init`, `join`, `convert` and
//! `identity export` work on a data directory. Every other command asks the node that runs on a data directory, through
//! the control socket in it.

#![deny(clippy::print_stdout, clippy::print_stderr, reason = "they panic if nobody reads them: output, logging")]

mod arguments;
mod chance;
mod commands;
mod config;
mod connecting;
mod control;
mod error;
mod folder;
mod http;
mod json;
mod limits;
mod logging;
mod output;
mod own_files;
mod passphrase;
mod placed;
mod progress;
mod receipts;
mod runtime;
mod secret;
mod source;
mod space;
mod starting;

use std::env;
use std::io;
use std::process::ExitCode;

use dacapo::seed::Seed;

use arguments::{Arguments, Command};
use chance::Chance;
use commands::{
    convert, demo, doctor, get, identity, init, invite, join, ls, manual, node, peers, put, recover, rm, scrub, stat,
    status, stop, watch, whereis,
};
use config::ParseError;
use error::CliError;
use json::ErrorJson;

/// Runs the command that the process was started with. `draw_seed` is called only by commands that need chance.
pub(crate) fn main(draw_seed: fn() -> io::Result<Seed>) -> ExitCode {
    let mut is_json = false;
    let ended = match config::parse(env::args_os()) {
        Ok(arguments) => {
            is_json = arguments.command.is_json();
            run(arguments, Chance::new(draw_seed))
        }
        // Help goes to standard output, and what is wrong with the command line to standard error.
        Err(ParseError::Config(error)) => Err(error.into()),
        Err(ParseError::Usage(usage)) => match usage.print() {
            Err(error) if !usage.use_stderr() => Err(CliError::Stdout(error)),
            _ => return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2)),
        },
    };
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has seen enough, as in `dacapo ls | head`.
        Err(CliError::Stdout(error) | CliError::Untold { source: error, .. })
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            show_error(&error, is_json);
            ExitCode::from(error.exit_code())
        }
    };
    logging::finish();
    code
}

/// Writes an error on standard error, in the form that the command was asked for.
fn show_error(error: &CliError, is_json: bool) {
    if is_json {
        return logging::note(output::json_text(&ErrorJson::new(error)));
    }
    receipts::warn_of(error.receipts());
    logging::note(format_args!("error: {}", error.full_message()));
}

fn run(arguments: Arguments, chance: Chance) -> Result<(), CliError> {
    let verbosity = arguments.verbosity;
    match arguments.command {
        Command::Init(arguments) => init::run(&arguments, verbosity, chance),
        Command::Invite(arguments) => runtime::run(invite::run(&arguments)),
        Command::Join(arguments) => join::run(&arguments, verbosity, chance),
        Command::Identity(action) => identity::run(&action, verbosity, chance),
        Command::Recover(arguments) => {
            runtime::run(runtime::unless_interrupted(recover::run(&arguments, verbosity, chance)))
        }
        Command::Node(arguments) => node::run(&arguments, verbosity, chance),
        Command::Put(arguments) => runtime::run(put::run(&arguments, verbosity)),
        Command::Get(arguments) if arguments.recursive => runtime::run(get::run(&arguments, verbosity)),
        Command::Get(arguments) => runtime::run(runtime::unless_interrupted(get::run(&arguments, verbosity))),
        Command::Watch(arguments) => runtime::run(watch::run(&arguments, verbosity)),
        Command::Rm(arguments) => runtime::run(rm::run(&arguments, verbosity)),
        Command::Ls(arguments) => runtime::run(ls::run(&arguments, verbosity)),
        Command::Stat(arguments) => runtime::run(stat::run(&arguments)),
        Command::Status(arguments) => runtime::run(status::run(&arguments)),
        Command::Whereis(arguments) => runtime::run(whereis::run(&arguments)),
        Command::Scrub(arguments) => runtime::run(runtime::unless_interrupted(scrub::run(&arguments, verbosity))),
        Command::Peers(arguments) => runtime::run(peers::run(&arguments, verbosity)),
        Command::Stop(arguments) => runtime::run(stop::run(&arguments)),
        Command::Convert(arguments) => runtime::run(async { convert::run(&arguments, verbosity) }),
        Command::Doctor(arguments) => runtime::run(doctor::run(&arguments)),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::pages(&arguments),
        Command::Demo(arguments) => demo::run(&arguments, verbosity, chance),
    }
}
