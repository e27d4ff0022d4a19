//! A whole subject for the harness: a program, its calls, its promise, and a bug that breaks it. The program is a
//! register that only rises, with a replica on each host. It knows nothing of the simulation.
//!
//! `register planted` shows that the bug is caught, and `register sweep` that nothing else is.

use std::{cell::Cell, io, process::ExitCode, rc::Rc, time::Duration};

use dacapo::disk::{Disk, DiskFile, DiskPath, read_full};
use dacapo::seed::SeedRng;
use dacapo::transport::{Address, Transport};
use dacapo_sim::subject::{Boot, Broken, Ended, Scene, Subject};
use dacapo_sim::{cli, host::Host, mailboxes::Mailboxes};
use proptest::prelude::{BoxedStrategy, Strategy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// How long one replica has to answer. Chosen: ten times an exchange without faults.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Replica<T, D> {
    transport: T,
    disk: D,
    replicas: Vec<Address>,
    trusts_the_first: bool,
}

impl<T: Transport, D: Disk> Replica<T, D> {
    /// Raises the register to a number; with 0 this is a read. A majority holds the returned number, so each later
    /// call meets it (ABD: Attiya, Bar-Noy and Dolev, 1995). Returns `None` if no majority answers: the register may
    /// have risen or not.
    async fn raise(self, to: u64) -> Option<u64> {
        let highest = self.raise_all(to).await?;
        self.raise_all(highest).await.map(|_| highest)
    }

    /// Has all replicas, this one too, hold a number or a higher one, and returns the highest that they hold.
    async fn raise_all(&self, to: u64) -> Option<u64> {
        let mut held = Vec::new();
        for replica in &self.replicas {
            held.extend(timeout(PATIENCE, self.ask(replica, to)).await.ok().and_then(Result::ok));
        }
        let is_majority = held.len() > self.replicas.len() / 2;
        let trusted = if self.trusts_the_first { held.first() } else { held.iter().max() };
        trusted.copied().filter(|_| is_majority)
    }

    async fn ask(&self, replica: &Address, to: u64) -> io::Result<u64> {
        let mut stream = self.transport.connect(replica).await?;
        stream.write_all(&message(to)).await?;
        receive::<T>(&mut stream).await
    }

    /// Serves one connection at a time, so that work on the disk does not overlap. A connection that fails is
    /// dropped.
    async fn run(self, listen: Address) -> io::Result<()> {
        let (mut listener, _) = self.transport.bind(&listen).await?;
        loop {
            let (stream, _) = self.transport.accept(&mut listener).await?;
            self.serve(stream).await.ok();
        }
    }

    async fn serve(&self, mut stream: T::Stream) -> io::Result<()> {
        let to = timeout(PATIENCE, receive::<T>(&mut stream)).await??;
        let disk = self.disk.clone();
        let held = self.disk.run(move || raise_file(&disk, to)).await?;
        stream.write_all(&message(held)).await
    }
}

/// Makes a number durable, unless the file has a higher one. The number lies in one sector, so a power loss does not
/// tear it.
fn raise_file(disk: &impl Disk, to: u64) -> io::Result<u64> {
    let path = DiskPath::root().child("register");
    let file = disk.open(&path).or_else(|_| disk.create(&path))?;
    let mut held = [0; 8];
    read_full(&file, 0, &mut held)?;
    let highest = to.max(u64::from_be_bytes(held));
    file.write_at(0, &highest.to_be_bytes())?;
    file.sync()?;
    disk.sync_dir(&DiskPath::root())?;
    Ok(highest)
}

/// Returns a number with its digest, because a stream may flip bits.
fn message(number: u64) -> Vec<u8> {
    [&number.to_be_bytes()[..], blake3::hash(&number.to_be_bytes()).as_bytes()].concat()
}

async fn receive<T: Transport>(stream: &mut T::Stream) -> io::Result<u64> {
    let mut bytes = [0; 8 + blake3::OUT_LEN];
    stream.read_exact(&mut bytes).await?;
    let number = u64::from_be_bytes(*bytes.first_chunk().expect("it has more than 8"));
    if message(number) == bytes { Ok(number) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// The register under the harness. A call raises it to a number.
#[derive(Clone, Copy)]
pub(crate) struct Register {
    /// The bug: of the answers, a replica believes the first and not the highest.
    pub(crate) trusts_the_first: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Clients {
    replicas: Mailboxes<u64, Option<u64>>,
    /// The highest number that a call has returned.
    highest: Rc<Cell<u64>>,
}

impl Subject for Register {
    type Call = u64;
    type Event = String;
    type Clients = Clients;

    fn calls(&self, _swarm: &mut SeedRng, _nodes: usize) -> BoxedStrategy<u64> {
        (0..100_u64).boxed()
    }

    fn bugs(&self) -> &'static [&'static str] {
        &["trusts-the-first"]
    }

    fn plant(self, _bug: &str) -> Self {
        Self { trusts_the_first: true }
    }

    async fn boot(self, boot: Boot<Self>) -> Ended {
        let Boot { host, listen, hosts: replicas, transport, disk, scene, .. } = boot;
        let replica = Replica { transport, disk, replicas, trusts_the_first: self.trusts_the_first };
        scene.clients.replicas.started(host, replica.clone(), Replica::raise);
        replica.run(listen).await.map_or_else(|error| Ended::Failed(error.to_string()), |()| Ended::Stopped)
    }

    async fn call(self, scene: Scene<Self>, host: Host, _number: usize, to: u64) -> Option<String> {
        let Clients { replicas, highest } = &scene.clients;
        let least = to.max(highest.get());
        let given = replicas.ask(host, to).await.flatten()?;
        if given < least {
            let what = format!("n{host} gives {given}, and may give no less than {least}");
            scene.note_broken(Broken::new("rising", what));
        }
        highest.set(given.max(highest.get()));
        Some(given.to_string())
    }

    async fn settle(self, scene: Scene<Self>) -> Result<(), Broken> {
        for host in 0..scene.plan.nodes {
            while self.call(scene.clone(), host, 0, 0).await.is_none() {
                sleep(Duration::from_secs(1)).await;
            }
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    cli::main(Register { trusts_the_first: false })
}
