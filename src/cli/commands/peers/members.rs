//! Changes of the list of members: through the node if one runs, otherwise in the data directory.

use std::path::Path;

use dacapo::crypto::NodeId;
use dacapo::disk::dir::DirDisk;
use dacapo::membership::{MemberChange, Members};

use super::table;
use crate::cli::control::{Answer, Client, ConnectError, Request};
use crate::cli::error::{CliError, IdError};
use crate::cli::{output, secret};

/// The fewest digits of an id that may stand for a peer.
const ID_DIGITS_MIN: usize = 6;

/// Changes the list. If a node runs, the change is in force at once. Tells whom a lock leaves out.
pub(super) async fn change(data: &Path, change: MemberChange) -> Result<(), CliError> {
    let is_lock = change == MemberChange::Lock;
    let mut client = match Client::ask(data, &Request::Members { change: change.clone() }).await {
        // Only a node that runs knows who its peers are.
        Err(ConnectError::NoNode { .. }) if data.exists() && !is_lock => {
            secret::node_of(data)?.ok_or_else(|| CliError::NotADataDirectory { data: data.to_owned() })?;
            let disk = DirDisk::open(data)?;
            let mut members = Members::load(&disk)?;
            members.change(change)?;
            return Ok(members.save(&disk)?);
        }
        asked => asked?,
    };
    match client.answer().await? {
        Answer::MembersChanged { locked_out } if is_lock => locked_out.iter().try_for_each(tell_locked_out),
        Answer::MembersChanged { .. } => Ok(()),
        answer => Err(CliError::unexpected(answer)),
    }
}

/// Tells of a node that was a peer before, and that the list keeps out.
fn tell_locked_out(node: &NodeId) -> Result<(), CliError> {
    let told = output::line(&format!("{node} was connected before, and is locked out: `dacapo peers allow {node}`"));
    told.map_err(CliError::after("the list is locked"))
}

/// Finds the peer that an id names. The first digits are enough if a node runs that knows the peer.
pub(super) async fn find(data: &Path, text: &str) -> Result<NodeId, CliError> {
    let error = match text.parse() {
        Ok(id) => return Ok(id),
        Err(error) => IdError::Text(error),
    };
    let is_short = (ID_DIGITS_MIN..64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_short {
        return Err(error.into());
    }
    let known = table::ask(data).await?;
    let kept_out = known.forgotten.into_iter().chain(known.remembered.locked_out);
    let known = known.peers.into_iter().filter_map(|info| info.peer).chain(kept_out);
    let found: Vec<_> = known.filter(|id| id.to_string().starts_with(text)).collect();
    match found[..] {
        [id] => Ok(id),
        [] => Err(IdError::Unknown { text: text.to_owned() }.into()),
        _ => Err(IdError::Ambiguous { text: text.to_owned(), count: found.len() }.into()),
    }
}
