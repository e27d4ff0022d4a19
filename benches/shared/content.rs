//! Files to store.

use std::fs::File;
use std::io::{BufWriter, Write};

use dacapo::node::Lane;
use dacapo::seed::{Rng, Seed};

/// How many bytes are made at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Writes a file of random bytes and syncs it, so that its writeback is not part of what is measured after it.
pub(crate) fn make(path: &str, bytes: usize, seed: u64) {
    write(path, bytes, seed).sync_all().expect("the disk works");
}

/// Writes a file of random bytes.
pub(crate) fn write(path: &str, bytes: usize, seed: u64) -> File {
    let mut lane = Seed::from_u64(seed).rng(Lane::Iv);
    let mut file = BufWriter::new(File::create(path).expect("the disk has room"));
    let mut chunk = vec![0; bytes.min(CHUNK_BYTES)];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(CHUNK_BYTES);
        lane.fill_bytes(&mut chunk[..part]);
        file.write_all(&chunk[..part]).expect("the disk has room");
        left -= part;
    }
    file.into_inner().expect("the disk has room")
}
