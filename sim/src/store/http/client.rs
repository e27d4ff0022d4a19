//! A client of HTTP/1.1, one connection a request. It sends what it is told to, also what breaks off.

use std::fmt::Display;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use dacapo::crypto::NodeId;
use dacapo::transport::{Address, Transport};
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, Either, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::host::{Host, name};
use crate::store::call;
use crate::store::clients::Clients;
use crate::transport::SimTransport;

/// Where a node is served.
pub(super) const PORT: u16 = 80;

/// How often a client looks whether the node has stopped.
const LOOK: Duration = Duration::from_millis(10);

/// How long an answer is waited for after the node has stopped. Chosen: longer than a node says farewell, and an answer
/// is on its way.
const FAREWELL: Duration = Duration::from_secs(3);

/// Returns the path of what there is of a key, with a query.
pub(super) fn path(what: &str, key: u8, query: &str) -> String {
    format!("/v1/{what}/{}{query}", call::key(key))
}

/// Returns the network between clients and nodes. Content is in the clear there.
pub(super) fn network() -> SimTransport {
    SimTransport::new(Rc::new(|_, _| {}))
}

/// Who asks the node of a host.
pub(super) struct Client {
    clients: Clients,
    host: Host,
}

/// Why there is no answer that counts.
pub(super) enum Trouble {
    /// Nobody has heard the request.
    Down,
    /// The connection broke off.
    Lost(String),
    /// There is one, and it is not what the node has to say.
    Wrong(String),
}

/// The content of a request.
pub(super) struct Sent {
    /// The length that is told before.
    pub(super) told: Option<u64>,
    pub(super) first: Vec<u8>,
    pub(super) then: Then,
}

/// What comes after the first piece of a content.
pub(super) enum Then {
    Ends,
    /// The connection breaks off.
    Fails,
    /// Nothing more, and no end.
    Never,
    /// This, later.
    Later(Duration, Vec<u8>),
}

/// An answer, whose content has not been read yet. Its connection ends with it.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Incoming,
    client: Client,
    _connection: JoinSet<()>,
}

impl Client {
    pub(super) fn new(clients: Clients, host: Host) -> Self {
        Self { clients, host }
    }

    /// Asks, and waits for the head of the answer.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        sent: Option<Sent>,
    ) -> Result<Answer, Trouble> {
        let address: Address = format!("{}:{PORT}", name(self.host)).parse().expect("an address");
        let stream = self.unless_gone(network().connect(&address)).await?.map_err(|_| Trouble::Down)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let mut tasks = JoinSet::new();
        tasks.spawn_local(async { drop(connection.await) });
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, name(self.host));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(told) = sent.as_ref().and_then(|sent| sent.told) {
            request = request.header(header::CONTENT_LENGTH, told);
        }
        let body = match sent {
            Some(sent) => {
                let (feed, body) = Channel::new(1);
                tasks.spawn_local(send(sent, feed));
                Either::Left(body)
            }
            None => Either::Right(Empty::new()),
        };
        let request = request.body(body).expect("a request");
        let (head, body) = self.unless_gone(sender.send_request(request)).await?.map_err(lost)?.into_parts();
        let client = Self::new(self.clients.clone(), self.host);
        Ok(Answer { status: head.status, headers: head.headers, body, client, _connection: tasks })
    }

    /// Waits for something, for as long as there is a node that it may come from.
    async fn unless_gone<T>(&self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let gone = async {
            while self.clients.node(self.host).is_some() {
                sleep(LOOK).await;
            }
            sleep(FAREWELL).await;
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = gone => Err(Trouble::Lost("the node has stopped".to_owned())),
        }
    }
}

impl Answer {
    /// Returns the next piece of the content; nothing at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Trouble> {
        match self.client.unless_gone(self.body.frame()).await? {
            Some(frame) => Ok(Some(frame.map_err(lost)?.into_data().unwrap_or_default())),
            None => Ok(None),
        }
    }

    /// Returns the rest of the content.
    pub(super) async fn rest(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut rest = Vec::new();
        while let Some(piece) = self.piece().await? {
            rest.extend(piece);
        }
        Ok(rest)
    }

    /// Returns the rest of the content as JSON.
    pub(super) async fn json(&mut self) -> Result<Value, Trouble> {
        serde_json::from_slice(&self.rest().await?).map_err(lost)
    }

    /// Returns what an answer that is an error says of it.
    pub(super) async fn error(&mut self) -> Result<String, Trouble> {
        Ok(self.json().await?["error"].as_str().unwrap_or_default().to_owned())
    }

    /// Returns the length of the content that the head tells.
    pub(super) fn length(&self) -> Option<usize> {
        self.header(header::CONTENT_LENGTH)?.parse().ok()
    }

    /// Returns the value of a header.
    pub(super) fn header(&self, name: HeaderName) -> Option<String> {
        Some(self.headers.get(name)?.to_str().ok()?.to_owned())
    }
}

/// Returns the id that a value of JSON is, if it is one.
pub(super) fn id(value: &Value) -> Option<NodeId> {
    value.as_str()?.parse().ok()
}

/// Returns the members of a list; none if it is no list.
pub(super) fn list_of(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Sends a content, as far as it is sent.
async fn send(sent: Sent, mut feed: Sender<Bytes, io::Error>) {
    // If nobody takes it any more, the answer says why.
    drop(feed.send_data(sent.first.into()).await);
    match sent.then {
        Then::Ends => {}
        Then::Fails => feed.abort(io::Error::other("the source has failed")),
        Then::Never => std::future::pending().await,
        Then::Later(pause, rest) => {
            sleep(pause).await;
            drop(feed.send_data(rest.into()).await);
        }
    }
}

fn lost(error: impl Display) -> Trouble {
    Trouble::Lost(error.to_string())
}
