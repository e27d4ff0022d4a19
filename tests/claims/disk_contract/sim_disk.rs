//! What only the simulated disk does: it outlives its host, fills up, rots, and is slow.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::time::Duration;

use dacapo::disk::{Disk, DiskFile, DiskPath};
use dacapo_sim::disk::SimDisk;

use super::power_loss::{SEEDS, rng};
use super::{kind_of, path, put, read_all};

#[test]
fn a_kill_loses_nothing() -> io::Result<()> {
    let disk = SimDisk::new();
    disk.make_dir(&path("d"))?;
    put(&disk, "d/a", b"abc")?;
    disk.rename(&path("d/a"), &path("d/b"))?;
    let before = disk.tree();
    disk.kill();
    assert_eq!(disk.tree(), before);
    assert_eq!(disk.read("d/b").as_deref(), Some(b"abc".as_slice()));
    assert_eq!(read_all(&disk.boot().open(&path("d/b"))?)?, b"abc");
    Ok(())
}

#[test]
fn a_dead_host_can_do_nothing_any_more() -> io::Result<()> {
    let ends: [fn(&SimDisk); 2] = [SimDisk::kill, |disk| disk.power_loss(&mut rng(0))];
    for end in ends {
        let disk = SimDisk::new();
        let file = put(&disk, "a", b"abc")?;
        file.sync()?;
        disk.sync_all()?;
        end(&disk);
        let refusals = [
            file.write_at(0, b"x").err(),
            file.read_at(0, &mut [0]).err(),
            file.set_len(0).err(),
            file.sync().err(),
            file.len().err(),
            disk.open(&path("a")).err(),
            disk.create(&path("b")).err(),
            disk.remove(&path("a")).err(),
            disk.clone().rename(&path("a"), &path("b")).err(),
            disk.sync_all().err(),
        ];
        for refusal in refusals {
            assert_eq!(refusal.expect("the host is dead").to_string(), "the host that held this handle is dead");
        }
        assert_eq!(read_all(&disk.boot().open(&path("a"))?)?, b"abc");
    }
    Ok(())
}

#[test]
fn a_full_disk_refuses_more_and_keeps_what_fits() -> io::Result<()> {
    let disk = SimDisk::new();
    disk.set_capacity(Some(3 * 4_096));
    let first = put(&disk, "a", &[1; 4_096])?;
    let second = disk.create(&path("b"))?;
    assert_eq!(kind_of(second.write_at(0, &[2; 3 * 4_096])), ErrorKind::StorageFull);
    assert_eq!(read_all(&second)?, [2; 2 * 4_096]);
    first.write_at(0, &[3; 4_096])?;
    first.set_len(1 << 30)?;
    assert_eq!(kind_of(first.write_at(4_096, b"x")), ErrorKind::StorageFull);
    disk.remove(&path("b"))?;
    first.write_at(4_096, b"x")?;
    disk.set_capacity(None);
    first.write_at(0, &[4; 9 * 4_096])?;
    Ok(())
}

#[test]
fn rot_flips_one_bit_of_one_byte() -> io::Result<()> {
    let disk = SimDisk::new();
    let file = put(&disk, "a", b"abc")?;
    disk.corrupt("a", 1)?;
    assert_eq!(read_all(&file)?, b"acc");
    for position in [3, 1 << 40] {
        assert_eq!(kind_of(disk.corrupt("a", position)), ErrorKind::InvalidInput);
    }
    assert_eq!(kind_of(disk.corrupt("b", 0)), ErrorKind::NotFound);
    assert_eq!(kind_of(disk.corrupt("", 0)), ErrorKind::IsADirectory);
    Ok(())
}

#[test]
fn rot_is_in_all_that_a_power_loss_brings_back() -> io::Result<()> {
    let mut rests = BTreeSet::new();
    for seed in 0..SEEDS {
        let disk = SimDisk::new();
        let file = put(&disk, "a", b"abc")?;
        file.sync()?;
        disk.sync_all()?;
        file.write_at(0, b"ABC")?;
        disk.corrupt("a", 1)?;
        disk.power_loss(&mut rng(seed));
        rests.extend(disk.read("a"));
    }
    assert!(rests.iter().eq([b"ACC", b"acc"]), "{rests:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_slow_disk_takes_its_time() {
    let disk = SimDisk::new();
    disk.set_delay(Some(Duration::from_secs(4)));
    let start = tokio::time::Instant::now();
    assert_eq!(disk.run(|| 7).await, 7);
    assert_eq!(start.elapsed(), Duration::from_secs(4));
    for (patience_s, done) in [(1, false), (3, true)] {
        let work_disk = disk.clone();
        let work = disk.run(move || put(&work_disk, "a", b"").map(drop));
        tokio::time::timeout(Duration::from_secs(patience_s), work).await.expect_err("the caller gives up");
        assert_eq!(disk.read("a").is_some(), done);
    }
}

#[test]
fn a_sync_that_lies_makes_nothing_durable_until_it_is_honest_again() -> io::Result<()> {
    let disk = SimDisk::new();
    put(&disk, "a", b"abc")?;
    disk.set_lying(true);
    disk.open(&path("a"))?.sync()?;
    disk.sync_dir(&DiskPath::root())?;
    disk.sync_all()?;
    assert_eq!((disk.is_durable("a"), disk.has_lied()), (Some(false), true));
    disk.set_lying(false);
    assert!(disk.has_lied(), "what it said before still counts");
    disk.make_durable(|path| path == "b");
    assert_eq!(disk.is_durable("a"), Some(false), "it was not meant");
    disk.make_durable(|path| path == "a");
    assert_eq!(disk.is_durable("a"), Some(true));
    disk.power_loss(&mut rng(0));
    assert_eq!((disk.read("a").as_deref(), disk.has_lied()), (Some(&b"abc"[..]), false));
    Ok(())
}
