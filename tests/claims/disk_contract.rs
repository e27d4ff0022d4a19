//! What the node expects of a disk, tested on the real directory and on the simulated disk by the same code. `dir_disk`
//! and `sim_disk` have what only one of them promises, `alike` compares the two over random operations, `power_loss`
//! says what a simulated power loss leaves, `loss_model` checks that against a model, and `damage` is what a simulated
//! disk does wrong when it is told to.

mod alike;
mod contract;
mod damage;
mod dir_disk;
mod directories;
mod loss_model;
mod power_loss;
mod sim_disk;

use std::io;

use dacapo::disk::dir::DirDisk;
use dacapo::disk::{Disk, DiskFile, DiskPath, read_full};
use dacapo_sim::disk::SimDisk;

macro_rules! on_both_disks {
    ($($claim:ident)*) => {
        mod on_a_directory {
            $(#[test]
            fn $claim() -> std::io::Result<()> {
                let place = tempfile::tempdir()?;
                super::contract::$claim(&super::DirDisk::open(place.path()).expect("a new directory opens"))
            })*
        }
        mod on_a_simulated_disk {
            $(#[test]
            fn $claim() -> std::io::Result<()> {
                super::contract::$claim(&super::SimDisk::new())
            })*
        }
    };
}

on_both_disks! {
    a_new_disk_holds_nothing
    create_refuses_a_taken_name
    create_refuses_a_place_that_is_not_there
    open_finds_only_files
    what_was_written_is_read
    gaps_read_as_zeros
    a_cut_file_grows_again_with_zeros
    a_read_past_the_end_is_empty
    a_write_past_the_largest_position_is_refused
    two_handles_are_one_file
    rename_replaces_its_target
    rename_to_itself_changes_nothing
    rename_refuses_directories
    rename_refuses_what_is_not_there
    a_file_outlives_its_name
    a_replaced_file_outlives_its_name
    remove_takes_only_files
    make_dir_refuses_a_taken_name
    remove_dir_takes_only_empty_directories
    list_is_sorted_and_tells_kinds
    list_takes_only_directories
    the_root_is_always_there
    syncs_of_what_is_there_succeed
    sync_dir_takes_only_directories
    work_runs_and_returns_its_result
    a_panic_of_the_work_is_a_panic_of_the_caller
}

/// Returns the path whose segments this text has, between slashes.
fn path(text: &str) -> DiskPath {
    text.split('/').fold(DiskPath::root(), |path, segment| path.child(segment))
}

fn read_all(file: &impl DiskFile) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.len()?).expect("test files are small");
    let mut bytes = vec![0xee; len];
    assert_eq!(read_full(file, 0, &mut bytes)?, len);
    Ok(bytes)
}

/// Creates a file with this content, and does not sync it.
fn put<D: Disk>(disk: &D, place: &str, bytes: &[u8]) -> io::Result<D::File> {
    let file = disk.create(&path(place))?;
    file.write_at(0, bytes)?;
    Ok(file)
}

fn kind_of<T>(result: io::Result<T>) -> io::ErrorKind {
    result.err().expect("the call is refused").kind()
}
