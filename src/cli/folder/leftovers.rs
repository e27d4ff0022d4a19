//! What a killed process has left under temporary names.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use dacapo::time::UnixMillis;
use rustix::fs::{AtFlags, Dir, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::walk::is_incomplete;
use crate::cli::limits::LEFTOVER_AGE_MIN;
use crate::cli::output::TEMPORARY_PREFIX;

/// Removes from a directory what processes have left that there are no more. What is young stays: the process of
/// another host or container cannot be seen from here. What cannot be removed stays too, and the next command tries
/// again.
pub(super) fn remove(dir: &OwnedFd, now: UnixMillis) {
    let Ok(entries) = Dir::read_from(dir) else { return };
    for entry in entries.map_while(Result::ok) {
        let name = entry.file_name();
        if is_left(name.to_bytes()) && is_old(dir, name, now) {
            unlinkat(dir, name, AtFlags::empty()).ok();
        }
    }
}

/// Tells whether the process is gone that has given a file this name.
fn is_left(name: &[u8]) -> bool {
    let process = std::str::from_utf8(name).ok().filter(|name| is_incomplete(name.as_bytes())).and_then(|name| {
        let (process, _) = name.strip_prefix(TEMPORARY_PREFIX)?.split_once('-')?;
        Pid::from_raw(process.parse().ok()?)
    });
    process.is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
}

/// Tells whether nothing has changed in a file for long. That it is complete and has got the time of its content counts
/// as a change.
fn is_old(dir: &OwnedFd, name: &CStr, now: UnixMillis) -> bool {
    statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| {
        let changed_ms = u64::try_from(found.st_ctime).unwrap_or_default().saturating_mul(1000);
        Duration::from_millis(now.0.saturating_sub(changed_ms)) >= LEFTOVER_AGE_MIN
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use dacapo::platform::machine::time_of_day;

    use super::*;

    #[test]
    fn only_what_is_old_and_of_a_process_that_is_gone_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = OwnedFd::from(File::open(folder.path()).expect("opened"));
        let gone = ".dacapo-get-2147483647-3".to_owned();
        let running = format!(".dacapo-get-{}-0", std::process::id());
        let of_a_person = ".dacapo-get-2147483647".to_owned();
        for name in [&gone, &running, &of_a_person] {
            fs::write(folder.path().join(name), b"a part").expect("written");
        }
        let are_there = || [&gone, &running, &of_a_person].map(|name| folder.path().join(name).exists());
        remove(&dir, time_of_day());
        assert_eq!(are_there(), [true; 3]);
        let later = time_of_day().0 + 1000 + u64::try_from(LEFTOVER_AGE_MIN.as_millis()).expect("short");
        remove(&dir, UnixMillis(later));
        assert_eq!(are_there(), [false, true, true]);
    }
}
