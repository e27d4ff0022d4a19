//! How nodes get into a cluster, and out of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::bench::{Bench, Node, wait_until, without_versions};

/// Founds a cluster with a secret. Returns its first node, and the invitation by which others enter.
fn founder(bench: &Bench) -> (Node, String) {
    let data = bench.path("n1");
    let made = bench.run(&data, &["init"]);
    assert_eq!((made.code, made.stdout.len()), (Some(0), "node \n".len() + 64));
    let node = bench.member("n1");
    let invitation = bench.succeed(&data, &["invite"]);
    (node, invitation)
}

fn join(bench: &Bench, name: &str, invitation: &str) -> Node {
    let joined = bench.run_with_input(&bench.path(name), &["join"], invitation.as_bytes());
    assert_eq!(joined.code, Some(0), "{}", joined.stderr);
    bench.member_with(name, &["--verbose", "--listen", ":0"])
}

fn all_text(dir: &Path) -> String {
    let files = fs::read_dir(dir).expect("listed").map(|entry| entry.expect("an entry").path());
    files.filter_map(|path| fs::read_to_string(path).ok()).collect()
}

#[test]
fn an_invitation_lets_another_machine_in() {
    let bench = Bench::new();
    let (_first, invitation) = founder(&bench);
    let second = join(&bench, "n2", &invitation);
    second.connected(&bench, 1);
    let stored = bench.run_with_input(&second.data, &["put", "k"], b"my big data file here!");
    assert_eq!(without_versions(stored.stdout), "stored k v#, 22 bytes, 1 of 1 peer\n");
    let secrets = [&second.data, &bench.path("n1")].map(|data| all_text(data));
    let secrets: Vec<_> = secrets.iter().flat_map(|text| text.lines()).filter(|line| line.len() == 64).collect();
    assert_eq!(secrets.len(), 4, "each of the two nodes has a cluster secret and an identity");
    for secret in secrets {
        assert!(!second.events().contains(secret), "no event tells a secret");
    }
    for secret in ["cluster", "identity"] {
        let mode = fs::metadata(second.data.join(secret)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let again = bench.run_with_input(&bench.path("n1"), &["join"], invitation.as_bytes());
    assert!(again.stderr.contains("an invitation of this node itself"), "{}", again.stderr);
}

#[test]
fn without_the_secret_nobody_gets_anywhere() {
    let bench = Bench::new();
    let (first, _) = founder(&bench);
    bench.succeed(&bench.path("n2"), &["--quiet", "init"]);
    let other_cluster = bench.member_with("n2", &["--listen", ":0", "--peer", &first.address]);
    let no_cluster = bench.node("n3", &[&first]);
    for stranger in [&other_cluster, &no_cluster] {
        wait_until("the node is refused", || stranger.events().contains("another cluster secret"));
        assert!(!stranger.events().contains("connected with"));
    }
    assert_eq!(bench.succeed(&first.data, &["peers", "--json"]), "");
}

#[test]
fn an_open_cluster_has_to_be_asked_for() {
    let bench = Bench::new();
    let refused = bench.run(&bench.path("n1"), &["node", "--listen", ":0"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("is in no cluster"), "{}", refused.stderr);
    assert!(!bench.path("n1").exists(), "no directory was made");
    let asked = bench.run(&bench.path("n1"), &["init", "--open-cluster"]);
    assert!(asked.stderr.contains("everybody who reaches the port"), "{}", asked.stderr);
    let node = bench.member("n1");
    wait_until("it says that it is open", || node.events().contains("the cluster is open"));
    let line = bench.succeed(&node.data, &["invite", "here.example:3000"]);
    assert!(line.starts_with("dacapo-invitation-1:here.example:3000:") && line.contains(":open:"), "{line}");
}

#[test]
fn an_invitation_is_no_argument_and_a_damaged_one_is_told_without_its_secret() {
    let bench = Bench::new();
    let (_first, invitation) = founder(&bench);
    let secret = invitation.trim().rsplit(':').nth(1).expect("the invitation has a secret").to_owned();
    let exposed = bench.run(&bench.path("n2"), &["join", invitation.trim()]);
    assert!(exposed.code == Some(2) && exposed.stderr.contains("everybody on this machine can see arguments"));
    let cut = bench.run_with_input(&bench.path("n2"), &["join"], &invitation.as_bytes()[..invitation.len() - 5]);
    assert!(cut.code == Some(1) && cut.stderr.contains("copy all of the line"), "{}", cut.stderr);
    for output in [exposed.stderr, cut.stderr] {
        assert!(!output.contains(&secret), "{output}");
    }
    assert!(!bench.path("n2").exists(), "no directory was made");
}

#[test]
fn a_cluster_is_not_left_by_accident() {
    let bench = Bench::new();
    let (_first, invitation) = founder(&bench);
    let data = bench.path("n2");
    bench.succeed(&data, &["--quiet", "init"]);
    let before = all_text(&data);
    for (arguments, input) in [(&["init"][..], ""), (&["join"], invitation.as_str())] {
        let refused = bench.run_with_input(&data, arguments, input.as_bytes());
        assert!(refused.stderr.contains("is in a cluster already"), "{}", refused.stderr);
    }
    assert_eq!(all_text(&data), before);
}

#[test]
fn a_forgotten_peer_is_cut_off_at_once_and_stays_so() {
    let bench = Bench::new();
    let (mut first, invitation) = founder(&bench);
    let second = join(&bench, "n2", &invitation);
    first.connected(&bench, 1);
    let id = second.short_id();
    bench.succeed(&first.data, &["peers", "forget", &id]);
    let listed = bench.succeed(&first.data, &["peers"]);
    assert!(listed.contains(&format!("{id}  forgotten   unknown")), "{listed}");
    wait_until("the node is told", || second.events().contains("does not admit this node"));
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let first = bench.member_at("n1", &first.address);
    wait_until("the node is refused again", || first.events().contains("this node has forgotten it"));
    bench.succeed(&first.data, &["peers", "allow", &id]);
    first.connected(&bench, 1);
    // To join by the invitation of a forgotten node is to allow that node again.
    let mut second = second;
    bench.succeed(&first.data, &["peers", "forget", &id]);
    bench.succeed(&second.data, &["stop"]);
    second.wait();
    let invitation = bench.succeed(&second.data, &["invite", &second.address]);
    bench.succeed(&first.data, &["stop"]);
    let mut first = first;
    first.wait();
    let offline = bench.run(&first.data, &["peers", "lock"]);
    assert!(offline.stderr.contains("no node is running"), "{}", offline.stderr);
    bench.run_with_input(&first.data, &["join"], invitation.as_bytes());
    let _second = bench.member_at("n2", &second.address);
    let first = bench.member_at("n1", &first.address);
    first.connected(&bench, 1);
    let nowhere = bench.path("nowhere");
    fs::create_dir(&nowhere).expect("made");
    let refused = bench.run(&nowhere, &["peers", "forget", &"5a".repeat(32)]);
    assert!(refused.code == Some(1) && refused.stderr.contains("is not a Dacapo data"), "{}", refused.stderr);
    let unknown = bench.run(&first.data, &["peers", "forget", "123456"]);
    assert_eq!((unknown.code, unknown.stderr.contains("no peer begins with 123456")), (Some(2), true));
}

#[test]
fn a_locked_list_admits_those_who_are_on_it() {
    let bench = Bench::new();
    let (first, invitation) = founder(&bench);
    let _second = join(&bench, "n2", &invitation);
    first.connected(&bench, 1);
    bench.succeed(&first.data, &["peers", "lock"]);
    let third = join(&bench, "n3", &invitation);
    wait_until("the node is refused", || third.events().contains("does not admit this node"));
    first.connected(&bench, 1);
    bench.succeed(&first.data, &["peers", "unlock"]);
    first.connected(&bench, 2);
}

#[test]
fn a_copied_data_directory_that_runs_beside_the_original_is_noticed_by_all() {
    let bench = Bench::new();
    let holder = bench.node("n1", &[]);
    let mut first = bench.node("n2", &[&holder]);
    first.connected(&bench, 1);
    bench.run_with_input(&first.data, &["put", "k"], b"of both");
    bench.succeed(&first.data, &["stop"]);
    first.wait();
    let copied = Command::new("cp").arg("-a").arg(&first.data).arg(bench.path("n3")).status();
    assert!(copied.expect("a status").success());
    let twins = [bench.node("n2", &[&holder]), bench.node("n3", &[&holder])];
    wait_until("the peer notices", || holder.events().contains("runs twice"));
    for twin in &twins {
        wait_until("the twin is told", || twin.events().contains("another node with this identity is running"));
    }
    assert!(bench.succeed(&holder.data, &["peers"]).contains("twice"));
    assert!(bench.succeed(&twins[0].data, &["peers", "--json"]).contains("\"sees_twin\":true"));
    for (twin, content) in twins.iter().zip([b"of the first", b"of a second."]) {
        bench.run_with_input(&twin.data, &["put", "k"], content);
        assert_eq!(bench.succeed(&twin.data, &["get", "k"]).as_bytes(), content);
    }
}

#[test]
fn a_lock_tells_of_each_peer_that_it_leaves_out_until_the_peer_is_allowed() {
    let bench = Bench::new();
    let (mut first, invitation) = founder(&bench);
    let mut second = join(&bench, "n2", &invitation);
    first.connected(&bench, 1);
    let short = second.short_id();
    // After a start the node knows only that the other one was ever connected.
    for node in [&mut second, &mut first] {
        bench.succeed(&node.data, &["stop"]);
        node.wait();
    }
    let first = bench.member_at("n1", &first.address);
    let told = bench.succeed(&first.data, &["peers", "lock"]);
    let lines: Vec<_> = told.lines().collect();
    let [line] = lines[..] else { panic!("{told}") };
    let id = line.split_whitespace().next().expect("an id");
    assert!(id.len() == 64 && id.starts_with(&short), "{line}");
    assert!(line.ends_with(&format!("is locked out: `dacapo peers allow {id}`")), "{line}");
    let listed = bench.run(&first.data, &["peers"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains(&format!("{short}  locked out  unknown")), "{listed}");
    let json = bench.succeed(&first.data, &["peers", "--json"]);
    assert!(json.contains(r#""forgotten":false,"locked_out":true"#), "{json}");
    assert!(bench.succeed(&first.data, &["status"]).contains("keeps out 1 node of those"));
    let second = bench.member("n2");
    wait_until("the node is told", || second.events().contains("does not admit this node"));
    bench.succeed(&first.data, &["peers", "allow", &short]);
    first.connected(&bench, 1);
    assert!(!bench.succeed(&first.data, &["status"]).contains("keeps out"));
}
