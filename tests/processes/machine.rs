//! The program on a machine: its config file, what the service manager and a doctor are told, completions, man pages,
//! and the recipes for systemd and Prometheus.

mod alerts;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dacapo::limits::QUARANTINE_FILES_MAX;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::bench::{Bench, Ended, free_address};

#[test]
fn the_line_goes_before_the_variables_and_these_before_the_file() {
    let bench = Bench::new();
    let config = "data = \"n1\"\nlisten = \"127.0.0.1:1\"\nhttp = \"127.0.0.1:1\"\nlayout = \"packed\"\n";
    let config = bench.file("config.toml", config.as_bytes()).to_str().expect("plain").to_owned();
    // The layout of the file is that of the directory from its beginning.
    let made = bench
        .spawn_with(Path::new(""), &["-q", "init", "--config", &config], |command| command.env_remove("DACAPO_DATA"));
    assert_eq!(made.end().code, Some(0));
    let (variable, typed) = (free_address(), free_address());
    let arguments = ["node", "--config", &config, "--http", &typed];
    let mut node = bench.spawn_with(Path::new(""), &arguments, |command| {
        command.env_remove("DACAPO_DATA").env("DACAPO_LISTEN", &variable)
    });
    let printed = node.first_lines(2);
    assert_eq!(printed, format!("{variable}\nhttp://{typed}\n"));
    // Commands find the node by the same file.
    let asked = bench
        .spawn_with(Path::new(""), &["ls"], |command| command.env_remove("DACAPO_DATA").env("DACAPO_CONFIG", &config));
    assert_eq!(asked.end().stderr, "no files\n");
    node.signal(Signal::TERM);
    assert_eq!(node.end().code, Some(0));
    let wrong = bench.file("wrong.toml", b"replica = 3\n");
    let refused = bench.run(&bench.path("n1"), &["ls", "--json", "--config", wrong.to_str().expect("plain")]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("unknown key \"replica\"; \"replicas\" is known"), "{}", refused.stderr);
}

#[test]
fn the_service_manager_is_told_how_far_the_node_is() {
    let bench = Bench::new();
    let socket = bench.path("notify");
    let manager = UnixDatagram::bind(&socket).expect("a short path");
    manager.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    let next = || {
        let mut bytes = [0; 256];
        let length = manager.recv(&mut bytes).expect("it is told");
        String::from_utf8_lossy(&bytes[..length]).trim_end().to_owned()
    };
    let arguments = ["node", "--open-cluster", "--listen", ":0"];
    let mut node = bench.spawn_with(&bench.path("n1"), &arguments, |command| command.env("NOTIFY_SOCKET", &socket));
    assert_eq!(next(), "READY=1");
    // A node that is ready takes commands.
    assert_eq!(bench.run(&bench.path("n1"), &["status"]).code, Some(0));
    assert!(node.child().try_wait().expect("it is ours").is_none());
    node.signal(Signal::TERM);
    assert_eq!(next(), "STOPPING=1");
    assert_eq!(node.end().code, Some(0));
}

/// Returns what a doctor says of each thing, and whether something is to be mended.
fn verdicts(ended: &Ended) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    let findings = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("a text").to_owned();
    findings.map(|finding| (text(&finding, "what"), text(&finding, "verdict"))).collect()
}

#[test]
fn a_doctor_says_what_is_to_be_mended() {
    let bench = Bench::new();
    let doctor = |name: &str| bench.run(&bench.path(name), &["doctor", "--json"]);
    let verdict = |name: &str, what: &str| {
        let ended = doctor(name);
        let found = verdicts(&ended).into_iter().find(|(found, _)| found == what);
        let verdict = found.unwrap_or_else(|| panic!("nothing about {what}")).1;
        assert!(verdict != "fail" || ended.code == Some(1), "{}", ended.stderr);
        verdict
    };
    assert_eq!(verdict("none", "directory"), "fail");
    assert_eq!(verdicts(&doctor("none")).len(), 1, "there is nothing else to look at");
    fs::create_dir(bench.path("bare")).expect("made");
    assert_eq!(verdict("bare", "directory"), "fail");
    fs::write(bench.path("bare/identity"), b"dacapo identity 1\nnone\n").expect("written");
    assert_eq!(verdict("bare", "directory"), "fail");

    bench.succeed(&bench.path("n1"), &["--quiet", "init"]);
    for (what, expected) in
        [("directory", "ok"), ("cluster", "ok"), ("backup", "fail"), ("clock", "ok"), ("node", "fail")]
    {
        assert_eq!((what, verdict("n1", what).as_str()), (what, expected));
    }
    fs::set_permissions(bench.path("n1"), fs::Permissions::from_mode(0o755)).expect("changed");
    assert_eq!(verdict("n1", "directory"), "warn");
    fs::set_permissions(bench.path("n1"), fs::Permissions::from_mode(0o700)).expect("changed");
    fs::rename(bench.path("n1/layout"), bench.path("layout")).expect("renamed");
    fs::write(bench.path("n1/layout"), b"flat\n").expect("written");
    let told = String::from_utf8(doctor("n1").stdout).expect("text");
    assert!(told.contains("no node is running, and none starts: the file layout is damaged"), "{told}");
    fs::rename(bench.path("layout"), bench.path("n1/layout")).expect("renamed");
    // Nobody makes a new identity for a directory that is used.
    fs::rename(bench.path("n1/identity"), bench.path("identity")).expect("renamed");
    fs::write(bench.path("n1/catalog.redb"), b"").expect("written");
    let told = String::from_utf8(doctor("n1").stdout).expect("text");
    assert!(told.contains("has lost its identity") && !told.contains("dacapo init"), "{told}");
    fs::remove_file(bench.path("n1/catalog.redb")).expect("removed");
    fs::rename(bench.path("identity"), bench.path("n1/identity")).expect("renamed");
    // A directory that somebody works on has no node that is to be started.
    let lock = fs::File::open(bench.path("n1/lock")).expect("it is there");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("nobody has it");
    assert_eq!(verdict("n1", "node"), "warn");
    drop(lock);
    let passphrase = bench.file("passphrase", b"correct horse battery\n");
    let export = ["identity", "export", "--passphrase-file", passphrase.to_str().expect("plain")];
    bench.succeed(&bench.path("n1"), &export);
    assert_eq!(verdict("n1", "backup"), "ok");
    let inside = bench.path("n1/backup");
    let refused = bench.run(&bench.path("n1"), &[&export[..], &["-o", inside.to_str().expect("plain")]].concat());
    assert_eq!((refused.code, inside.exists()), (Some(1), false), "{}", refused.stderr);
    let mark = fs::File::options().write(true).open(bench.path("n1/backed-up")).expect("it is there");
    let written = mark.metadata().and_then(|mark| mark.modified()).expect("a time");
    mark.set_modified(written + Duration::from_secs(3600)).expect("changed");
    assert_eq!(verdict("n1", "clock"), "fail", "something was written an hour in the future");
    fs::remove_file(bench.path("n1/backed-up")).expect("removed");
}

#[test]
fn a_doctor_counts_what_was_set_aside() {
    let bench = Bench::new();
    bench.succeed(&bench.path("n1"), &["--quiet", "init"]);
    let (folder, mut files) = (bench.path("n1/quarantine"), 0..);
    fs::create_dir(&folder).expect("made");
    for (more, expected) in [
        (0, "ok    aside      nothing is set aside".to_owned()),
        (2, format!("warn  aside      2 files set aside in {}", folder.display())),
        (QUARANTINE_FILES_MAX - 2, format!("fail  aside      64 files set aside in {}", folder.display())),
    ] {
        for number in files.by_ref().take(more) {
            fs::write(folder.join(format!("own.{number}")), b"damaged").expect("written");
        }
        let told = String::from_utf8(bench.run(&bench.path("n1"), &["doctor"]).stdout).expect("text");
        assert!(told.lines().any(|line| line == expected), "{told}");
    }
}

#[test]
fn a_doctor_looks_at_ports_and_peers() {
    let bench = Bench::new();
    let first = bench.node("n1", &[]);
    let of = |name: &str, more: &[&str]| {
        let arguments: Vec<_> = ["doctor", "--json"].iter().chain(more).collect();
        verdicts(&bench.run(&bench.path(name), &arguments))
    };
    let has = |found: &[(String, String)], what: &str, verdict: &str| {
        assert!(found.contains(&(what.to_owned(), verdict.to_owned())), "{what} {verdict}: {found:?}");
    };
    let alone = of("n1", &[]);
    has(&alone, "node", "ok");
    has(&alone, "port", "warn");
    has(&alone, "peers", "fail");
    has(&alone, "scrub", "warn");
    bench.succeed(&bench.path("n2"), &["--quiet", "init", "--open-cluster"]);
    let free = free_address();
    let reached = of("n2", &["--listen", &free, "--peer", &first.address]);
    has(&reached, "port", "ok");
    has(&reached, "peers", "ok");
    let refused = of("n2", &["--listen", &first.address, "--peer", &free]);
    has(&refused, "port", "fail");
    has(&refused, "peers", "warn");
    has(&refused, "cluster", "warn");
    let second = bench.node("n2", &[&first]);
    second.connected(&bench, 1);
    bench.succeed(&first.data, &["scrub"]);
    let well = of("n1", &[]);
    has(&well, "peers", "ok");
    has(&well, "scrub", "ok");
    drop(second);
    first.connected(&bench, 0);
    has(&of("n1", &[]), "peers", "fail");
}

#[test]
fn completions_and_man_pages_are_made_of_the_arguments() {
    let bench = Bench::new();
    let nowhere = bench.path("n1");
    let script = bench.path("complete.bash");
    fs::write(&script, bench.succeed(&nowhere, &["completions", "bash"])).expect("written");
    let completed = Command::new("bash")
        .arg("-c")
        .arg(
            "source \"$1\"; COMP_WORDS=(dacapo peers f) COMP_CWORD=2; _dacapo dacapo f peers; echo \"${COMPREPLY[@]}\"",
        )
        .args(["bash", script.to_str().expect("plain")])
        .output()
        .expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "forget\n");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(bench.succeed(&nowhere, &["completions", shell]).contains("whereis"), "{shell}");
    }
    let folder = bench.path("man/man1");
    bench.succeed(&nowhere, &["man", folder.to_str().expect("plain")]);
    let page = fs::read_to_string(folder.join("dacapo-peers-forget.1")).expect("a page");
    assert!(page.contains(".TH dacapo-peers-forget 1") && page.contains("ID|ADDR"), "{page}");
    assert!(folder.join("dacapo.1").exists());
    let file = bench.file("file", b"");
    let refused = bench.run(&nowhere, &["man", file.to_str().expect("plain")]);
    assert_eq!(refused.code, Some(1));
}

/// The unit, with the program that was built, and checked as systemd reads it.
#[test]
#[ignore = "needs systemd-analyze; `.ci/run recipes` runs it"]
fn systemd_takes_the_unit_and_finds_it_closed() {
    let bench = Bench::new();
    let recipe = include_str!("../../docs/recipes/dacapo.service");
    let unit = recipe.replace("/usr/bin/dacapo", env!("CARGO_BIN_EXE_dacapo"));
    let path = bench.path("dacapo.service");
    fs::write(&path, unit).expect("written");
    let analyze = |arguments: &[&str]| {
        let ended = Command::new("systemd-analyze").args(arguments).arg(&path).output().expect("systemd is installed");
        let said = [ended.stdout, ended.stderr].concat();
        (ended.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (is_valid, said) = analyze(&["verify", "--man=no"]);
    assert!(is_valid && said.is_empty(), "{said}");
    let (is_closed, said) = analyze(&["security", "--offline=true", "--threshold=15", "--no-pager"]);
    assert!(is_closed, "{said}");
}
