//! The machine: room on the disk, the clock, and how many descriptors a process may have.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit};

use super::finding::{Finding, now};
use crate::cli::limits::DESCRIPTORS_WANTED;
use crate::cli::space::Space;

/// A clock that is behind a file by less than this is none to worry about: file systems round times.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// No clock is before this: 1 January 2025, in seconds.
const CLOCK_MIN_S: u64 = 1_735_689_600;

/// With fewer descriptors a node of some peers and callers runs out of them. Chosen: a quarter of what it asks for.
const DESCRIPTORS_LOW: u64 = DESCRIPTORS_WANTED / 4;

pub(super) fn space(data: &Path) -> Finding {
    const SPACE: &str = "space";
    let advice = "make room: a full disk refuses files, of this node and of its peers; --quota-bytes bounds theirs";
    match Space::of(data) {
        Ok(room) if room.is_none() => Finding::fail(SPACE, room.to_string(), advice),
        Ok(room) if room.is_little() => Finding::warn(SPACE, room.to_string(), advice),
        Ok(room) => Finding::ok(SPACE, room.to_string()),
        Err(error) => Finding::warn(SPACE, format!("cannot be asked for: {error}"), "look with `df`"),
    }
}

/// Compares the clock with the times of the directory's files: versions of files come from the clock.
pub(super) fn clock(data: &Path) -> Finding {
    const CLOCK: &str = "clock";
    let now = now();
    let advice = "set the clock, and keep it by NTP: the newest version of a file is told by its time";
    if now < UNIX_EPOCH + Duration::from_secs(CLOCK_MIN_S) {
        return Finding::fail(CLOCK, "the clock is years behind", advice);
    }
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    let newest = entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max();
    match newest.and_then(|newest| newest.duration_since(now).ok()) {
        Some(ahead) if ahead > CLOCK_SLACK => {
            let found = format!("the directory was changed {} s in the future: the clock went back", ahead.as_secs());
            Finding::fail(CLOCK, found, advice)
        }
        _ => Finding::ok(CLOCK, "not behind what it wrote"),
    }
}

pub(super) fn descriptors() -> Finding {
    const DESCRIPTORS: &str = "limits";
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < DESCRIPTORS_LOW => Finding::warn(
            DESCRIPTORS,
            format!("a process of this session may open {most} files"),
            format!("allow {DESCRIPTORS_WANTED}: LimitNOFILE= of systemd, nofile in limits.conf"),
        ),
        Some(most) => Finding::ok(DESCRIPTORS, format!("a process of this session may open {most} files")),
        None => Finding::ok(DESCRIPTORS, "a process of this session may open any number of files"),
    }
}
