//! `dacapo completions` and `dacapo man`: what a shell and a reader of man pages get, made from the same arguments that
//! are parsed.

use std::fs;

use clap::CommandFactory;

use crate::cli::arguments::{Arguments, CompletionsArguments, ManArguments};
use crate::cli::error::CliError;
use crate::cli::output;

/// Prints the completions of a shell.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "dacapo", &mut text);
    output::bytes(&text)
}

/// Writes the man pages: one of the program, and one of each command.
pub(crate) fn pages(arguments: &ManArguments) -> Result<(), CliError> {
    let written = fs::create_dir_all(&arguments.folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), &arguments.folder));
    written.map_err(|source| CliError::Output { path: arguments.folder.clone(), source })
}
