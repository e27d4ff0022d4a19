//! Takes connections and serves requests on them, one after the other.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::Api;
use super::limits::{
    CALLER_IDLE_TIMEOUT, FAREWELL_TIMEOUT, HEAD_BYTES_MAX, HEAD_TIMEOUT, HEADERS_MAX, HTTP_CONNECTIONS_MAX,
};
use super::routes::router;
use crate::transport::{Address, Transport};

/// Serves a node until it is closed or dropped. Dropping it breaks requests off.
pub struct Server {
    address: SocketAddr,
    /// Cancelled when no request is taken any more, and events are told no more.
    stop: CancellationToken,
    /// Cancelled when requests are broken off.
    over: CancellationToken,
    connections: TaskTracker,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on an address and serves everybody who connects, up to a bound. Needs a `LocalSet`.
    ///
    /// # Errors
    /// Fails if the address cannot be listened on.
    pub async fn start<T: Transport>(transport: T, address: &Address, api: Api) -> io::Result<Self> {
        let (listener, address) = transport.bind(address).await?;
        let (stop, over, connections) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let service = Service { router: router(api, stop.clone()), stop: stop.clone(), over: over.clone() };
        let accepting = accept(transport, listener, service, connections.clone());
        Ok(Self { address, stop, over, connections, accepting: tokio::task::spawn_local(accepting) })
    }

    /// Returns the address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no connections any more, and gives requests that are being answered a moment to end. Those that do not are
    /// broken off.
    pub async fn close(self) {
        self.accepting.abort();
        self.stop.cancel();
        self.connections.close();
        if timeout(FAREWELL_TIMEOUT, self.connections.wait()).await.is_err() {
            self.over.cancel();
            self.connections.wait().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        self.over.cancel();
    }
}

/// What serves each connection.
#[derive(Clone)]
struct Service {
    router: Router,
    stop: CancellationToken,
    over: CancellationToken,
}

async fn accept<T: Transport>(transport: T, mut listener: T::Listener, service: Service, connections: TaskTracker) {
    let places = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = transport.accept(&mut listener).await else {
            // What ran out, such as file descriptors, may come back.
            sleep(FAREWELL_TIMEOUT).await;
            continue;
        };
        // Without a place the stream is dropped, which its caller sees at once.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let service = service.clone();
        connections.spawn_local(async move {
            tokio::select! {
                biased;
                () = serve(stream, service.router, &service.stop) => {}
                () = service.over.cancelled() => {}
            }
            drop(place);
        });
    }
}

/// Serves one connection until its caller goes away, stands still, or the server is closed.
async fn serve(stream: impl AsyncRead + AsyncWrite + 'static, router: Router, stop: &CancellationToken) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(CALLER_IDLE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        // The time of day comes from the platform: see `check::check`.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    // How a connection ends is its caller's affair, or was answered on it.
    tokio::select! {
        biased;
        ended = connection.as_mut() => drop(ended),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}
