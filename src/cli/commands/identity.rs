//! `dacapo identity`: backs up the identity of a node, or replaces it.

mod export;
mod rotate;

use crate::cli::arguments::{IdentityAction, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::error::CliError;
use crate::cli::runtime;

pub(crate) fn run(action: &IdentityAction, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    match action {
        IdentityAction::Export(arguments) => export::run(arguments, verbosity, chance),
        IdentityAction::Rotate(arguments) => {
            runtime::run(runtime::unless_interrupted(rotate::run(arguments, verbosity, chance)))
        }
    }
}
