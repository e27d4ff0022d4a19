use super::*;
use crate::crypto::{MasterSecret, NameCount, NodeId};
use crate::disk::dir::DirDisk;
use crate::disk::{DiskFile, read_full};
use crate::limits::MEMBERS_MAX;
use crate::store::tests::{Place, key};

fn open(place: &Place) -> (Catalog<DirDisk>, Origin) {
    Catalog::open(&place.disk, (&place.keys, Layout::Folders), Version(0)).expect("a good disk")
}

fn content(place: &Place) -> Vec<u8> {
    let file = place.disk.open(&layout::catalog()).expect("a catalog");
    let mut bytes = vec![0; usize::try_from(file.len().expect("a good disk")).expect("small")];
    read_full(&file, 0, &mut bytes).expect("a good disk");
    bytes
}

#[test]
fn a_catalog_whose_sync_has_failed_is_written_again_at_the_next_start() {
    let place = Place::new();
    let (catalog, _) = open(&place);
    catalog.switches.is_doubtful.store(true, Ordering::Relaxed);
    drop(catalog);
    let is_marked = || file::exists(&place.disk, &layout::catalog_doubtful()).expect("a good disk");
    assert!(is_marked());
    let (catalog, _) = open(&place);
    assert!(!is_marked() && !catalog.switches.is_doubtful());
}

#[test]
fn a_catalog_that_is_lost_while_it_is_open_hands_out_no_version_again() {
    for change in [Change::VersionCeiling(1000), Change::VersionsReserved(vec![(1, 128), (900, 1000)])] {
        let place = Place::new();
        let (catalog, _) = open(&place);
        catalog.commit(&[&[change]]).expect("a good disk");
        drop(catalog.database.write().expect("nobody has panicked").take());
        place.disk.open(&layout::catalog()).and_then(|file| file.set_len(0)).expect("a good disk");
        assert_eq!(catalog.version_ceiling().ok(), Some(1000));
        assert!(catalog.take_salvaged().is_some());
    }
}

#[test]
fn nothing_more_is_written_to_a_database_that_is_given_up() {
    let place = Place::new();
    let (catalog, _) = open(&place);
    catalog.commit(&[&[Change::VersionCeiling(1000)]]).expect("a good disk");
    let before = content(&place);
    let database = catalog.database.write().expect("nobody has panicked").take();
    abandon(database, &CatalogError::Record { table: "numbers" });
    assert!(content(&place) == before);
}

#[test]
fn what_is_salvaged_is_counted_and_what_is_to_be_here_is_missed() {
    let place = Place::new();
    let (catalog, _) = open(&place);
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let own = [place.stored(&a, Version(1), b""), place.deleted(&b, Version(2)), place.deleted(&c, Version(3))];
    catalog.commit(&[&own]).expect("a good disk");
    catalog.commit(&[&[Change::Copy(a.file_name(), Some(Version(1)))]]).expect("a good disk");
    drop(catalog);
    let salvaged = file::renew(&place.disk, (&place.keys, Layout::Folders), Version(0)).expect("a good disk");
    assert_eq!((salvaged.own, salvaged.held, salvaged.lost_pages), (3, 0, 0));
    assert_eq!(open(&place).0.copy(a.file_name()).ok(), Some(Some(Version(1))));
    let others = Keys::derive(&MasterSecret([2; 32]));
    let refused = file::renew(&place.disk, (&others, Layout::Folders), Version(0));
    assert!(matches!(refused, Err(StorageError::Catalog(CatalogError::OtherNode))), "nothing would be proved");
}

#[test]
fn a_count_of_names_gives_way_to_no_older_one_and_is_salvaged() {
    let place = Place::new();
    let (catalog, _) = open(&place);
    let owner = NodeId([9; 32]);
    let count = |version| NameCount::new(&place.keys, version, Version(version));
    for version in [3, 2] {
        catalog.commit(&[&[Change::Count(owner, count(version))]]).expect("a good disk");
    }
    assert_eq!(catalog.name_count(owner).ok(), Some(Some(count(3))));
    drop(catalog);
    file::renew(&place.disk, (&place.keys, Layout::Folders), Version(0)).expect("a good disk");
    assert_eq!(open(&place).0.name_count(owner).ok(), Some(Some(count(3))));
}

#[test]
fn why_a_catalog_was_made_is_told_until_it_was_heard() {
    let place = Place::new();
    let open = || Catalog::open(&place.disk, (&place.keys, Layout::Folders), Version(5)).expect("a good disk");
    for _ in 0..2 {
        assert_eq!(open().1, Origin::MadeForNone);
    }
    let salvaged = Salvaged { own: 1, held: 2, lost_pages: 3 };
    let (catalog, _) = open();
    catalog.forget_told().expect("a good disk");
    drop(catalog);
    let (catalog, origin) = open();
    assert_eq!(origin, Origin::Found);
    let left = catalog.with(|database| {
        let transaction = database.begin_write()?;
        untold::leave(&transaction, Origin::MadeForDamaged(salvaged))?;
        Ok(transaction.commit()?)
    });
    left.expect("a good disk");
    assert_eq!(catalog.untold().ok(), Some(Origin::MadeForDamaged(salvaged)));
}

#[test]
fn every_peer_that_was_met_is_read_back() {
    let place = Place::new();
    let (catalog, _) = open(&place);
    let met = |number: u16| {
        let mut id = NodeId([0; 32]);
        id.0[..2].copy_from_slice(&number.to_be_bytes());
        Change::PeerMet(id, String::new())
    };
    let count = u16::try_from(MEMBERS_MAX + 1).expect("few");
    catalog.commit(&[&(0..count).map(met).collect::<Vec<_>>()]).expect("a good disk");
    assert_eq!(catalog.peers().map(|peers| peers.len()).ok(), Some(MEMBERS_MAX + 1));
}
