//! The ceiling of many small files: the folders, bytes and syncs that a node needs, on three directories, with nothing
//! around them.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::commands::{CONTENT, key};
use crate::process;

/// How many bytes a replica has more than the file.
const IV_BYTES: usize = 16;

/// One of three directories.
struct Place {
    root: PathBuf,
    name_digits: usize,
    content: Vec<u8>,
}

/// Writes all files to three directories and then, after deleting them, to the first directory only. Returns the
/// seconds that each pass took.
pub(crate) fn run(files: u32, callers: usize) -> (f64, f64) {
    let place = |name: &str, name_digits, more| {
        let content = [CONTENT, &vec![0; more]].concat();
        Place { root: process::empty_dir(name).into(), name_digits, content }
    };
    let places = [place("bare-1", 40, 0), place("bare-2", 32, IV_BYTES), place("bare-3", 32, IV_BYTES)];
    let stores = write_all(&places, files, callers);
    fs::remove_dir_all(&places[0].root).expect("the disk works");
    fs::create_dir(&places[0].root).expect("the disk works");
    let gets = write_all(&places[..1], files, callers);
    (stores, gets)
}

/// Returns the milliseconds of one write and sync in a new file.
pub(crate) fn sync_millis() -> f64 {
    const COUNT: u32 = 100;
    let dir = process::empty_dir("sync");
    let mut file = File::create(format!("{dir}/file")).expect("the disk has room");
    let start = Instant::now();
    for _ in 0..COUNT {
        file.write_all(CONTENT).expect("the disk has room");
        file.sync_data().expect("the disk works");
    }
    start.elapsed().as_secs_f64() * 1000.0 / f64::from(COUNT)
}

/// Writes all files, and returns the seconds that this took. Each caller is one thread per place; its threads begin and
/// end each file together.
fn write_all(places: &[Place], files: u32, callers: usize) -> f64 {
    let next = AtomicU32::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..callers {
            let next = &next;
            scope.spawn(move || {
                let (begin, end) = (Barrier::new(places.len()), Barrier::new(places.len()));
                let current = AtomicU32::new(0);
                let work = |place: &Place, leads: bool| {
                    loop {
                        if leads {
                            current.store(next.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
                        }
                        begin.wait();
                        let index = current.load(Ordering::Relaxed);
                        if index >= files {
                            break;
                        }
                        write(place, index);
                        end.wait();
                    }
                };
                std::thread::scope(|scope| {
                    for place in &places[1..] {
                        scope.spawn(|| work(place, false));
                    }
                    work(&places[0], true);
                });
            });
        }
    });
    start.elapsed().as_secs_f64()
}

/// Writes one file: its folders, its bytes, and a sync of the file and of each directory that has a new name.
fn write(place: &Place, index: u32) {
    let name = &key(index).file_name().to_string()[..place.name_digits];
    let mut folder = place.root.clone();
    let mut changed = Vec::new();
    for part in 0..name.len() / 5 {
        let parent = folder.clone();
        folder.push(&name[5 * part..5 * part + 5]);
        if fs::create_dir(&folder).is_ok() {
            changed.push(parent);
        }
    }
    changed.push(folder.clone());
    let mut file = File::create(folder.join(name)).expect("the disk has room");
    file.write_all(&place.content).expect("the disk has room");
    file.sync_data().expect("the disk works");
    for folder in changed {
        sync_dir(&folder);
    }
}

fn sync_dir(folder: &Path) {
    File::open(folder).and_then(|folder| folder.sync_all()).expect("the disk works");
}
