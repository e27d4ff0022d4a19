//! The files that commands read and write: plans in files, results beside them, and the commands that name them again.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PLAN: &str = "seed 7\nnodes 2\ndial n0 n1\nat 1.000 n0 store 0 100\nlift 2.000\n";

/// Makes an empty folder for a test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("removed");
    }
    fs::create_dir_all(&path).expect("made");
    path
}

/// Runs a command in a folder, with a text to read. Returns how it ended, and what it wrote on each side.
fn sim(folder: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dacapo-sim"));
    let pipes = command.current_dir(folder).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_that_repeats_a_run_can_be_pasted_whatever_the_file_is_called() {
    let folder = folder("pasted");
    for (name, pasted) in [("7", "./7"), ("a b", "'a b'"), ("it's", r"'it'\''s'")] {
        let (code, out, err) = sim(&folder, &["search", "--runs", "9", "--bug", "panic-swallowed", "-o", name], "");
        let again = format!("cargo sim replay {pasted} --bug panic-swallowed\n");
        assert!(code == Some(1) && out.contains(&again), "{again}: {out}{err}");
    }
}

#[test]
fn no_result_takes_the_place_of_the_plan_or_of_another_result() {
    let folder = folder("one-place");
    fs::write(folder.join("in.plan"), PLAN).expect("written");
    symlink("one", folder.join("link")).expect("made");
    fs::write(folder.join("one"), "kept").expect("written");
    let (code, _, err) = sim(&folder, &["replay", "in.plan", "--trace", "one", "--json", "link"], "");
    assert_eq!((code, err.as_str()), (Some(2), "cargo sim: link cannot take two forms of one run\n"));
    let (code, _, err) = sim(&folder, &["replay", "in.plan", "--trace", "./in.plan"], "");
    assert_eq!((code, err.as_str()), (Some(2), "cargo sim: in.plan is the plan itself\n"));
    assert_eq!(fs::read_to_string(folder.join("one")).expect("there"), "kept");
    assert_eq!(fs::read_to_string(folder.join("in.plan")).expect("there"), PLAN);
}

#[test]
fn a_result_has_the_permissions_of_the_file_that_it_replaces() {
    let folder = folder("permissions");
    fs::write(folder.join("secret"), "x").expect("written");
    fs::set_permissions(folder.join("secret"), Permissions::from_mode(0o600)).expect("given");
    assert_eq!(sim(&folder, &["replay", "1", "--trace", "secret"], "").0, Some(0));
    let found = fs::metadata(folder.join("secret")).expect("there");
    assert!(found.len() > 1 && found.permissions().mode() & 0o777 == 0o600);
    let name = "a".repeat(255);
    assert_eq!(sim(&folder, &["replay", "1", "--trace", &name], "").0, Some(0), "the longest name");
    let (code, _, err) = sim(&folder, &["show", "1", "-o", "-"], "");
    assert_eq!((code, err.as_str()), (Some(2), "cargo sim: - is no name of a file here; ./- is\n"));
}

#[test]
fn a_plan_from_a_pipe_is_bounded_and_replays_in_another_process() {
    let folder = folder("pipes");
    let (code, out, err) = sim(&folder, &["twice", "/dev/stdin"], PLAN);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let (code, _, err) = sim(&folder, &["replay", "/dev/zero"], "");
    assert!(code == Some(2) && err.ends_with("it is longer than 1048576 bytes\n"), "{err}");
}

#[test]
fn what_is_wrong_with_a_plan_is_said_with_its_line() {
    let folder = folder("lines");
    for (wrong, line) in [
        ("seed 1\nnodes 2\n# frob\noption n0 frob\nlift 8\n", "line 4: \"frob\" is no option: "),
        ("seed 1\nnodes 1\nat 1 to 2 lie n0 frob\nlift 8\n", "line 3: \"frob\" is no lie: "),
        ("seed 1\nnodes 1\n\nat 1 n5 get 0\nlift 8\n", "line 4: n5 is used, and there is 1 node of at most 7"),
    ] {
        let (code, _, err) = sim(&folder, &["replay", "/dev/stdin"], wrong);
        assert!(code == Some(2) && err.contains(line), "{err}");
    }
    let event = "at n0 event \"a # b  c\" 1 reset n0 n1";
    let (code, out, err) = sim(&folder, &["replay", "7", "--plan", "--with", event], "");
    assert!(code == Some(0) && out.contains(&format!("\n{event}\n")), "the words stay as they are: {out}{err}");
}
