//! One large file: by the commands, over HTTP, and through the bare pipe of `large`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::pipe::Pipe;
use crate::table::{Table, median};
use crate::{Cluster, content, text, time};

const MIB: u32 = 256;

/// How many bytes of an answer are read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// MiB a second of one way.
struct Rates {
    store: f64,
    fetch: f64,
}

/// The figures of one round.
struct Round {
    commands: Rates,
    /// A get that keeps no copy at the origin.
    unkept: f64,
    http: Rates,
    pipe: Rates,
    peak_mib: f64,
}

pub(crate) fn bench(dir: &Path, rounds: usize) {
    let file = dir.join("large");
    content::make(text(&file), (MIB as usize) << 20, u64::from(MIB));
    let rounds: Vec<_> = (0..rounds).map(|_| round(&file, &dir.join("out"))).collect();
    print(&rounds);
}

fn round(file: &Path, out: &Path) -> Round {
    let (file, out) = (text(file), text(out));
    let rate = |seconds: f64| f64::from(MIB) / seconds;
    let cluster = Cluster::start("folders");
    let store = rate(cluster.time(&["put", "key", file]));
    let fetch = |more: &[&str]| {
        cluster.time(&["rm", "key"]);
        let fetched = rate(cluster.time(&[&["get", "key", "-o", out], more].concat()));
        std::fs::remove_file(out).expect("it was written");
        fetched
    };
    let commands = Rates { store, fetch: fetch(&[]) };
    let unkept = fetch(&["--no-keep"]);
    let address = http_address(&cluster);
    let store = rate(time(|| put(&address, file)));
    cluster.time(&["rm", "http"]);
    let http = Rates { store, fetch: rate(time(|| get(&address, out))) };
    std::fs::remove_file(out).expect("it was written");
    let peak_mib = cluster.peak_mib();
    drop(cluster);
    Round { commands, unkept, http, pipe: through_pipe(file), peak_mib }
}

fn through_pipe(file: &str) -> Rates {
    let mut pipe = Pipe::start();
    let store = pipe.origin.ask_numbers(&format!("store {file}"))[0];
    assert_eq!(pipe.origin.ask("delete"), "deleted");
    let fetch = pipe.origin.ask_numbers("get")[0];
    Rates { store: f64::from(MIB) / store, fetch: f64::from(MIB) / fetch }
}

/// Returns where the origin is served over HTTP: it prints that after its own address.
fn http_address(cluster: &Cluster) -> String {
    let printed = std::fs::read_to_string(&cluster.origin.stdout).expect("its output");
    let line = printed.lines().nth(1).expect("it is served over HTTP");
    line.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// Sends a request without content and returns the connection.
fn ask(address: &str, method: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the node listens");
    let head = format!("{method} /v1/files/http HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("the node reads");
    stream
}

/// Stores a file.
fn put(address: &str, path: &str) {
    let mut file = File::open(path).expect("the content is there");
    let len = file.metadata().expect("the content is there").len();
    let mut stream = ask(address, "PUT", &format!("Content-Length: {len}\r\n"));
    io::copy(&mut file, &mut stream).expect("the node reads");
    read_head(&mut BufReader::new(stream));
}

/// Gets the file into another one.
fn get(address: &str, path: &str) {
    let mut answer = BufReader::with_capacity(CHUNK_BYTES, ask(address, "GET", ""));
    read_head(&mut answer);
    let mut file = File::create(path).expect("the disk has room");
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut len = 0;
    loop {
        let count = answer.read(&mut chunk).expect("the node sends");
        if count == 0 {
            break;
        }
        file.write_all(&chunk[..count]).expect("the disk has room");
        len += count;
    }
    assert_eq!(len, (MIB as usize) << 20, "the answer breaks off");
}

/// Reads the head of an answer, which has to be a good one.
fn read_head(answer: &mut impl BufRead) {
    let mut lines = answer.by_ref().lines().map(|line| line.expect("a head")).take_while(|line| !line.is_empty());
    let status = lines.next().expect("a status");
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    lines.for_each(drop);
}

fn print(rounds: &[Round]) {
    let middle =
        |digits: usize, figure: &dyn Fn(&Round) -> f64| format!("{:.digits$}", median(rounds.iter().map(figure)));
    let name = format!("{MIB} MiB, {} rounds", rounds.len());
    let mut table = Table::new(&[&name, "store MiB/s", "fetch MiB/s", "fetch --no-keep", "largest node MiB"]);
    let mut rates = |name: &str, of: fn(&Round) -> &Rates, more: &[String]| {
        let mut cells = vec![middle(0, &|round| of(round).store), middle(0, &|round| of(round).fetch)];
        cells.extend_from_slice(more);
        table.row(name, &cells);
    };
    let more = [middle(0, &|round| round.unkept), middle(1, &|round| round.peak_mib)];
    rates("commands", |round| &round.commands, &more);
    rates("HTTP", |round| &round.http, &[]);
    rates("bare pipe", |round| &round.pipe, &[]);
    let to_pipe = [
        middle(2, &|round| round.commands.store / round.pipe.store),
        middle(2, &|round| round.commands.fetch / round.pipe.fetch),
        middle(2, &|round| round.unkept / round.pipe.fetch),
    ];
    table.row("commands / pipe", &to_pipe);
    let to_commands = [
        middle(2, &|round| round.http.store / round.commands.store),
        middle(2, &|round| round.http.fetch / round.commands.fetch),
    ];
    table.row("HTTP / commands", &to_commands);
    table.print();
}
