//! A sweep that goes on past what it finds: its folder, its summary, its page, and the parts of it that are joined.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use dacapo_sim::summary::SweepSummary;

fn sim(arguments: &[&str]) -> (Option<i32>, String, String) {
    sim_in(Path::new("."), arguments)
}

fn sim_in(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_dacapo-sim"));
    let Output { status, stdout, stderr } =
        program.current_dir(folder).args(arguments).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    (status.code(), text(stdout), text(stderr))
}

/// Returns the path of a folder that is not there.
fn no_folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("removed");
    }
    path
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path of this test")
}

fn summary(folder: &Path) -> SweepSummary {
    SweepSummary::parse(&fs::read_to_string(folder.join("summary.json")).expect("there is one")).expect("a summary")
}

#[expect(clippy::disallowed_methods, reason = "no node runs on this thread")]
fn wait_a_little() {
    std::thread::sleep(Duration::from_millis(20));
}

/// Sweeps seeds with a bug that breaks a promise in each of them.
fn sweep(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let fixed = ["sweep", "--bug", "panic-swallowed", "--keep-going", "--out", shown(folder)];
    sim(&[&fixed as &[_], arguments].concat())
}

#[test]
fn the_last_seeds_are_swept_and_no_others() {
    let (_, out, _) = sim(&["sweep", "--seeds", "18446744073709551612..18446744073709551615", "--json"]);
    assert_eq!(SweepSummary::parse(&out).expect("a summary").runs, 3);
}

#[test]
fn the_shards_of_a_sweep_are_all_of_it() {
    let runs_of = |seeds: &str, shard: &str| {
        let (_, out, _) = sim(&["sweep", "--seeds", seeds, "--shard", shard, "--json"]);
        SweepSummary::parse(&out).expect("a summary").runs
    };
    let runs = |shard: &str| runs_of("0..7", shard);
    assert_eq!((runs("0/3"), runs("1/3"), runs("2/3")), (3, 2, 2));
    assert_eq!(runs_of("3..100000000000", "5/100000000000"), 1, "the seeds of other parts cost nothing");
}

#[test]
fn a_bug_that_many_seeds_meet_is_one_line_and_one_folder() {
    let folder = no_folder("one-bug");
    let (code, out, err) = sweep(&folder, &["--seeds", "0..6"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let summary = summary(&folder);
    assert_eq!((summary.runs, summary.broken.len(), summary.groups.len()), (6, 6, 1), "{:?}", summary.groups);
    let group = &summary.groups[0];
    assert_eq!((group.oracle.as_str(), group.seeds, group.first), ("live", 6, 0));
    let of_group = folder.join(&group.folder);
    for name in ["run.plan", "run.trace", "run.html", "report.txt", "seed.plan"] {
        assert!(fs::metadata(of_group.join(name)).expect(name).len() > 0, "{name}");
    }
    let report = fs::read_to_string(of_group.join("report.txt")).expect("a report");
    let again = report.lines().find_map(|line| line.trim().strip_prefix("the same run      cargo sim ")).expect("it");
    assert_eq!(sim_in(&folder, &again.split(' ').collect::<Vec<_>>()).0, Some(1), "{report}");
    let page = fs::read_to_string(folder.join("index.html")).expect("a page");
    assert!(page.contains(&format!("href=\"{}/run.html\"", group.folder)), "{page}");
    assert!(out.contains("ORACLE") && out.contains(&group.cause), "{out}");
    let (code, _, err) = sweep(&folder, &["--seeds", "0..6"]);
    assert!(code == Some(2) && err.contains("has a sweep already"), "{err}");
}

#[test]
fn a_sweep_that_was_ended_goes_on_and_counts_every_seed_once() {
    let (whole, parts) = (no_folder("whole"), no_folder("ended"));
    assert_eq!(sim(&["sweep", "--seeds", "0..12", "--out", shown(&whole)]).0, Some(0));
    let seeds = ["sweep", "--seeds", "0..12", "--out", shown(&parts), "--resume", "--for"];
    let mut done = 0;
    for _ in 0..12 {
        let (code, out, err) = sim(&[&seeds as &[_], &["1s"]].concat());
        assert_eq!(code, Some(0), "{out}{err}");
        done = summary(&parts).runs;
        if done == 12 {
            break;
        }
    }
    assert_eq!(done, 12);
    let (whole, parts) = (summary(&whole), summary(&parts));
    assert_eq!((&whole.faults, &whole.reached, &whole.pairs), (&parts.faults, &parts.reached, &parts.pairs));
    let (code, _, err) = sim(&["sweep", "--seeds", "0..13", "--out", shown(&no_folder("ended-2")), "--resume"]);
    assert_eq!(code, Some(0), "a sweep that is not there yet begins: {err}");
    let other = ["sweep", "--seeds", "0..14", "--resume", "--out"];
    let (code, _, err) = sim(&[&other as &[_], &[concat!(env!("CARGO_TARGET_TMPDIR"), "/ended-2")]].concat());
    assert!(code == Some(2) && err.contains("it has part 0/1 of 0..13, not part 0/1 of 0..14"), "{err}");
}

#[test]
fn a_killed_sweep_goes_on_where_its_summary_ends() {
    let folder = no_folder("killed");
    let path = folder.join("summary.json");
    let arguments = ["sweep", "--seeds", "0..100000", "--out", shown(&folder), "--resume"];
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_dacapo-sim")).args(arguments).stderr(Stdio::null()).spawn();
    let sweep = sweep.as_mut().expect("it starts");
    while fs::metadata(&path).map_or(0, |metadata| metadata.len()) == 0 {
        assert_eq!(sweep.try_wait().expect("asked"), None, "it goes on");
        wait_a_little();
    }
    sweep.kill().expect("killed");
    sweep.wait().expect("it has ended");
    let is_whole = |summary: &SweepSummary| {
        let [part] = &summary.parts[..] else { panic!("{:?}", summary.parts) };
        summary.runs == part.next + part.beyond.len() as u64
    };
    let before = summary(&folder);
    assert!(before.runs > 0 && is_whole(&before), "{:?}", (before.runs, before.parts));
    let (code, out, err) = sim(&[&arguments as &[_], &["--for", "1s"]].concat());
    assert_eq!(code, Some(0), "{out}{err}");
    let after = summary(&folder);
    assert!(after.runs > before.runs && is_whole(&after), "{:?}", (after.runs, after.parts));
    fs::write(&path, "").expect("written");
    assert_eq!(sim(&[&arguments as &[_], &["--for", "1s"]].concat()).0, Some(0), "an empty summary is none");
}

#[test]
fn the_parts_of_a_sweep_are_joined_and_one_that_is_not_there_is_missed() {
    let folders: Vec<_> = (0..3).map(|part| no_folder(&format!("part-{part}"))).collect();
    for (part, folder) in folders.iter().enumerate() {
        assert_eq!(sweep(folder, &["--seeds", "0..6", "--shard", &format!("{part}/3")]).0, Some(1));
    }
    let joined = no_folder("joined");
    let [zero, one, two] = [0, 1, 2].map(|part| shown(&folders[part]));
    let (code, out, err) = sim(&["merge", zero, one, two, "-o", shown(&joined)]);
    assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
    let summary = summary(&joined);
    assert_eq!((summary.runs, summary.broken.len(), summary.groups.len()), (6, 6, 1));
    assert_eq!((summary.groups[0].seeds, summary.groups[0].first), (6, 0));
    let kept = joined.join(&summary.groups[0].folder);
    let plan = fs::read_to_string(kept.join("seed.plan")).expect("there is one");
    assert!(plan.contains("\nseed 0\n"), "the folder is that of the seed in the table: {plan}");
    let (code, out, _) = sim(&["merge", one, zero, two, "-o", shown(&no_folder("joined-otherwise"))]);
    assert!(code == Some(1) && out.contains("                     0  "), "the order makes no difference: {out}");
    // What cannot be copied hides nothing.
    fs::create_dir(folders[0].join(&summary.groups[0].folder).join("a-folder")).expect("made");
    let (code, out, err) = sim(&["merge", two, zero, one, "-o", shown(&no_folder("joined-in-part"))]);
    assert!(code == Some(1) && out.contains("6 broke a promise") && err.contains("cannot copy"), "{out}{err}");
    let (code, _, err) = sim(&["merge", zero, two, "-o", shown(&no_folder("without-one"))]);
    assert!(code == Some(1) && err.contains("part 1/3 of 0..6 is not there"), "{err}");
    let twice = no_folder("twice");
    let (code, _, err) = sim(&["merge", zero, zero, "-o", shown(&twice)]);
    assert!(!twice.exists(), "what cannot be joined leaves nothing");
    assert!(code == Some(2) && err.contains("part 0/3 of 0..6 and part 0/3 of 0..6 have seeds in common"), "{err}");
    let (code, _, err) = sim(&["merge", zero, "-o", shown(&joined)]);
    assert!(code == Some(2) && err.contains("has a sweep already: name a new folder"), "{err}");
}

#[test]
fn a_summary_from_elsewhere_is_looked_at_before_it_is_believed() {
    let folder = no_folder("believed");
    assert_eq!(sweep(&folder, &["--seeds", "0..2"]).0, Some(1));
    let path = folder.join("summary.json");
    let good = fs::read_to_string(&path).expect("there is one");
    let name = summary(&folder).groups[0].folder.clone();
    for (from, to) in [
        (name.as_str(), "../elsewhere"),
        ("\"of\": 1", "\"of\": 0"),
        ("\"built\": \"", "\"built\": \"another "),
        ("\"runs\": 2", "\"runs\": -2"),
        ("\"beyond\": []", "\"beyond\": [7]"),
        ("\"next\": 2", "\"next\": -1"),
        ("\"from\": 0", "\"from\": 3"),
        ("\"curve\": [\n", "\"curve\": [\n        [-5.0, 0],\n"),
        ("\"curve\": [\n", "\"curve\": [\n        [1e300, 0],\n"),
        ("{", "["),
    ] {
        assert!(good.contains(from), "{from} is not in {good}");
        fs::write(&path, good.replacen(from, to, 1)).expect("written");
        let joined = no_folder("unbelieved");
        let (merged, ..) = sim(&["merge", shown(&folder), "-o", shown(&joined)]);
        let (resumed, _, err) = sweep(&folder, &["--seeds", "0..2", "--resume"]);
        let is_of_another_build = from.contains("built");
        assert_eq!((merged == Some(2), resumed), (!is_of_another_build, Some(2)), "{from}: {err}");
    }
}
