//! The flood: opens connections to a node at a steady rate, from a process of its own.

use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::process;

/// The role of the attacker. The address of the node and a kind follow.
pub(crate) const ROLE: &str = "attack";

const CONNECTIONS_PER_SECOND: u32 = 1000;

/// How many connections stay open at once. Chosen: below the 1024 file descriptors that a process has by default.
const HELD_OPEN: usize = 500;

/// What the connections of a flood say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Silent,
    Garbage,
    Cut,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Garbage => "garbage",
            Self::Cut => "cut",
        }
    }

    fn words(self) -> Vec<u8> {
        match self {
            Self::Silent => Vec::new(),
            Self::Garbage => (0..64_u8).map(|byte| byte.wrapping_mul(157)).collect(),
            // The length of a first message, and half of the message.
            Self::Cut => [vec![0, 48], vec![7; 24]].concat(),
        }
    }
}

/// Floods until the input ends. Answers each line of the input with the number of connections so far.
pub(crate) fn run(role: &[String]) {
    let kind = [Kind::Silent, Kind::Garbage, Kind::Cut].into_iter().find(|kind| kind.name() == role[1]);
    let (address, words) = (role[0].clone(), kind.expect("the kind is one of the three").words());
    let opened = Arc::new(AtomicU32::new(0));
    let count = opened.clone();
    thread::spawn(move || flood(&address, &words, &count));
    process::answer("flooding");
    for _ in std::io::stdin().lock().lines() {
        process::answer(&opened.load(Ordering::Relaxed).to_string());
    }
}

fn flood(address: &str, words: &[u8], opened: &AtomicU32) {
    let started = Instant::now();
    let mut held = VecDeque::new();
    loop {
        let due = started + Duration::from_secs(1) * opened.load(Ordering::Relaxed) / CONNECTIONS_PER_SECOND;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if let Ok(mut stream) = TcpStream::connect(address) {
            // The node may have closed the connection already.
            drop(stream.write_all(words));
            held.push_back(stream);
        }
        opened.fetch_add(1, Ordering::Relaxed);
        if held.len() > HELD_OPEN {
            held.pop_front();
        }
    }
}
