//! `dacapo node`: runs a node on real TCP and a real directory, until it is told to stop.

use std::pin::pin;

use dacapo::disk::dir::DirDisk;
use dacapo::membership::Cluster;
use dacapo::node::{Config, Quota};
use sd_notify::NotifyState;

use crate::cli::arguments::{ByteCount, NodeArguments, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::control::Server;
use crate::cli::error::CliError;
use crate::cli::runtime::{self, Signals};
use crate::cli::{http, logging, output, secret, starting};

pub(crate) fn run(arguments: &NodeArguments, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    logging::start(verbosity, arguments.events).map_err(CliError::Process)?;
    let (data, reach) = (&arguments.data.dir, &arguments.reach);
    let no_cluster = || CliError::NoCluster { data: data.clone() };
    if !reach.open_cluster && !data.exists() {
        return Err(no_cluster());
    }
    let disk = DirDisk::open(data)?;
    let cluster = match secret::named(None, reach.open_cluster)? {
        Some(named) => named,
        None => Cluster::load(&disk)?.ok_or_else(no_cluster)?,
    };
    if cluster == Cluster::Open {
        logging::warn("", "the cluster is open: everybody who reaches this port may become a peer");
    }
    let http = http::Planned::new(&arguments.http)?;
    let config = Config {
        layout: arguments.layout,
        replicas: arguments.replicas,
        quota: Quota {
            bytes_max: arguments.quota_bytes.map(|ByteCount(bytes)| bytes),
            files_max: arguments.quota_files,
        },
        ..starting::config(reach, &cluster, chance.seed()?)
    };
    let config = Config { events: http.before(config.events.clone()), ..config };
    runtime::run(serve(arguments, disk, config, http))
}

async fn serve(arguments: &NodeArguments, disk: DirDisk, config: Config, http: http::Planned) -> Result<(), CliError> {
    let mut signals = Signals::new()?;
    let node = starting::start(disk, config).await?;
    let handle = node.handle();
    let mut server = Server::start(&arguments.data.dir, handle.clone())?;
    if let Err(error) = output::line(&handle.address().to_string()) {
        // The node serves its peers and commands, whether somebody reads its address or not.
        logging::warn("", error);
    }
    let http = match http.start(handle.clone()).await {
        Ok(http) => http,
        Err(error) => {
            server.close().await;
            starting::stop(node).await?;
            return Err(error);
        }
    };
    supervisor(NotifyState::Ready);
    let mut stopped = pin!(node.stopped());
    let ended = tokio::select! {
        biased;
        ended = &mut stopped => Some(ended),
        () = signals.next() => None,
        () = server.stop_wanted() => None,
    };
    supervisor(NotifyState::Stopping);
    // The data directory is still locked, so the socket that goes is this node's own.
    server.close().await;
    let ended = match ended {
        Some(ended) => ended,
        None => {
            handle.stop().await;
            tokio::select! {
                biased;
                ended = stopped => ended,
                // A second signal means that nobody wants to wait. The next start mends the directory as after a crash.
                () = signals.next() => return Err(CliError::Interrupted),
            }
        }
    };
    // Until now callers were told that the node stops, or has stopped.
    let http = async {
        if let Some(http) = http {
            http.close().await;
        }
    };
    tokio::join!(biased; server.farewell(), http);
    Ok(ended?)
}

/// Tells systemd how far the node is, if it was started by a unit of the type notify: see sd_notify(3).
fn supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        logging::warn("", format_args!("cannot tell the service manager: {error}"));
    }
}
