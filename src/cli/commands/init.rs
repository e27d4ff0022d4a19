//! `dacapo init`: gives a data directory an identity and a cluster.

use dacapo::crypto::ClusterSecret;
use dacapo::disk::dir::DirDisk;
use dacapo::membership::Cluster;
use dacapo::node::Lane;
use dacapo::seed::{Rng, Seed};

use crate::cli::arguments::{InitArguments, Verbosity};
use crate::cli::chance::Chance;
use crate::cli::error::CliError;
use crate::cli::{logging, output, secret, starting};

pub(crate) fn run(arguments: &InitArguments, verbosity: Verbosity, chance: Chance) -> Result<(), CliError> {
    let named = secret::named(arguments.cluster_secret_file.as_deref(), arguments.open_cluster)?;
    let seed = chance.seed()?;
    let cluster = named.unwrap_or_else(|| Cluster::Closed(draw_secret(&seed)));
    let enter = |disk: &DirDisk| starting::enter_cluster(disk, &seed, &cluster, arguments.layout);
    let node = starting::make(&arguments.data.dir, enter)?;
    output::line(&format!("node {node}"))?;
    if !verbosity.quiet {
        logging::note(match (&cluster, &arguments.cluster_secret_file) {
            (Cluster::Open, _) => "the cluster is open: everybody who reaches the port may become a peer",
            (Cluster::Closed(_), Some(_)) => "in the cluster of that secret",
            (Cluster::Closed(_), None) => "in a new cluster; `dacapo invite` lets other machines in",
        });
    }
    Ok(())
}

fn draw_secret(seed: &Seed) -> ClusterSecret {
    let mut secret = ClusterSecret([0; 32]);
    seed.rng(Lane::Cluster).fill_bytes(&mut secret.0);
    secret
}
