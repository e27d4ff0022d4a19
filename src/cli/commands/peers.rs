//! `dacapo peers`: shows the peers, or changes which nodes may be peers.

mod members;
mod table;

use dacapo::membership::MemberChange;

use crate::cli::arguments::{ForgetArguments, IdArguments, PeersAction, PeersArguments, Verbosity};
use crate::cli::error::CliError;

pub(crate) async fn run(arguments: &PeersArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let (data, change) = match &arguments.action {
        None => {
            let dir = arguments.dir.as_ref().expect("the parser asks for it if there is no action");
            return table::show(dir, arguments.json, verbosity).await;
        }
        Some(PeersAction::Forget(ForgetArguments { data, id })) => {
            // An id has no colon, and an address has one.
            let change = match id.parse() {
                Ok(address) => MemberChange::ForgetAddress(address),
                Err(_) => MemberChange::Forget(members::find(&data.dir, id).await?),
            };
            (data, change)
        }
        Some(PeersAction::Allow(IdArguments { data, id })) => {
            (data, MemberChange::Allow(members::find(&data.dir, id).await?))
        }
        Some(PeersAction::Unlist(IdArguments { data, id })) => {
            (data, MemberChange::Unlist(members::find(&data.dir, id).await?))
        }
        Some(PeersAction::Lock(data)) => (data, MemberChange::Lock),
        Some(PeersAction::Unlock(data)) => (data, MemberChange::Unlock),
    };
    members::change(&data.dir, change).await
}
