//! `dacapo init`, `invite` and `join`: how a machine gets into a cluster.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::net::SocketAddr;
use std::path::Path;

use dacapo::crypto::{ClusterSecret, Keys, NodeId};
use dacapo::disk::dir::DirDisk;
use dacapo::limits::INVITATION_BYTES_MAX;
use dacapo::membership::{Cluster, Dial, Invitation, MemberChange, Members};
use dacapo::node::{Lane, StartError};
use dacapo::seed::{Rng, Seed};
use dacapo::store::layout::Layout;
use dacapo::store::{Identity, Store};
use dacapo::transport::Address;
use zeroize::Zeroizing;

use super::arguments::{InitArguments, InviteArguments, JoinArguments, Verbosity};
use super::control::{Answer, Client, ControlError, Request};
use super::error::CliError;
use super::{output, secret};

/// Gives a data directory an identity and a cluster.
pub(crate) fn init(
    arguments: &InitArguments,
    verbosity: Verbosity,
    draw_seed: fn() -> io::Result<Seed>,
) -> Result<(), CliError> {
    let named = secret::named(arguments.cluster_secret_file.as_deref(), arguments.open_cluster)?;
    let disk = DirDisk::open(&arguments.data.dir)?;
    let seed = draw_seed().map_err(CliError::Process)?;
    let cluster = named.unwrap_or_else(|| Cluster::Closed(draw_secret(&seed)));
    let node = settle(&disk, &seed, &cluster, arguments.layout)?;
    output::line(&format!("node {node}"))?;
    if !verbosity.quiet {
        eprintln!(
            "{}",
            match (&cluster, &arguments.cluster_secret_file) {
                (Cluster::Open, _) => "the cluster is open: everybody who reaches the port may become a peer",
                (Cluster::Closed(_), Some(_)) => "in the cluster of that secret",
                (Cluster::Closed(_), None) => "in a new cluster; `dacapo invite` lets other machines in",
            }
        );
    }
    Ok(())
}

/// Prints the line by which another machine enters the cluster.
pub(crate) async fn invite(arguments: &InviteArguments) -> Result<(), CliError> {
    let data = &arguments.data.dir;
    let cluster = secret::cluster_of(data)?.ok_or_else(|| CliError::NoCluster { data: data.clone() })?;
    let node = secret::node_of(data)?.ok_or_else(|| CliError::Unused { data: data.clone() })?;
    let address = match &arguments.address {
        Some(address) => address.clone(),
        None => reachable(listening(data).await?)?,
    };
    let line = Invitation { address, node, cluster }.line();
    output::line(&line)
}

/// Enters the cluster of an invitation.
pub(crate) fn join(
    arguments: &JoinArguments,
    verbosity: Verbosity,
    draw_seed: fn() -> io::Result<Seed>,
) -> Result<(), CliError> {
    let invitation: Invitation = read_invitation(&arguments.file)?.parse().map_err(CliError::Invitation)?;
    let Invitation { address, node: other, cluster } = invitation;
    let data = &arguments.data.dir;
    if data.exists() && secret::node_of(data)? == Some(other) {
        return Err(CliError::OwnInvitation);
    }
    let disk = DirDisk::open(data)?;
    let mut members = Members::load(&disk)?;
    members.change(MemberChange::Allow(other))?;
    members.dial(Dial { address: address.clone(), node: Some(other) })?;
    let node = settle(&disk, &draw_seed().map_err(CliError::Process)?, &cluster, arguments.layout)?;
    members.save(&disk)?;
    output::line(&format!("node {node}"))?;
    if !verbosity.quiet {
        eprintln!("in the cluster of {} at {address}; `dacapo node` connects with it", other.short());
    }
    Ok(())
}

/// The identity of a data directory, made where there is none, in the cluster.
pub(crate) fn settle(
    disk: &DirDisk,
    seed: &Seed,
    cluster: &Cluster,
    layout: Option<Layout>,
) -> Result<NodeId, CliError> {
    let identity = Identity::load_or_create(disk, &mut seed.rng(Lane::Identity))?;
    let keys = Keys::derive(&identity.master);
    Layout::choose(disk, layout)?;
    if identity.is_new {
        // The catalog says that there was nothing before: an identity without one may have been restored.
        Store::open(disk.clone(), &keys).map_err(StartError::from)?;
    }
    cluster.enter(disk)?;
    Ok(keys.node())
}

fn draw_secret(seed: &Seed) -> ClusterSecret {
    let mut secret = ClusterSecret([0; 32]);
    seed.rng(Lane::Cluster).fill_bytes(&mut secret.0);
    secret
}

/// Where the node listens that runs on a data directory.
async fn listening(data: &Path) -> Result<SocketAddr, CliError> {
    let mut client = Client::ask(data, &Request::Address).await?;
    match client.answer().await? {
        Answer::Address(address) => Ok(address),
        Answer::Failed(failure) => Err(failure.into()),
        _ => Err(ControlError::Unexpected.into()),
    }
}

fn reachable(address: SocketAddr) -> Result<Address, CliError> {
    if address.ip().is_unspecified() {
        return Err(CliError::Unspecified { port: address.port() });
    }
    Ok(address.into())
}

/// One line of a file or of standard input. An invitation is a secret, and arguments can be seen by everybody on the
/// machine.
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
        eprintln!("paste the invitation, and press Enter:");
    }
    let mut line = Zeroizing::new(String::with_capacity(2 * INVITATION_BYTES_MAX));
    BufReader::new(source.take(INVITATION_BYTES_MAX as u64 + 2)).read_line(&mut line).map_err(failed)?;
    Ok(line)
}
