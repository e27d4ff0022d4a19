//! Writes the first inputs of each target, from what the code itself says and writes:
//! `cargo run --release --bin corpora`. A second run writes the same inputs; inputs that a fuzzer has found are left
//! alone.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use dacapo::crypto::{
    ClusterSecret, Digest, Iv, Keys, MasterSecret, Metadata, NameCount, NodeId, ReplicaName, Seal, SealedMetadata, Tag,
    Tombstone, Version,
};
use dacapo::limits::PROTOCOL_VERSION;
use dacapo::membership::{Backup, BackupContent, Cluster, Dial, Invitation, MemberChange, Members};
use dacapo::node::link;
use dacapo::protocol::{
    BootId, Hello, Message, Purpose, Refusal, Verdict, Welcome, Whereabouts, message_frame, read_message, stream_header,
};
use dacapo::replication::{Entry, Print};
use dacapo::store::{HeldRecord, Identity, Known, OwnRecord};
use dacapo::time::UnixMillis;
use dacapo_fuzz::Party;
use dacapo_sim::disk::SimDisk;
// Linked for the counters of the coverage that is compiled in.
use libfuzzer_sys as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

const BOOT: BootId = BootId([7; 8]);

fn main() {
    let messages = messages();
    let frames: Vec<_> = messages.iter().map(|message| message_frame(&message.encode())).collect();
    write("messages", messages.iter().map(Message::encode));
    write("frames", frames.iter().cloned().chain([frames.concat(), stream_header(38).to_vec()]));
    write("hellos", hellos());
    write("handshake", handshakes());
    write("records", records());
    write("plans", plans());
    write("invitations", invitations());
    write("identities", identities());
    write("members", [members()]);
}

fn write(target: &str, inputs: impl IntoIterator<Item = Vec<u8>>) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(target);
    fs::create_dir_all(&dir).expect("the folder can be written");
    for (number, input) in inputs.into_iter().enumerate() {
        fs::write(dir.join(format!("{number:02}")), input).expect("the folder can be written");
    }
}

fn seal() -> Seal {
    let keys = Keys::derive(&MasterSecret([1; 32]));
    let key = "picture_0.png".parse().expect("a key");
    let metadata = Metadata { key, size: 22, modified: UnixMillis(1), attributes: None };
    let metadata = SealedMetadata::seal(&keys, Iv([2; 16]), &metadata);
    Seal { version: Version(7), size: 22, digest: Digest([3; 32]), tag: Tag([4; 32]), metadata }
}

fn messages() -> Vec<Message> {
    let (owner, replica_name, version) = (NodeId([1; 32]), ReplicaName([2; 16]), Version(300));
    let tombstone = Tombstone { version, tag: Tag([5; 32]) };
    let entry = Entry::file(replica_name, &seal());
    let print = Some(Print::default());
    let address = "other.example:3000".parse().expect("an address");
    let whereabouts = Whereabouts { sought: vec![owner], found: vec![(NodeId([7; 32]), address)] };
    vec![
        Message::StoreFile { owner, replica_name, version, sealed_bytes: 38 },
        Message::Sealed(seal()),
        Message::Stored,
        Message::GetFile { owner, replica_name },
        Message::Found(seal()),
        Message::NotFound,
        Message::Proceed,
        Message::Heartbeat { held: print, has_twin: true, whereabouts: Whereabouts::default() },
        Message::Alive { connections_wanted: 1, held: None, has_twin: false, whereabouts },
        Message::Refused(Refusal::Stale { held: version }),
        Message::Refused(Refusal::QuotaBytes { max: 1 << 30 }),
        Message::PerhapsStored,
        Message::Summarise { group: Some(3) },
        Message::Summary(vec![Print::default(); 64]),
        Message::ListLeaf { leaf: 4095, after: Some(replica_name) },
        Message::Leaf(vec![entry; 3]),
        Message::CheckFile { replica_name },
        Message::Checked { seal: seal(), iv: Iv([6; 16]), verified: UnixMillis(9) },
        Message::Gone(tombstone.clone()),
        Message::DeleteFile { replica_name, tombstone },
        Message::Deleted,
        Message::ReleaseFile { replica_name, version },
        Message::Released,
        Message::NoteCount(NameCount { names: 3, version, tag: Tag([6; 32]) }),
        Message::Noted,
        Message::AskCount,
        Message::Count(NameCount { names: 3, version, tag: Tag([6; 32]) }),
        Message::VerifyFile { replica_name },
        Message::Verifying,
    ]
}

fn hellos() -> Vec<Vec<u8>> {
    let hello = |purpose| Hello { protocol: PROTOCOL_VERSION, listen_port: 3000, purpose, boot: BOOT }.encode();
    let welcome = |verdict| Welcome { protocol: PROTOCOL_VERSION, verdict, boot: BOOT }.encode();
    vec![
        hello(Purpose::Control),
        hello(Purpose::DialerAsks),
        hello(Purpose::AcceptorAsks),
        welcome(Verdict::Full),
        welcome(Verdict::Accepted),
        welcome(Verdict::NotAdmitted),
        vec![9, 0],
    ]
}

/// A stream that keeps what is written to it.
struct Noted {
    stream: DuplexStream,
    written: Rc<RefCell<Vec<u8>>>,
}

impl AsyncRead for Noted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = polled {
            self.written.borrow_mut().extend_from_slice(&bytes[..count]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Returns what both sides of a connection between the two parties say, whole and cut, each after the number of the
/// side that hears it.
fn handshakes() -> Vec<Vec<u8>> {
    let (near, far) = duplex(64 * 1024);
    let [dialed, accepted]: [Rc<RefCell<Vec<u8>>>; 2] = Default::default();
    let near = Noted { stream: near, written: dialed.clone() };
    let far = Noted { stream: far, written: accepted.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (acceptor, dialer) = (Party::new(0), Party::new(1));
        let hello = Hello { protocol: PROTOCOL_VERSION, listen_port: 3000, purpose: Purpose::DialerAsks, boot: BOOT };
        let dialing = async {
            let dialed = link::dial(near, &dialer.credentials(), hello).await;
            let (mut records, ..) = dialed.expect("they know each other");
            say(&mut records, &Message::CheckFile { replica_name: ReplicaName([2; 16]) }).await;
            read_message(&mut records).await.expect("an answer");
        };
        let accepting = async {
            let accepted = link::accept(far, &acceptor.credentials()).await;
            let (mut records, ..) = accepted.expect("they know each other");
            link::welcome(&mut records, Verdict::Accepted, BOOT).await.expect("a stream");
            read_message(&mut records).await.expect("a question");
            say(&mut records, &Message::NotFound).await;
        };
        tokio::join!(dialing, accepting);
    });
    let heard_by = |side: u8, said: &RefCell<Vec<u8>>| [vec![side], said.borrow().clone()].concat();
    let whole = [heard_by(0, &dialed), heard_by(1, &accepted)];
    let cut = whole.each_ref().map(|said| said[..60].to_vec());
    whole.into_iter().chain(cut).collect()
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), message: &Message) {
    stream.write_all(&message_frame(&message.encode())).await.expect("a stream");
    stream.flush().await.expect("a stream");
}

fn records() -> Vec<Vec<u8>> {
    fn kind(kind: u8, record: &impl serde::Serialize) -> Vec<u8> {
        [vec![kind], postcard::to_stdvec(record).expect("it encodes")].concat()
    }
    let tombstone = Tombstone { version: Version(300), tag: Tag([5; 32]) };
    vec![
        kind(0, &Known::File(HeldRecord { seal: seal(), stored: UnixMillis(1), verified: UnixMillis(2) })),
        kind(0, &Known::Deleted(tombstone.clone())),
        kind(1, &OwnRecord { seal: seal(), iv: Iv([6; 16]), modified: UnixMillis(3) }),
        kind(2, &tombstone),
    ]
}

fn plans() -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/plans");
    let mut paths: Vec<_> = fs::read_dir(dir).expect("the plans").map(|entry| entry.expect("one").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a plan")).collect()
}

fn secret() -> ClusterSecret {
    ClusterSecret([8; 32])
}

fn invitations() -> Vec<Vec<u8>> {
    let line = |address: &str, cluster| {
        let address = address.parse().expect("an address");
        Invitation { address, node: NodeId([1; 32]), cluster }.line().as_bytes().to_vec()
    };
    vec![line("other.example:3000", Cluster::Closed(secret())), line("[2001:db8::1]:1", Cluster::Open)]
}

fn identities() -> Vec<Vec<u8>> {
    let disk = SimDisk::new();
    Identity::restore(&disk, &MasterSecret([1; 32])).expect("an empty disk");
    Cluster::Closed(secret()).enter(&disk).expect("an empty disk");
    let content = BackupContent { master: MasterSecret([1; 32]), cluster: Some(Cluster::Closed(secret())) };
    let backup = Backup::seal(&content, "correct horse battery staple", [9; 16]).expect("long enough");
    let read = |name| disk.read(name).expect("just written");
    vec![read("identity"), read("cluster"), backup.to_string().into_bytes()]
}

fn members() -> Vec<u8> {
    let disk = SimDisk::new();
    let mut members = Members::default();
    for node in [Some(NodeId([1; 32])), None] {
        let address = if node.is_some() { "other.example:3000" } else { "[::1]:7000" };
        members.dial(Dial { address: address.parse().expect("an address"), node }).expect("room");
    }
    for change in [MemberChange::Allow(NodeId([2; 32])), MemberChange::Forget(NodeId([3; 32])), MemberChange::Lock] {
        members.change(change).expect("room");
    }
    members.save(&disk).expect("an empty disk");
    disk.read("members").expect("just written")
}
