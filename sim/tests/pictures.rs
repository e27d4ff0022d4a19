//! Pictures of runs: they show the run that there is, and need nothing else to be looked at.

use std::collections::BTreeMap;

use dacapo::disk::EntryKind;
use dacapo_sim::export::page;
use dacapo_sim::run::{film, run};
use dacapo_sim::store::files::Files;
use dacapo_sim::sweep::plan_of;
use dacapo_sim::trace::{Fact, Way};

#[test]
fn a_film_shows_the_same_run() {
    let subject = Files::default();
    for seed in 0..6 {
        let plan = plan_of(&subject, seed);
        let (seen, _) = film(&subject, &plan, None);
        let unseen = run(&subject, &plan);
        assert_eq!((seen.trace.digest(), seen.broken), (unseen.trace.digest(), unseen.broken), "seed {seed}");
    }
}

#[test]
fn a_film_ends_with_what_lies_on_the_disks() {
    let subject = Files::default();
    let (run, film) = film(&subject, &plan_of(&subject, 3), None);
    let mut disks: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); run.plan.nodes];
    for (path, bytes, host) in
        film.frames.iter().flat_map(|frame| frame.files.iter().map(|(path, bytes)| (path.clone(), *bytes, frame.host)))
    {
        match bytes {
            Some(bytes) => disks[host].insert(path, bytes),
            None => disks[host].remove(&path),
        };
    }
    for (host, filmed) in disks.into_iter().enumerate() {
        let tree = run.disks[host].tree().into_iter().filter(|(_, kind, _)| *kind == EntryKind::File);
        let there: BTreeMap<String, u64> = tree.map(|(path, _, bytes)| (path, bytes)).collect();
        assert!(there.len() > 2);
        assert_eq!(filmed, there, "n{host}");
    }
}

#[test]
fn every_message_that_arrives_was_sent() {
    let subject = Files::default();
    let plan = "seed 1\nnodes 2\ndial n1 n0\nat 0.5 n0 store 1 300\nat 0.9 n1 get 1\nlift 2\n".parse().expect("a plan");
    let (run, _) = film(&subject, &plan, None);
    let mut counts: BTreeMap<(&str, &str), [usize; 2]> = BTreeMap::new();
    for line in run.trace.lines() {
        if let Fact::Message { way, name, .. } = &line.what {
            // Of two hosts, what the one sends the other one receives.
            let from_n0 = (&*line.host == "n0") == (*way == Way::Sent);
            counts.entry((if from_n0 { "n0" } else { "n1" }, name)).or_default()[usize::from(*way == Way::Received)] +=
                1;
        }
    }
    assert!(counts[&("n0", "store-file")][1] >= 1 && counts[&("n1", "stored")][1] >= 1, "{counts:?}");
    assert!(counts.values().all(|[sent, received]| received <= sent), "{counts:?}");
}

#[test]
fn a_page_needs_nothing_else() {
    let subject = Files::default();
    let (run, film) = film(&subject, &plan_of(&subject, 3), None);
    let page = page("cargo sim", &subject, &run, &film, "3");
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    let elsewhere: Vec<_> = page.match_indices("://").map(|(at, _)| &page[at..at + 22]).collect();
    assert_eq!(elsewhere, ["://www.w3.org/2000/svg"], "the name of SVG alone");
    assert!(!page.contains("{{"), "a place is left empty");
    let (_, data) = page.split_once("id=\"run\">").expect("there is data");
    let (data, _) = data.split_once("</script>").expect("it ends");
    let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["hosts"].as_array().map(Vec::len), Some(run.plan.nodes));
    assert!(!data["messages"].as_array().expect("messages").is_empty());
}
