//! The transport over the TCP of the operating system. Nothing else in the library names a socket.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

use super::{Address, Transport};

/// Real TCP. `TCP_NODELAY` is on, because an exchange is written in whole messages and flushed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Transport for Tcp {
    type Stream = TcpStream;
    type Listener = TcpListener;

    async fn bind(&self, address: &Address) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((address.host(), address.port())).await?;
        let local = listener.local_addr()?;
        Ok((listener, local))
    }

    async fn accept(&self, listener: &mut TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = listener.accept().await?;
        // It fails for a connection that has ended already, which whoever reads from it will see.
        stream.set_nodelay(true).ok();
        Ok((stream, from))
    }

    async fn connect(&self, address: &Address) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((address.host(), address.port())).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
