//! `dacapo node`: one node of this process, on real TCP and a real directory, until it is told to stop.

use std::io;
use std::pin::pin;

use dacapo::disk::dir::DirDisk;
use dacapo::membership::Cluster;
use dacapo::node::{Config, Node, Quota};
use dacapo::platform::machine::Machine;
use dacapo::seed::Seed;

use super::arguments::{ByteCount, NodeArguments, Verbosity};
use super::control::Server;
use super::error::CliError;
use super::runtime::{self, Signals};
use super::{logging, output, secret};

pub(crate) fn run(
    arguments: &NodeArguments,
    verbosity: Verbosity,
    draw_seed: fn() -> io::Result<Seed>,
) -> Result<(), CliError> {
    logging::start(verbosity, arguments.events);
    let data = &arguments.data.dir;
    let no_cluster = || CliError::NoCluster { data: data.clone() };
    if !arguments.reach.open_cluster && !data.exists() {
        return Err(no_cluster());
    }
    let disk = DirDisk::open(data)?;
    let cluster = match secret::named(None, arguments.reach.open_cluster)? {
        Some(named) => named,
        None => Cluster::load(&disk)?.ok_or_else(no_cluster)?,
    };
    if cluster == Cluster::Open {
        logging::warn("", "the cluster is open: everybody who reaches this port may become a peer");
    }
    let config = Config {
        peers: arguments.reach.peers.clone(),
        layout: arguments.layout,
        replicas: arguments.replicas,
        quota: Quota {
            bytes_max: arguments.quota_bytes.map(|ByteCount(bytes)| bytes),
            files_max: arguments.quota_files,
        },
        events: logging::sink(String::new()),
        ..Config::new(arguments.reach.listen.clone(), cluster.secret(), draw_seed().map_err(CliError::Process)?)
    };
    runtime::run(serve(arguments, Machine::new(disk), config))
}

async fn serve(arguments: &NodeArguments, machine: Machine, config: Config) -> Result<(), CliError> {
    let mut signals = Signals::new()?;
    let node = Node::start(machine, config).await?;
    let handle = node.handle();
    let mut server = Server::start(&arguments.data.dir, handle.clone())?;
    output::line(&handle.address().to_string())?;
    let mut stopped = pin!(node.stopped());
    let ended = tokio::select! {
        biased;
        ended = &mut stopped => Some(ended),
        () = signals.next() => None,
        () = server.stop_wanted() => None,
    };
    // The data directory is still locked, so the socket that goes is this node's own.
    server.close().await;
    let ended = match ended {
        Some(ended) => ended,
        None => {
            handle.stop().await;
            tokio::select! {
                biased;
                ended = stopped => ended,
                // Who asks twice does not want to wait. It is then as after a crash, which every start mends.
                () = signals.next() => return Err(CliError::Interrupted),
            }
        }
    };
    server.farewell().await;
    Ok(ended?)
}
