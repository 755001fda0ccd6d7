//! Clients that hang up. A client of revision 2026-07-28 cancels a request by closing its connection (basic/utilities/
//! cancellation). For other clients, and for tools such as `nc`, the end of what they send means nothing.
//!
//! hyper would take the end of the input for the end of the client, and drop the request. So `serve` lets it accept
//! half-closed connections, and this module watches the socket.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use http::HeaderMap;
use mcp_protocol::Revision;
use tokio::{io::Interest, net::TcpStream};

/// A second descriptor of a connection's socket.
#[derive(Clone)]
pub(super) struct Socket(Arc<OwnedFd>);

impl Socket {
    /// Returns a second descriptor; none if there are too many.
    pub(super) fn of(stream: &TcpStream) -> Option<Self> {
        let descriptor = stream.as_fd().try_clone_to_owned().ok()?;
        Some(Self(Arc::new(descriptor)))
    }

    /// Waits until the client has closed its side.
    async fn closed(&self) -> io::Result<()> {
        let stream = std::net::TcpStream::from(self.0.try_clone()?);
        let stream = TcpStream::from_std(stream)?;
        loop {
            let ready = stream.ready(Interest::READABLE).await?;
            if ready.is_read_closed() {
                return Ok(());
            }
            // The next request is there already. Without this, its bytes would end every wait.
            let _ = stream.try_io(Interest::READABLE, || {
                Err::<(), _>(io::ErrorKind::WouldBlock.into())
            });
        }
    }

    /// Returns a future that ends when a client with these headers has cancelled its request, which may be never.
    pub(super) fn cancelled(
        socket: Option<Self>,
        headers: &HeaderMap,
    ) -> impl Future<Output = ()> + use<> {
        let version = headers.get("mcp-protocol-version");
        let version = version.and_then(|version| Revision::parse(version.to_str().ok()?));
        let watched = socket.filter(|_| version.is_some_and(Revision::is_modern));
        async move {
            let is_closed = match watched {
                Some(socket) => socket.closed().await.is_ok(),
                None => false,
            };
            if !is_closed {
                std::future::pending().await
            }
        }
    }
}
