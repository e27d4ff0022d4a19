//! What the node expects of a transport, tested on real TCP and on turmoil by the same code.

use std::future::Future;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use dacapo::transport::tcp::Tcp;
use dacapo::transport::{Address, Transport};
use dacapo_sim::transport::SimTransport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Makes a test for each transport of every claim.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[test]
            fn on_tcp() {
                crate::support::real::run(super::$name(super::Tcp));
            }

            #[test]
            fn on_turmoil() {
                super::simulated(super::$name);
            }
        }
    )*};
}

on_both!(
    bytes_arrive_in_order_and_whole,
    a_dropped_connection_is_an_end_for_the_other_side,
    a_taken_port_is_refused,
    nobody_listens_means_refused,
    a_listener_accepts_one_connection_after_the_other,
    both_sides_may_write_at_the_same_time,
);

/// Runs a claim on one turmoil host, whose loopback interface is a network like any other.
fn simulated<F>(claim: impl Fn(SimTransport) -> F + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let mut sim = turmoil::Builder::new().simulation_duration(Duration::from_secs(60)).build();
    let transport = SimTransport::new(Rc::new(|_, _| ()));
    let claimed = claim(transport);
    sim.client("host", async move {
        claimed.await;
        Ok(())
    });
    sim.run().expect("the claim holds");
}

fn loopback(port: u16) -> Address {
    Address::from(std::net::SocketAddr::from(([127, 0, 0, 1], port)))
}

async fn pair<T: Transport>(transport: &T) -> (T::Stream, T::Stream) {
    let (mut listener, address) = transport.bind(&loopback(0)).await.expect("a free port");
    let address = loopback(address.port());
    let (accepted, connected) = tokio::join!(transport.accept(&mut listener), transport.connect(&address));
    (accepted.expect("accepted").0, connected.expect("connected"))
}

async fn bytes_arrive_in_order_and_whole<T: Transport>(transport: T) {
    let (mut here, mut there) = pair(&transport).await;
    let sent: Vec<u8> = (0..500_000_u32).map(|at| (at % 251) as u8).collect();
    let mut received = vec![0; sent.len()];
    let writing = async {
        for piece in sent.chunks(7_777) {
            there.write_all(piece).await.expect("written");
        }
        there.flush().await.expect("flushed");
    };
    let (read, ()) = tokio::join!(here.read_exact(&mut received), writing);
    read.expect("read");
    assert!(sent == received);
}

async fn a_dropped_connection_is_an_end_for_the_other_side<T: Transport>(transport: T) {
    let (mut here, mut there) = pair(&transport).await;
    there.write_all(b"last words").await.expect("written");
    there.flush().await.expect("flushed");
    drop(there);
    let mut heard = Vec::new();
    here.read_to_end(&mut heard).await.expect("a clean end");
    assert_eq!(heard, b"last words");
}

async fn a_taken_port_is_refused<T: Transport>(transport: T) {
    let (_listener, address) = transport.bind(&loopback(0)).await.expect("a free port");
    let error = transport.bind(&loopback(address.port())).await.err().expect("taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

async fn nobody_listens_means_refused<T: Transport>(transport: T) {
    let (listener, address) = transport.bind(&loopback(0)).await.expect("a free port");
    drop(listener);
    let error = transport.connect(&loopback(address.port())).await.err().expect("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

async fn a_listener_accepts_one_connection_after_the_other<T: Transport>(transport: T) {
    let (mut listener, address) = transport.bind(&loopback(0)).await.expect("a free port");
    let address = loopback(address.port());
    for byte in 0..5 {
        let (accepted, connected) = tokio::join!(transport.accept(&mut listener), transport.connect(&address));
        let (mut accepted, mut connected) = (accepted.expect("accepted").0, connected.expect("connected"));
        connected.write_all(&[byte]).await.expect("written");
        connected.flush().await.expect("flushed");
        assert_eq!(accepted.read_u8().await.expect("read"), byte);
    }
}

async fn both_sides_may_write_at_the_same_time<T: Transport>(transport: T) {
    let (mut here, mut there) = pair(&transport).await;
    for round in 0..10_u8 {
        let sent = [round; 1000];
        let (one, other) = tokio::join!(here.write_all(&sent), there.write_all(&sent));
        one.and(other).expect("written");
        let (mut from_there, mut from_here) = ([0; 1000], [0; 1000]);
        let (one, other) = tokio::join!(here.read_exact(&mut from_there), there.read_exact(&mut from_here));
        one.and(other).expect("read");
        assert!(from_there == sent && from_here == sent);
    }
}
