//! Measures the building blocks of a large transfer, one at a time, on one core.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ctr::cipher::{KeyIvInit, StreamCipher};

use crate::process;
use crate::table::{Table, median};

const CHUNK_BYTES: usize = 256 * 1024;
/// The content of a full record of the link, in bytes.
const RECORD_BYTES: usize = 32 * 1024;
const TOTAL_MIB: u32 = 256;
const ROUNDS: usize = 3;

/// Measures and prints every block.
pub(crate) fn print() {
    let mut table = Table::new(&["building block, one core", "MiB/s"]);
    let mut chunk = vec![7; CHUNK_BYTES];
    let mut row = |name: &str, work: &mut dyn FnMut()| {
        let rate = |_| {
            let start = Instant::now();
            work();
            f64::from(TOTAL_MIB) / start.elapsed().as_secs_f64()
        };
        table.row(name, &[format!("{:.0}", median((0..ROUNDS).map(rate)))]);
    };
    let mut cipher: ctr::Ctr128BE<aes::Aes256> = ctr::Ctr128BE::new(&[1; 32].into(), &[2; 16].into());
    row("AES-256-CTR, 256 KiB chunks (aes, ctr)", &mut || pass(CHUNK_BYTES, |_| cipher.apply_keystream(&mut chunk)));
    let mut hasher = blake3::Hasher::new();
    row("BLAKE3, 256 KiB chunks", &mut || {
        pass(CHUNK_BYTES, |_| {
            hasher.update(&chunk);
        });
    });
    row("AES-256-GCM, 32 KiB records (aws-lc-rs): the link", &mut || seal_records(&AES_256_GCM));
    row("ChaCha20-Poly1305, 32 KiB records (aws-lc-rs)", &mut || seal_records(&CHACHA20_POLY1305));
    row("loopback TCP, 256 KiB writes", &mut || loopback(&chunk));
    row("write and fdatasync, 256 KiB writes", &mut || write_and_sync(&chunk));
    table.print();
}

fn pass(step: usize, mut work: impl FnMut(usize)) {
    for index in 0..TOTAL_MIB as usize * (1 << 20) / step {
        work(index);
    }
}

fn seal_records(algorithm: &'static Algorithm) {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &[3; 32]).expect("32 bytes are a key"));
    let mut record = vec![7; RECORD_BYTES];
    pass(RECORD_BYTES, |index| {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&(index as u64).to_be_bytes());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut record).expect("a short record");
        std::hint::black_box(tag.as_ref());
    });
}

fn loopback(chunk: &[u8]) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut sender = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (mut receiver, _) = listener.accept().expect("it was dialled");
    std::thread::scope(|scope| {
        scope.spawn(move || pass(CHUNK_BYTES, |_| sender.write_all(chunk).expect("the receiver lives")));
        let mut buffer = vec![0; CHUNK_BYTES];
        while receiver.read(&mut buffer).expect("the sender lives") > 0 {}
    });
}

fn write_and_sync(chunk: &[u8]) {
    let dir = process::empty_dir("blocks");
    let mut file = File::create(format!("{dir}/file")).expect("the disk has room");
    pass(CHUNK_BYTES, |_| file.write_all(chunk).expect("the disk has room"));
    file.sync_data().expect("the disk works");
    drop(std::fs::remove_dir_all(dir));
}
