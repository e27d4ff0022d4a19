//! `dacapo join`: puts a data directory into the cluster of an invitation.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use dacapo::limits::INVITATION_BYTES_MAX;
use dacapo::membership::{Dial, Invitation, MemberChange, Members};
use zeroize::Zeroizing;

use crate::cli::arguments::{JoinArguments, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::error::CliError;
use crate::cli::{logging, output, secret, starting};

pub(crate) fn run(arguments: &JoinArguments, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    let invitation: Invitation = read_invitation(&arguments.file)?.parse().map_err(CliError::Invitation)?;
    let Invitation { address, node: other, cluster } = invitation;
    let data = &arguments.data.dir;
    if data.exists() && secret::node_of(data)? == Some(other) {
        return Err(CliError::OwnInvitation);
    }
    let seed = chance.seed()?;
    let node = starting::make(data, |disk| {
        let mut members = Members::load(disk)?;
        members.change(MemberChange::Allow(other))?;
        members.dial(Dial { address: address.clone(), node: Some(other) })?;
        let node = starting::enter_cluster(disk, &seed, &cluster, arguments.layout)?;
        members.save(disk)?;
        Ok(node)
    })?;
    output::line(&format!("node {node}"))?;
    if !verbosity.quiet {
        logging::note(format_args!("in the cluster of {} at {address}; `dacapo node` connects with it", other.short()));
    }
    Ok(())
}

/// Reads one line of a file or of standard input. An invitation is a secret, and everybody on the machine can see
/// arguments.
fn read_invitation(path: &Path) -> Result<Zeroizing<String>, CliError> {
    if path.to_str().is_some_and(Invitation::is_like) {
        return Err(CliError::Exposed);
    }
    let failed = |source| CliError::Unreadable { path: path.to_owned(), source };
    let source: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(failed)?),
    };
    if path == Path::new("-") && io::stdin().is_terminal() {
        logging::note("paste the invitation, and press Enter:");
    }
    let mut line = Zeroizing::new(String::with_capacity(2 * INVITATION_BYTES_MAX));
    BufReader::new(source.take(INVITATION_BYTES_MAX as u64 + 2)).read_line(&mut line).map_err(failed)?;
    Ok(line)
}
