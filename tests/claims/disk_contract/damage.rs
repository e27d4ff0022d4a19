//! What a simulated disk does wrong when it is told to: files that are damaged at rest, and calls that take effect and
//! fail all the same.

use std::io;

use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo_sim::disk::{CallKind, SimDisk};

use super::power_loss::rng;
use super::{path, put};

/// Damages a file of 10,000 bytes whose pages are 1, 2 and 3, and returns what is read of it, before and after a power
/// loss.
fn damaged(damage: impl FnOnce(&SimDisk) -> io::Result<()>) -> io::Result<[Option<Vec<u8>>; 2]> {
    let disk = SimDisk::new();
    put(&disk, "a", &original())?;
    disk.sync_all()?;
    damage(&disk)?;
    let before = disk.read("a");
    disk.power_loss(&mut rng(1));
    Ok([before, disk.read("a")])
}

fn original() -> Vec<u8> {
    [vec![1; 4096], vec![2; 4096], vec![3; 1808]].concat()
}

#[test]
fn damage_is_seen_at_once_and_is_durable() -> io::Result<()> {
    let mut flipped = original();
    flipped[5000] ^= 0x20;
    let zeroed = [vec![1; 4096], vec![2; 4096], vec![0; 1808]].concat();
    for (expected, found) in [
        (Some(flipped), damaged(|disk| disk.flip("a", 5000, 5))?),
        (Some(zeroed), damaged(|disk| disk.zero("a", 9999))?),
        (Some(original()[..7].to_vec()), damaged(|disk| disk.truncate("a", 7))?),
        (None, damaged(|disk| disk.lose("a"))?),
    ] {
        assert!(found.iter().all(|found| *found == expected));
    }
    Ok(())
}

#[test]
fn damage_of_what_is_not_there_is_refused() {
    let disk = SimDisk::new();
    put(&disk, "a", b"abc").expect("there is room");
    assert!(disk.flip("a", 3, 0).is_err() && disk.flip("b", 0, 0).is_err());
    assert!(disk.zero("b", 0).is_err() && disk.truncate("b", 0).is_err() && disk.lose("b").is_err());
    assert_eq!(disk.read("a").as_deref(), Some(&b"abc"[..]));
}

#[test]
fn a_late_error_comes_after_the_call_has_taken_effect() -> io::Result<()> {
    let disk = SimDisk::new();
    let file = put(&disk, "a", b"abc")?;
    for kind in CallKind::ALL {
        disk.set_late_errors(*kind, 1000, rng(1));
    }
    assert!(file.write_at(0, b"xyz").is_err());
    assert!(file.sync().is_err());
    assert!(disk.rename(&path("a"), &path("b")).is_err());
    assert!(disk.sync_dir(&DiskPath::root()).is_err());
    assert!(disk.make_dir(&path("d")).is_err());
    assert!(file.len().is_err());
    disk.power_loss(&mut rng(1));
    assert_eq!(disk.read("b").as_deref(), Some(&b"xyz"[..]), "all of it is durable");
    Ok(())
}
