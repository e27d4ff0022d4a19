//! What a simulated power loss leaves, one claim at a time, each over many seeds. `loss_model` has the general case.

use std::collections::BTreeSet;
use std::io;

use dacapo::disk::{Disk, DiskFile, DiskPath, EntryKind};
use dacapo::node::Lane;
use dacapo::seed::{Seed, SeedRng};
use dacapo_sim::disk::{CallKind, SimDisk, SimFile};

use super::{path, put};

/// Enough seeds for each outcome of a choice among four to be seen.
pub(crate) const SEEDS: u64 = 64;

pub(crate) fn rng(seed: u64) -> SeedRng {
    Seed::from_u64(seed).rng(Lane::Backoff)
}

#[test]
fn a_power_loss_after_a_kill_still_takes_what_was_not_synced() -> io::Result<()> {
    let lost = (0..SEEDS).any(|seed| {
        let disk = SimDisk::new();
        put(&disk, "a", b"abc").expect("there is room");
        disk.kill();
        disk.power_loss(&mut rng(seed));
        disk.tree().is_empty()
    });
    assert!(lost);
    Ok(())
}

#[test]
fn what_was_synced_survives_every_power_loss() -> io::Result<()> {
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        disk.make_dir(&path("d"))?;
        let file = put(&disk, "d/tmp", &[7; 10_000])?;
        file.sync()?;
        disk.rename(&path("d/tmp"), &path("d/a"))?;
        disk.sync_dir(&path("d"))?;
        disk.sync_dir(&DiskPath::root())?;
        put(&disk, "d/b", b"never synced")?;
        let expected = [("d".to_owned(), EntryKind::Dir, 0), ("d/a".to_owned(), EntryKind::File, 10_000)];
        assert_eq!(disk.durable_tree(), expected);
        disk.power_loss(&mut rng(seed));
        assert!(disk.tree().starts_with(&expected), "seed {seed}");
        assert_eq!(disk.read("d/a"), Some(vec![7; 10_000]));
        assert_eq!(disk.tree(), disk.durable_tree());
    }
    Ok(())
}

#[test]
fn a_synced_name_says_nothing_about_content() -> io::Result<()> {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        put(&disk, "a", &[7; 1_024])?;
        disk.sync_dir(&DiskPath::root())?;
        disk.power_loss(&mut rng(seed));
        let bytes = disk.read("a").expect("the name was synced");
        assert!(bytes.chunks(512).all(|sector| sector == [7; 512] || sector == [0; 512]));
        outcomes.insert((bytes.len(), bytes.iter().filter(|byte| **byte == 7).count()));
    }
    assert_eq!(outcomes, BTreeSet::from([(0, 0), (1_024, 0), (1_024, 512), (1_024, 1_024)]));
    Ok(())
}

#[test]
fn an_unsynced_write_comes_back_whole_or_torn_or_not_at_all() -> io::Result<()> {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        let file = put(&disk, "a", &[1; 1 << 16])?;
        disk.sync_all()?;
        file.write_at(0, &[2; 1 << 16])?;
        disk.power_loss(&mut rng(seed));
        let bytes = disk.read("a").expect("the name was synced");
        outcomes.insert((bytes.contains(&1), bytes.contains(&2)));
    }
    assert_eq!(outcomes, BTreeSet::from([(true, false), (false, true), (true, true)]));
    Ok(())
}

#[test]
fn a_write_that_was_replaced_before_a_sync_can_come_back() -> io::Result<()> {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        let file = put(&disk, "a", b"1")?;
        disk.sync_all()?;
        file.write_at(0, b"22")?;
        file.write_at(0, b"333")?;
        disk.power_loss(&mut rng(seed));
        outcomes.extend(disk.read("a"));
    }
    for expected in ["1", "22", "333", "22\0", "3"] {
        assert!(outcomes.contains(expected.as_bytes()), "{expected:?} in {outcomes:?}");
    }
    Ok(())
}

#[test]
fn a_sync_of_all_covers_files_that_nobody_has_open() -> io::Result<()> {
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        disk.make_dir(&path("d"))?;
        drop(put(&disk, "d/a", &[7; 5_000])?);
        disk.kill();
        disk.boot().sync_all()?;
        disk.power_loss(&mut rng(seed));
        assert_eq!(disk.read("d/a"), Some(vec![7; 5_000]));
    }
    Ok(())
}

#[test]
fn a_lost_cut_can_bring_back_what_it_cut() -> io::Result<()> {
    let mut rests = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        let file = put(&disk, "a", &[7; 512])?;
        disk.sync_all()?;
        file.set_len(0)?;
        disk.power_loss(&mut rng(seed));
        rests.extend(disk.read("a"));
    }
    assert!(rests.contains([7; 512].as_slice()) && rests.contains([].as_slice()));
    Ok(())
}

#[test]
fn synced_content_says_nothing_about_the_name() -> io::Result<()> {
    let disk = SimDisk::new();
    disk.make_dir(&path("d"))?;
    put(&disk, "d/a", b"abc")?.sync()?;
    disk.sync_dir(&path("d"))?;
    assert_eq!(disk.durable_tree(), []);
    let lost = (0..SEEDS).any(|seed| {
        let disk = SimDisk::new();
        put(&disk, "a", b"abc").and_then(|file| file.sync()).expect("there is room");
        disk.power_loss(&mut rng(seed));
        disk.tree().is_empty()
    });
    assert!(lost);
    Ok(())
}

#[test]
fn a_rename_is_lost_or_kept_as_a_whole() -> io::Result<()> {
    for target in ["b", "d/b", "d/e/b"] {
        let mut outcomes = BTreeSet::new();
        for seed in 0..SEEDS {
            let disk = SimDisk::new();
            put(&disk, "a", b"new")?;
            disk.sync_all()?;
            disk.make_dir(&path("d"))?;
            disk.make_dir(&path("d/e"))?;
            disk.rename(&path("a"), &path(target))?;
            disk.power_loss(&mut rng(seed));
            outcomes.insert((disk.read("a").is_some(), disk.read(target).is_some()));
        }
        assert_eq!(outcomes, BTreeSet::from([(false, true), (true, false)]), "{target}");
    }
    Ok(())
}

#[test]
fn the_same_seed_leaves_the_same_rest() -> io::Result<()> {
    let rest = |seed| -> io::Result<_> {
        let disk = SimDisk::new();
        for name in ["a", "b", "c", "d"] {
            put(&disk, name, &[1; 20_000])?.write_at(5_000, &[2; 9_000])?;
        }
        disk.rename(&path("a"), &path("d"))?;
        disk.power_loss(&mut rng(seed));
        Ok((disk.tree(), ["a", "b", "c", "d"].map(|name| disk.read(name))))
    };
    let mut rests = BTreeSet::new();
    for seed in 0..SEEDS {
        assert_eq!(rest(seed)?, rest(seed)?);
        rests.insert(rest(seed)?);
    }
    assert!(rests.len() > 8, "the seed chooses");
    Ok(())
}

/// Writes two pages over two synced ones, lets a sync fail, does what `then` does, syncs and loses power. Returns what
/// is left.
fn after_a_failed_sync(seed: u64, then: impl FnOnce(&SimFile) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let disk = SimDisk::new();
    let file = put(&disk, "a", &[1; 8192])?;
    disk.sync_all()?;
    file.write_at(0, &[2; 8192])?;
    disk.set_errors(CallKind::Sync, 1000, rng(seed));
    assert!(file.sync().is_err());
    disk.set_errors(CallKind::Sync, 0, rng(seed));
    assert_eq!(disk.read("a"), Some(vec![2; 8192]), "a failed sync changes nothing that is read");
    then(&file)?;
    file.sync()?;
    disk.power_loss(&mut rng(seed));
    Ok(disk.read("a").expect("the name was synced"))
}

#[test]
fn the_sync_after_a_failed_one_may_leave_out_what_was_given_up() -> io::Result<()> {
    let mut left = BTreeSet::new();
    for seed in 0..SEEDS {
        let bytes = after_a_failed_sync(seed, |_| Ok(()))?;
        assert!(bytes.chunks(4096).all(|page| page == [1; 4096] || page == [2; 4096]), "whole pages");
        left.insert((bytes[0], bytes[4096]));
    }
    assert_eq!(left, BTreeSet::from([(1, 1), (1, 2), (2, 1), (2, 2)]), "each page by itself");
    Ok(())
}

#[test]
fn what_is_written_again_after_a_failed_sync_is_durable_with_the_next_one() -> io::Result<()> {
    for seed in 0..SEEDS {
        let bytes = after_a_failed_sync(seed, |file| file.write_at(0, &[2; 8192]))?;
        assert_eq!(bytes, [2; 8192], "seed {seed}");
    }
    Ok(())
}

#[test]
fn what_a_power_loss_would_leave_is_known_before_it() -> io::Result<()> {
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        let file = put(&disk, "a", &[1; 5_000])?;
        file.sync()?;
        put(&disk, "b", b"abc")?.sync()?;
        disk.sync_all()?;
        put(&disk, "c", b"its name waits")?.sync()?;
        assert_eq!(["a", "b", "c", "d"].map(|name| disk.is_durable(name)), [Some(true), Some(true), Some(false), None]);
        file.write_at(0, &[2; 5_000])?;
        file.set_len(6_000)?;
        disk.remove(&path("b"))?;
        assert_eq!(["a", "b"].map(|name| disk.is_durable(name)), [Some(false), None]);
        let left = disk.after_power_loss();
        let names = left.tree().into_iter().map(|(path, ..)| path).collect::<Vec<_>>();
        assert_eq!(names, ["a", "b"], "a name that waits is gone, and one that was removed is back");
        assert_eq!(left.read("a"), Some(vec![1; 5_000]));
        assert_eq!(left.read("b").as_deref(), Some(&b"abc"[..]));
        assert_eq!(disk.read("a").map(|bytes| bytes.len()), Some(6_000), "the disk itself goes on");
        file.sync()?;
        disk.sync_all()?;
        let left = disk.after_power_loss();
        disk.power_loss(&mut rng(seed));
        assert_eq!((left.tree(), left.read("a")), (disk.tree(), disk.read("a")), "all of it was durable");
    }
    Ok(())
}

#[test]
fn a_page_that_a_failed_sync_gave_up_is_not_durable() -> io::Result<()> {
    let disk = SimDisk::new();
    let file = put(&disk, "a", &[1; 4_096])?;
    file.sync()?;
    disk.sync_all()?;
    let mut was_given_up = false;
    for seed in 0..SEEDS {
        file.write_at(0, &[2; 4_096])?;
        disk.set_errors(CallKind::Sync, 1_000, rng(seed));
        assert!(file.sync().is_err(), "all syncs fail");
        disk.set_errors(CallKind::Sync, 0, rng(seed));
        file.sync()?;
        was_given_up |= disk.is_durable("a") == Some(false);
        let durable = if disk.is_durable("a") == Some(true) { 2 } else { 1 };
        assert_eq!(disk.after_power_loss().read("a"), Some(vec![durable; 4_096]));
        file.write_at(0, &[1; 4_096])?;
        file.sync()?;
        assert_eq!(disk.is_durable("a"), Some(true));
    }
    assert!(was_given_up);
    Ok(())
}
