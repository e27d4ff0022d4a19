//! Every alert of the recipe comes true, and every panel of the dashboard shows something, by a real Prometheus.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::support::bench::{Bench, Running, free_address, wait_until};

const RECIPE: &str = include_str!("../../../docs/recipes/alerts.yaml");

/// Prometheus, with the alerts of the recipe: they wait for nothing, and a scrub is old at once.
struct Prometheus {
    running: Running,
    address: String,
}

impl Prometheus {
    fn start(bench: &Bench, targets: &[&str]) -> Self {
        let rules: String = RECIPE
            .lines()
            .map(|line| if line.trim_start().starts_with("for: ") { "        for: 0s" } else { line })
            .map(|line| line.replace("> 35 * 24 * 3600", "> 0").replace("[1d]", "[2s]") + "\n")
            .collect();
        bench.file("alerts.yaml", rules.as_bytes());
        let targets: Vec<_> = targets.iter().map(|target| format!("{target:?}")).collect();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yaml]\nscrape_configs:\n- \
             job_name: dacapo\n  static_configs:\n  - targets: [{}]\n",
            targets.join(", ")
        );
        let config = bench.file("prometheus.yaml", config.as_bytes());
        let address = free_address();
        let arguments = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", bench.path("series").display()),
            format!("--web.listen-address={address}"),
        ];
        let running = bench.spawn_program(Path::new("prometheus"), &arguments);
        Self { running, address }
    }

    /// Asks it, and returns the data of its answer; null until it answers.
    fn ask(&self, path: &str) -> Value {
        let Ok(mut stream) = TcpStream::connect(&self.address) else { return Value::Null };
        let request = format!("GET /api/v1/{path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str::<Value>(body).map_or(Value::Null, |answer| answer["data"].clone())
    }

    /// Adds the names of the alerts that fire.
    fn firing(&self, seen: &mut BTreeSet<String>) {
        let alerts = self.ask("alerts");
        let firing = alerts["alerts"].as_array().into_iter().flatten().filter(|alert| alert["state"] == "firing");
        seen.extend(firing.map(|alert| alert["labels"]["alertname"].as_str().expect("a name").to_owned()));
    }

    /// Tells whether an expression has a value.
    fn has(&self, expression: &str) -> bool {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.ask(&format!("query?query={encoded}"));
        answer["result"].as_array().is_some_and(|values| !values.is_empty())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.running.child().kill());
        drop(self.running.child().wait());
    }
}

#[test]
#[ignore = "needs Prometheus; `.ci/run recipes` runs it"]
fn an_alert_comes_no_sooner_than_it_says_and_ends() {
    let bench = Bench::new();
    bench.file("alerts.yaml", RECIPE.as_bytes());
    let series = bench.file("series.yaml", include_bytes!("series.yaml"));
    let looked = bench.spawn_program(Path::new("promtool"), &["test", "rules", series.to_str().expect("plain")]).end();
    let said = String::from_utf8_lossy(&looked.stdout);
    assert_eq!(looked.code, Some(0), "{said}{}", looked.stderr);
}

#[test]
#[ignore = "needs Prometheus; `.ci/run recipes` runs it"]
fn every_alert_comes_true_and_every_panel_shows_something() {
    let bench = Bench::new();
    let (http, nobody) = (free_address(), free_address());
    let first = bench.node_with("n1", &[], &["--http", &http, "--peer", &nobody]);
    let prometheus = Prometheus::start(&bench, &[&http, &nobody]);
    let mut seen = BTreeSet::new();
    let mut wait_for = |alerts: &[&str]| {
        wait_until(&format!("{alerts:?} fire"), || {
            prometheus.firing(&mut seen);
            alerts.iter().all(|alert| seen.contains(*alert))
        });
    };
    // A node that is alone and was never scrubbed, and a node that is none.
    wait_for(&["DacapoDown", "DacapoNoPeer", "DacapoNeverScrubbed", "DacapoAttention", "DacapoPeerUnknown"]);
    // A peer that takes one file.
    let second = bench.node_with("n2", &[&first], &["--quota-files", "1"]);
    first.connected(&bench, 1);
    for key in ["a", "b", "c"] {
        bench.run_with_input(&first.data, &["put", key], key.as_bytes());
    }
    bench.succeed(&first.data, &["scrub"]);
    wait_for(&["DacapoFewerCopies", "DacapoPeerBehind", "DacapoScrubOld"]);
    let dashboard: Value = serde_json::from_str(include_str!("../../../docs/recipes/grafana.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets")) {
        let expression = target["expr"].as_str().expect("a text").replace("$instance", ".*");
        wait_until(&format!("{expression} has a value"), || prometheus.has(&expression));
    }
    drop(second);
    wait_for(&["DacapoPeerAway"]);
    let named: BTreeSet<_> = RECIPE.lines().filter_map(|line| line.trim_start().strip_prefix("- alert: ")).collect();
    assert_eq!(seen.iter().map(String::as_str).collect::<BTreeSet<_>>(), named);

    let log = fs::read_to_string(prometheus.running.stderr()).unwrap_or_default();
    assert!(!log.contains("level=error"), "{log}");
}
