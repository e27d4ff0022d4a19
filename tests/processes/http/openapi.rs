//! The document of what can be asked: as it was reviewed, and true of a running node.

use std::process::Command;

use serde_json::Value;

use super::Face;
use crate::support::bench::Bench;
use crate::support::snapshots::assert_snapshot;

#[test]
fn the_document_is_as_reviewed() {
    let bench = Bench::new();
    let document = Face::new(&bench, "n1", &[]).get("/v1/openapi.json").json();
    assert_eq!((&document["openapi"], &document["info"]["title"]), (&"3.1.0".into(), &"Dacapo".into()));
    let mut lines = String::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let named = |list: &Value, name: &str| -> Vec<String> {
                let list = list.as_array().into_iter().flatten();
                list.map(|one| one[name].as_str().expect("a name").to_owned()).collect()
            };
            let statuses: Vec<_> = operation["responses"].as_object().expect("responses").keys().cloned().collect();
            let parameters = named(&operation["parameters"], "name").join(" ");
            lines += &format!("{method:6} {path:20} {parameters:22} {}\n", statuses.join(" "));
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        let fields: Vec<_> = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
        lines += &format!("{name}: {}\n", fields.join(" "));
    }
    assert_snapshot("openapi", &lines);
}

/// A version may be another one by now, a file deleted, and a range outside. What is drawn for the headers of
/// conditions loses its quotation marks on its way, so these have one value each.
const SETTINGS: &[u8] = br#"
[parameters]
"header.If-Match" = "*"
"header.If-None-Match" = "\"1\""

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "410", "412", "416", "5xx"]
"#;

/// Asks at random what the document allows and what it does not, and compares the answers with it.
#[test]
#[ignore = "needs Schemathesis; `.ci/run recipes` runs it"]
fn every_answer_is_one_of_the_document() {
    let bench = Bench::new();
    let face = Face::new(&bench, "n1", &[]);
    #[expect(clippy::disallowed_methods, reason = "the environment says where it is")]
    let program = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| "st".to_owned());
    bench.file("schemathesis.toml", SETTINGS);
    let asked = Command::new(program)
        .args(["run", &format!("http://{}/v1/openapi.json", face.address)])
        // Events never end.
        .args(["--exclude-path", "/v1/events", "--continue-on-failure", "--max-examples", "50", "--seed", "1"])
        .args(["--request-timeout", "10", "--warnings", "off"])
        .current_dir(bench.dir.path())
        .output()
        .expect("Schemathesis runs");
    let said = [asked.stdout, asked.stderr].concat();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&said));
}
