use super::*;
use crate::crypto::Version;
use crate::store::layout::Layout;
use crate::store::tests::{Place, key};

#[test]
fn a_received_version_counts_already_if_the_catalog_has_it_with_the_same_iv() {
    let (place, key) = (Place::new(), key("a"));
    let (store, _) = place.open(Layout::Folders);
    let (file, replica_name) = (key.file_name(), place.keys.replica_name(&key));
    let wanted = Wanted { key: key.clone(), file, replica_name, record: None, purpose: Purpose::Copy };
    let OwnRecord { iv, .. } = place.own(&key, Version(5), b"content");
    let other_iv = Iv([9; IV_BYTES]);
    let look = |version, iv| {
        let record = place.own(&key, version, b"content");
        wanted.look(&record.seal, iv)(&store, &place.keys)
    };
    assert!(matches!(look(Version(5), iv), Err(InTheWay::Older(None))), "the catalog knows nothing");
    store.commit(&[place.stored(&key, Version(5), b"content")]).expect("a good disk");
    assert!(matches!(look(Version(5), iv), Ok(None)));
    assert!(matches!(look(Version(5), other_iv), Err(InTheWay::Older(Some(_)))), "the IV is to be corrected");
    assert!(matches!(look(Version(6), iv), Err(InTheWay::Older(Some(_)))));
    assert!(matches!(look(Version(4), iv), Err(InTheWay::Newer)));
    store.commit(&[place.deleted(&key, Version(7))]).expect("a good disk");
    assert!(matches!(look(Version(6), iv), Err(InTheWay::Newer)));
}
