//! The ceiling of a large transfer: the work of a store and a get with nothing around it, in three processes of one
//! thread each.

use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use ctr::cipher::{KeyIvInit, StreamCipher};

use crate::process::{self, Process, seconds};

/// The role of a holder. Its directory follows.
pub(crate) const HOLDER: &str = "pipe-holder";
/// The role of the origin. Its directory and the addresses of the holders follow.
const ORIGIN: &str = "pipe-origin";

const CHUNK_BYTES: usize = 256 * 1024;

/// The three processes of the pipe.
pub(crate) struct Pipe {
    pub(crate) origin: Process,
    holders: [Process; 2],
}

impl Pipe {
    pub(crate) fn start() -> Self {
        let start = |name: &str| Process::start(&[HOLDER, &process::empty_dir(name)]);
        let (first, first_address) = start("holder-1");
        let (second, second_address) = start("holder-2");
        let dir = process::empty_dir("origin");
        let (origin, _) = Process::start(&[ORIGIN, &dir, &first_address, &second_address]);
        Self { origin, holders: [first, second] }
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.origin.cpu_seconds() + self.holders.iter().map(Process::cpu_seconds).sum::<f64>()
    }

    pub(crate) fn peaks_mib(&self) -> (f64, f64) {
        (self.origin.peak_mib(), self.holders.iter().map(Process::peak_mib).fold(0.0, f64::max))
    }
}

/// Holds one file: takes it, acknowledges it once it is synced, and gives it back.
pub(crate) fn hold(dir: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    process::answer(&listener.local_addr().expect("it is bound").to_string());
    let (mut stream, _) = listener.accept().expect("the origin connects");
    let path = format!("{dir}/file");
    let mut len = [0; 8];
    stream.read_exact(&mut len).expect("a length");
    let mut left = usize::try_from(u64::from_le_bytes(len)).expect("it fits the memory");
    let mut file = File::create(&path).expect("the disk has room");
    let (mut hasher, mut chunk) = (blake3::Hasher::new(), vec![0; CHUNK_BYTES]);
    while left > 0 {
        let part = left.min(CHUNK_BYTES);
        stream.read_exact(&mut chunk[..part]).expect("content");
        hasher.update(&chunk[..part]);
        file.write_all(&chunk[..part]).expect("the disk has room");
        left -= part;
    }
    file.sync_data().expect("the disk works");
    stream.write_all(hasher.finalize().as_bytes()).expect("an acknowledgement");
    if stream.read_exact(&mut [0]).is_err() {
        return;
    }
    let mut file = File::open(&path).expect("it was kept");
    loop {
        let count = file.read(&mut chunk).expect("the disk works");
        if count == 0 || stream.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    // Waits until the origin hangs up.
    drop(stream.read(&mut [0]));
}

/// Sends one file to the holders and takes it back.
pub(crate) fn originate(role: &[String]) {
    let kept = format!("{}/file", role[0]);
    let connect = |address: &String| TcpStream::connect(address).expect("the holder listens");
    let mut holders: Vec<TcpStream> = role[1..].iter().map(connect).collect();
    process::answer("ready");
    let mut digest = [0; 32];
    let mut len = 0;
    for line in io::stdin().lock().lines() {
        let line = line.expect("a command");
        let words: Vec<&str> = line.split(' ').collect();
        let start = Instant::now();
        match words.as_slice() {
            ["store", path] => {
                (len, digest) = store(path, &kept, &mut holders);
                process::answer(&seconds(start));
            }
            ["delete"] => {
                fs::remove_file(&kept).expect("it was kept");
                process::answer("deleted");
            }
            ["get"] => {
                get(&kept, len, digest, &mut holders[0]);
                process::answer(&seconds(start));
            }
            ["read", path] => {
                assert!(is_same(&kept, path), "what came back differs");
                process::answer(&seconds(start));
            }
            other => panic!("no such command: {other:?}"),
        }
    }
}

fn cipher() -> ctr::Ctr128BE<aes::Aes256> {
    ctr::Ctr128BE::new(&[1; 32].into(), &[2; 16].into())
}

fn store(path: &str, kept: &str, holders: &mut [TcpStream]) -> (usize, [u8; 32]) {
    let mut source = File::open(path).expect("the content is there");
    let len = source.metadata().expect("the content is there").len();
    for holder in holders.iter_mut() {
        holder.write_all(&len.to_le_bytes()).expect("the holder lives");
    }
    let mut file = File::create(kept).expect("the disk has room");
    let (mut cipher, mut hasher) = (cipher(), blake3::Hasher::new());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = source.read(&mut chunk).expect("the disk works");
        if count == 0 {
            break;
        }
        file.write_all(&chunk[..count]).expect("the disk has room");
        cipher.apply_keystream(&mut chunk[..count]);
        hasher.update(&chunk[..count]);
        for holder in holders.iter_mut() {
            holder.write_all(&chunk[..count]).expect("the holder lives");
        }
    }
    file.sync_data().expect("the disk works");
    let digest = *hasher.finalize().as_bytes();
    for holder in holders {
        let mut acknowledged = [0; 32];
        holder.read_exact(&mut acknowledged).expect("the holder lives");
        assert_eq!(acknowledged, digest);
    }
    (usize::try_from(len).expect("it fits the memory"), digest)
}

fn get(kept: &str, len: usize, digest: [u8; 32], holder: &mut TcpStream) {
    holder.write_all(&[1]).expect("the holder lives");
    let mut file = File::create(kept).expect("the disk has room");
    let (mut cipher, mut hasher) = (cipher(), blake3::Hasher::new());
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = len;
    while left > 0 {
        let part = left.min(CHUNK_BYTES);
        holder.read_exact(&mut chunk[..part]).expect("the holder lives");
        hasher.update(&chunk[..part]);
        cipher.apply_keystream(&mut chunk[..part]);
        file.write_all(&chunk[..part]).expect("the disk has room");
        left -= part;
    }
    assert_eq!(*hasher.finalize().as_bytes(), digest);
    file.sync_data().expect("the disk works");
}

fn is_same(one: &str, other: &str) -> bool {
    let mut files = [one, other].map(|path| File::open(path).expect("it is there"));
    let mut chunks = [vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]];
    loop {
        let count = files[0].read(&mut chunks[0]).expect("the disk works");
        if files[1].read_exact(&mut chunks[1][..count]).is_err() || chunks[0][..count] != chunks[1][..count] {
            return false;
        }
        if count == 0 {
            return files[1].read(&mut chunks[1]).expect("the disk works") == 0;
        }
    }
}
