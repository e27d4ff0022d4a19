//! A register with a replica on each host (ABD: Attiya, Bar-Noy and Dolev, 1995). It knows nothing of the simulation.
//!
//! A write learns the newest version from a majority and has a majority sync a newer one. A read has a majority sync
//! the newest version before it gives it. Messages of one kind do both: make this version durable unless there is a
//! newer one, and tell which is the newest.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use dacapo::disk::{Disk, DiskFile, DiskPath, read_full};
use dacapo::transport::{Address, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::{JoinSet, spawn_local};
use tokio::time::timeout;

/// How long one replica is waited for. Chosen: ten times an exchange without faults.
const PATIENCE: Duration = Duration::from_secs(2);

const VERSION_BYTES: usize = 16;

/// A piece of a version's BLAKE3 goes with it, because a stream may flip bits.
const DIGEST_BYTES: usize = 8;

/// What a replica holds; zeros at first. Each write has a value of its own, so no two versions are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    counter: u64,
    pub(crate) value: u64,
}

/// A call on the register.
pub(crate) struct Question {
    /// The value, where it is a write.
    pub(crate) write: Option<u64>,
    /// Gets what was written or read; nothing where no majority answered.
    pub(crate) reply: oneshot::Sender<Option<Version>>,
}

/// What a replica runs on.
pub(crate) struct Config<T, D> {
    pub(crate) transport: T,
    pub(crate) disk: D,
    pub(crate) listen: Address,
    /// The other replicas.
    pub(crate) peers: Vec<Address>,
    /// Is told each version that has become durable.
    pub(crate) event: Box<dyn Fn(Version)>,
    /// The planted bug: a read asks one replica, and not a majority.
    pub(crate) reads_one_replica: bool,
}

pub(crate) struct Replica<T, D: Disk> {
    config: Config<T, D>,
    file: Arc<D::File>,
    durable: Mutex<Version>,
}

impl<T: Transport, D: Disk> Replica<T, D> {
    /// Opens the replica of this host. What an earlier start wrote and did not sync counts from here on.
    pub(crate) async fn open(config: Config<T, D>) -> io::Result<Rc<Self>> {
        let disk = config.disk.clone();
        let opened = move || {
            let path = DiskPath::root().child("register");
            let file = disk.open(&path).or_else(|_| disk.create(&path))?;
            let mut bytes = [0; VERSION_BYTES];
            read_full(&file, 0, &mut bytes)?;
            file.sync()?;
            disk.sync_dir(&DiskPath::root())?;
            io::Result::Ok((file, bytes))
        };
        let (file, bytes) = config.disk.run(opened).await?;
        let durable = Mutex::new(Version::from_bytes(bytes));
        Ok(Rc::new(Self { config, file: Arc::new(file), durable }))
    }

    /// Answers the other replicas and the calls of this host, for ever.
    pub(crate) async fn run(self: Rc<Self>, mut questions: mpsc::Receiver<Question>) -> io::Result<()> {
        let transport = self.config.transport.clone();
        let (mut listener, _) = transport.bind(&self.config.listen).await?;
        loop {
            let this = self.clone();
            tokio::select! {
                biased;
                question = questions.recv() => {
                    let Some(Question { write, reply }) = question else { return Ok(()) };
                    // Whoever called may have given up.
                    spawn_local(async move { reply.send(this.call(write).await).ok() });
                }
                accepted = transport.accept(&mut listener) => {
                    let Ok((stream, _)) = accepted else { continue };
                    spawn_local(timeout(PATIENCE, this.serve(stream)));
                }
            }
        }
    }

    async fn call(self: Rc<Self>, write: Option<u64>) -> Option<Version> {
        let replicas = self.config.peers.len() + 1;
        let majority = replicas / 2 + 1;
        let asked = if self.config.reads_one_replica && write.is_none() { 1 } else { majority };
        let newest = self.raise_all(Version::default(), asked).await?;
        let version = write.map_or(newest, |value| Version { counter: newest.counter + 1, value });
        self.raise_all(version, majority).await?;
        Some(version)
    }

    /// Sends a version to every replica, waits until enough have it or a newer one, and gives the newest of theirs.
    async fn raise_all(self: &Rc<Self>, to: Version, enough: usize) -> Option<Version> {
        let mut answers = JoinSet::new();
        let this = self.clone();
        answers.spawn_local(timeout(PATIENCE, async move { this.raise(to).await }));
        for peer in self.config.peers.clone() {
            let this = self.clone();
            answers.spawn_local(timeout(PATIENCE, async move { this.raise_at(&peer, to).await }));
        }
        let mut newest = Vec::new();
        while newest.len() < enough {
            if let Ok(Ok(Ok(version))) = answers.join_next().await? {
                newest.push(version);
            }
        }
        answers.detach_all();
        newest.into_iter().max()
    }

    async fn raise_at(&self, peer: &Address, to: Version) -> io::Result<Version> {
        let mut stream = self.config.transport.connect(peer).await?;
        send::<T>(&mut stream, to).await?;
        receive::<T>(&mut stream).await
    }

    async fn serve(self: Rc<Self>, mut stream: T::Stream) -> io::Result<()> {
        let version = self.raise(receive::<T>(&mut stream).await?).await?;
        send::<T>(&mut stream, version).await
    }

    /// The version lies in one sector, which a power loss leaves old or new, and the file is never cut: a start finds
    /// what was synced or something newer.
    async fn raise(&self, to: Version) -> io::Result<Version> {
        let mut durable = self.durable.lock().await;
        if to > *durable {
            let file = self.file.clone();
            let write = move || file.write_at(0, &to.to_bytes()).and_then(|()| file.sync());
            self.config.disk.run(write).await?;
            *durable = to;
            (self.config.event)(to);
        }
        Ok(*durable)
    }
}

async fn send<T: Transport>(stream: &mut T::Stream, version: Version) -> io::Result<()> {
    let bytes = version.to_bytes();
    stream.write_all(&[&bytes[..], &blake3::hash(&bytes).as_bytes()[..DIGEST_BYTES]].concat()).await
}

async fn receive<T: Transport>(stream: &mut T::Stream) -> io::Result<Version> {
    let (mut bytes, mut digest) = ([0; VERSION_BYTES], [0; DIGEST_BYTES]);
    stream.read_exact(&mut bytes).await?;
    stream.read_exact(&mut digest).await?;
    let is_whole = blake3::hash(&bytes).as_bytes().starts_with(&digest);
    if is_whole { Ok(Version::from_bytes(bytes)) } else { Err(io::ErrorKind::InvalidData.into()) }
}

impl Version {
    fn to_bytes(self) -> [u8; VERSION_BYTES] {
        (u128::from(self.counter) << 64 | u128::from(self.value)).to_be_bytes()
    }

    fn from_bytes(bytes: [u8; VERSION_BYTES]) -> Self {
        let (counter, value) = bytes.split_at(8);
        let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("half of 16 bytes"));
        Self { counter: number(counter), value: number(value) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "holds value {} as version {}", self.value, self.counter)
    }
}
