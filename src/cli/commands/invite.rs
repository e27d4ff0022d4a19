//! `dacapo invite`: prints the line by which another machine enters the cluster.

use std::net::SocketAddr;
use std::path::Path;

use dacapo::membership::Invitation;
use dacapo::transport::Address;

use crate::cli::arguments::InviteArguments;
use crate::cli::control::{Answer, Client, Request};
use crate::cli::error::CliError;
use crate::cli::{output, secret};

pub(crate) async fn run(arguments: &InviteArguments) -> Result<(), CliError> {
    let data = &arguments.data.dir;
    let cluster = secret::cluster_of(data)?.ok_or_else(|| CliError::NoCluster { data: data.clone() })?;
    let node = secret::node_of(data)?.ok_or_else(|| CliError::NotADataDirectory { data: data.clone() })?;
    let address = match &arguments.address {
        Some(address) => address.clone(),
        None => reachable(listening(data).await?)?,
    };
    let line = Invitation { address, node, cluster }.line();
    output::needed_line(&line)
}

/// Asks the node that runs on a data directory where it listens.
async fn listening(data: &Path) -> Result<SocketAddr, CliError> {
    let mut client = Client::ask(data, &Request::Address).await?;
    match client.answer().await? {
        Answer::Address(address) => Ok(address),
        answer => Err(CliError::unexpected(answer)),
    }
}

fn reachable(address: SocketAddr) -> Result<Address, CliError> {
    if address.ip().is_unspecified() {
        return Err(CliError::Unspecified { port: address.port() });
    }
    Ok(address.into())
}
