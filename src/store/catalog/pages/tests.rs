use super::*;
use crate::crypto::{NodeId, Version};
use crate::disk::Disk;
use crate::disk::dir::{DirDisk, DirFile};
use crate::store::catalog::Catalog;
use crate::store::layout::{self, Layout};
use crate::store::record::Change;
use crate::store::tests::Place;

fn open(place: &Place) -> Catalog<DirDisk> {
    Catalog::open(&place.disk, (&place.keys, Layout::Folders), Version(0)).expect("a good disk").0
}

fn remains(place: &Place) -> Remains<DirFile> {
    let file = place.disk.open(&layout::catalog()).expect("a catalog");
    Remains::of(file).expect("a good disk").expect("a good header")
}

/// Notes a peer, and another address if it is noted already.
fn meet(catalog: &Catalog<DirDisk>, peer: u8, address: &str) {
    catalog.commit(&[&[Change::PeerMet(NodeId([peer; 32]), address.to_owned())]]).expect("a good disk");
}

#[test]
fn each_entry_that_is_left_is_counted() {
    let place = Place::new();
    let catalog = open(&place);
    let entries = || {
        let remains = remains(&place);
        let mut trees = Trees::of_slot(&remains, primary(&remains)).expect("a good disk");
        trees.visit(ROOT, |_| false).expect("a good disk")
    };
    let before = entries();
    for peer in 0..3 {
        meet(&catalog, peer, ":3000");
    }
    assert_eq!(entries(), before + 3);
}

#[test]
fn a_page_of_a_later_region_lies_behind_those_of_the_first() {
    let place = Place::new();
    drop(open(&place));
    let remains = remains(&place);
    let mut trees = Trees::of_slot(&remains, 0).expect("a good disk");
    assert_eq!(trees.place(1 << 20), None, "the file ends before");
    trees.bytes = 1 << 40;
    // A region of redb has 2^20 pages of 4 KiB; the page of the header comes before the first.
    assert_eq!(trees.place(0), Some((4096, 4096)));
    assert_eq!(trees.place((2 << 20) + 5), Some(((8 << 30) + 6 * 4096, 4096)));
}

#[test]
fn what_cannot_be_looked_for_is_not_said_to_be_missing() {
    let place = Place::new();
    let catalog = open(&place);
    meet(&catalog, 1, ":3000");
    let found = || find(&remains(&place), "no table", b"key").expect("a good disk");
    assert!(matches!(found(), Found::Nothing));
    let file = place.disk.open(&layout::catalog()).expect("a catalog");
    let head = 12_288;
    let rest = usize::try_from(file.len().expect("a good disk") - head).expect("small");
    file.write_at(head, &vec![0; rest]).expect("a good disk");
    assert!(matches!(found(), Found::Lost));
}

#[test]
fn a_commit_that_is_whole_is_not_given_up_for_the_one_before() {
    let place = Place::new();
    let catalog = open(&place);
    meet(&catalog, 1, ":3000");
    meet(&catalog, 1, ":3001");
    let remains = remains(&place);
    let newest = primary(&remains);
    assert!(!is_better(&remains, 1 - newest, newest).expect("a good disk"));
    let mut before = Trees::of_slot(&remains, 1 - newest).expect("a good disk");
    before.visit(ROOT, |_| false).expect("a good disk");
    assert!(before.lost.is_empty() && !before.is_reused, "it could be read as well");
}
