//! How a node is, for Prometheus (OpenMetrics 1.0). All of it is asked of the node when it is scraped.

use std::fmt;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text::encode};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::api::Api;
use super::failure::Failure;
use crate::node::{PeerInfo, Status};
use crate::view::{KnownPeers, attention};

/// Answers with every metric.
pub(super) async fn show(State(api): State<Api>) -> Result<Response, Failure> {
    let (status, known) = (api.handle.status().await?, KnownPeers::of(&api.handle).await?);
    let mut registry = Registry::with_prefix("dacapo");
    registry.register_collector(Box::new(Snapshot { status, known }));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a String takes all");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// What a node said of itself when it was asked.
#[derive(Debug)]
struct Snapshot {
    status: Status,
    known: KnownPeers,
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Status { files, deleted, owners, held, last_scrub, load, .. } = self.status;
        let counts = self.known.counts();
        let all = attention::all(&self.known).len();
        for (name, help, value) in [
            ("files", "Own files", files),
            ("deleted_files", "Own files that are deleted everywhere, and remembered as such", deleted),
            ("owners", "Nodes for which this disk has replicas", owners),
            ("held_files", "Replicas that are held for other nodes", held.files),
            ("held_bytes", "Bytes of replicas that are held for other nodes", held.bytes),
            ("connected_peers", "Peers that are connected", counts.connected as u64),
            ("behind_peers", "Connected peers that are known to lack files of this node", counts.behind as u64),
            ("away_peers", "Peers that are not connected", counts.away as u64),
            ("unknown_peers", "Addresses that are dialled and at which no peer is known", counts.unknown as u64),
            ("missing_peers", "Peers that lack for as many copies as are asked for", counts.missing as u64),
            ("unlearnt_files", "Files of this node that peers list and cannot give", self.known.unlearnt),
            ("attention", "Things that need somebody's attention: see dacapo status", all as u64),
            ("calls", "Calls under way", load.calls as u64),
            ("exchanges", "Exchanges with peers under way", load.exchanges as u64),
            ("connections", "Connections of peers", load.connections as u64),
            ("tasks", "Tasks of the node", load.tasks as u64),
        ] {
            gauge(&mut encoder, name, help, value)?;
        }
        if let Some(ended) = last_scrub {
            let help = "When the last scrub ended that came to its end; absent if none has";
            gauge(&mut encoder, "last_scrub_timestamp_seconds", help, ended.0 / 1000)?;
        }
        self.of_peers(&mut encoder, "peer_connected", "Whether the peer is connected", |peer| {
            Some(u64::from(peer.is_connected))
        })?;
        self.of_peers(&mut encoder, "peer_current", "Whether the peer holds every current file, if known", |peer| {
            peer.is_current().map(u64::from)
        })?;
        self.of_peers(
            &mut encoder,
            "peer_not_taken_files",
            "Files of this node that the peer does not take",
            |peer| Some(self.known.refusing.get(&peer.peer?).map_or(0, |refusing| refusing.files)),
        )?;
        self.of_peers(&mut encoder, "peer_held_bytes", "Bytes of replicas that are held for the peer", |peer| {
            Some(self.known.held.get(&peer.peer?)?.bytes)
        })
    }
}

impl Snapshot {
    /// Writes a figure of every peer whose id is known.
    fn of_peers(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&PeerInfo) -> Option<u64>,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for info in &self.known.peers {
            if let (Some(peer), Some(value)) = (info.peer, value(info)) {
                let labels = [("peer", peer.to_string())];
                ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}
