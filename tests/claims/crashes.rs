//! A single node on a disk on which any one call fails or ends the host: what was acknowledged stays, and nobody ever
//! sees anything between the old content and the new.

use std::io;

use dacapo::node::{Content, GetError, Handle, StoreError};
use dacapo::store::layout::Layout;
use dacapo_sim::disk::SimDisk;

use crate::support::fault_disk::{Fault, FaultDisk};
use crate::support::in_memory::{Network, key, run, stop};

/// Each claim holds in both layouts.
const LAYOUTS: [Layout; 2] = [Layout::Folders, Layout::Packed];

/// The port of the only node on its network.
const PORT: u16 = 1;

/// The model of one key: every content that it may have, and `None` if it may be absent.
type May = Vec<Option<Vec<u8>>>;

/// Stores new versions of all files, and keeps account of what each file may be afterwards.
async fn work(node: &Handle, model: &mut [(&'static str, May)]) {
    for (round, size) in [(1_u8, 22_usize), (2, 5000), (3, 0), (4, 300_000), (5, 22)] {
        for (name, may) in model.iter_mut() {
            let content = vec![round; size];
            match node.store(&key(name), Content::bytes(content.clone())).await {
                Ok(_) => *may = vec![Some(content)],
                Err(StoreError::Rejected(_)) => {}
                Err(StoreError::Unconfirmed(_)) => may.push(Some(content)),
            }
        }
    }
}

async fn check(node: &Handle, model: &mut [(&'static str, May)], what: &str) {
    for (name, may) in model.iter_mut() {
        let got = match node.get(&key(name)).await {
            Ok(fetched) => Some(fetched.read_all().await.expect("readable")),
            Err(GetError::NotFound { .. }) => None,
            Err(error) => panic!("{what}: {name}: {error}; it may be {:?}", shown(may)),
        };
        assert!(may.contains(&got), "{what}: {name} is {:?}, it may be {:?}", shown(&[got]), shown(may));
        *may = vec![got];
    }
}

fn shown(may: &[Option<Vec<u8>>]) -> Vec<Option<(usize, Option<u8>)>> {
    may.iter().map(|one| one.as_ref().map(|bytes| (bytes.len(), bytes.first().copied()))).collect()
}

fn model() -> Vec<(&'static str, May)> {
    // The first two share the first folder of their SHA-1.
    ["picture_75.png", "picture_1475.png", "c"].into_iter().map(|name| (name, vec![None])).collect()
}

fn calls_of_a_whole_run(layout: Layout) -> Vec<String> {
    run(async {
        let disk = FaultDisk::new(&SimDisk::new(), None);
        let node = Network::of(layout).try_start(PORT, disk.clone(), &[]).await.expect("it starts");
        work(&node.handle(), &mut model()).await;
        stop(node).await;
        disk.calls()
    })
}

fn crash_at(layout: Layout, call: usize, fault: Fault) -> Result<(), String> {
    run(async {
        let what = format!("{layout}: {fault:?} at call {call}");
        let (network, sim) = (Network::of(layout), SimDisk::new());
        let disk = FaultDisk::new(&sim, Some((call, fault)));
        let mut model = model();
        if let Ok(node) = network.try_start(PORT, disk, &[]).await {
            work(&node.handle(), &mut model).await;
            node.handle().stop().await;
            node.stopped().await.map_err(|error| format!("{what}: {error}"))?;
        }
        for boot in 1..3 {
            let disk = FaultDisk::new(&sim, None);
            let node = network.try_start(PORT, disk, &[]).await;
            let node = node.map_err(|error| format!("{what}: boot {boot}: {error}"))?;
            check(&node.handle(), &mut model, &what).await;
            node.handle().stop().await;
            node.stopped().await.map_err(|error| format!("{what}: {error}"))?;
        }
        let left = sim.tree().into_iter().filter(|(path, ..)| path.starts_with("tmp/")).count();
        if left > 0 { Err(format!("{what}: {left} temporary files")) } else { Ok(()) }
    })
}

fn every_call(faults: &[Fault]) {
    let mut failures = Vec::new();
    for layout in LAYOUTS {
        for (call, name) in calls_of_a_whole_run(layout).iter().enumerate() {
            for fault in faults {
                if let Err(why) = crash_at(layout, call, *fault) {
                    failures.push(format!("{why} ({name})"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_run_makes_the_same_disk_calls_each_time() {
    for layout in LAYOUTS {
        assert!(calls_of_a_whole_run(layout) == calls_of_a_whole_run(layout));
    }
}

#[test]
fn a_kill_at_any_call_loses_nothing_acknowledged() {
    every_call(&[Fault::Kill]);
}

#[test]
fn a_power_loss_at_any_call_loses_nothing_acknowledged() {
    every_call(&[Fault::PowerLoss(1), Fault::PowerLoss(2), Fault::PowerLoss(3)]);
}

#[test]
fn an_error_of_any_call_loses_nothing_acknowledged() {
    every_call(&[Fault::Error(io::ErrorKind::StorageFull), Fault::ErrorAfter(io::ErrorKind::Other)]);
}

/// The node goes on without a restart.
#[test]
fn a_node_serves_after_any_call_that_failed_once() {
    let mut failures = Vec::new();
    let calls = LAYOUTS.into_iter().flat_map(|layout| {
        calls_of_a_whole_run(layout).into_iter().enumerate().map(move |(call, name)| (layout, call, name))
    });
    for (layout, call, name) in calls {
        for fault in [Fault::Error(io::ErrorKind::StorageFull), Fault::ErrorAfter(io::ErrorKind::Other)] {
            let failed = run(async {
                let disk = FaultDisk::new(&SimDisk::new(), Some((call, fault)));
                let Ok(node) = Network::of(layout).try_start(PORT, disk.clone(), &[]).await else { return None };
                let node = node.handle();
                let mut model = model();
                work(&node, &mut model).await;
                if disk.calls().len() <= call {
                    return None;
                }
                for (name, may) in &mut model {
                    let got = match node.get(&key(name)).await {
                        Ok(fetched) => Some(fetched.read_all().await.expect("readable")),
                        Err(GetError::NotFound { .. }) => None,
                        Err(error) => return Some(format!("get {name}: {error}; it may be {:?}", shown(may))),
                    };
                    if !may.contains(&got) {
                        return Some(format!("get {name}: {:?}, it may be {:?}", shown(&[got]), shown(may)));
                    }
                }
                let again = node.store(&key("d"), Content::bytes("again")).await;
                again.err().map(|error| format!("store: {error}"))
            });
            if let Some(why) = failed {
                failures.push(format!("{layout}: {fault:?} at call {call} ({name}): {why}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
