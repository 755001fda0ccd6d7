//! An HTTP/1.1 server. When it is dropped, its listener and its connections are closed.

use std::{
    convert::Infallible, error::Error, future::Future, net::SocketAddr, sync::Arc, time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time,
};

/// The pause after a failure to accept a connection, for example because no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The two ends of a connection.
#[derive(Clone, Copy)]
pub(crate) struct PeerAddrs {
    /// The address that the client connected from.
    pub(crate) peer: SocketAddr,
    /// The address that the client connected to.
    pub(crate) local: SocketAddr,
}

/// A running server. Dropping it closes the listener and every connection.
pub(crate) struct Server {
    task: JoinHandle<()>,
    closing: Arc<Notify>,
}

impl Server {
    /// Starts a server that handles every request on `listener` with `handle`.
    pub(crate) fn start<H, F, B>(listener: TcpListener, handle: H) -> Self
    where
        H: Fn(PeerAddrs, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let closing = Arc::new(Notify::new());
        let task = tokio::spawn(accept(listener, handle, Arc::clone(&closing)));
        Self { task, closing }
    }

    /// Stops accepting connections, and waits, for at most `limit`, until the open ones have ended.
    pub(crate) async fn drain(&mut self, limit: Duration) {
        self.closing.notify_one();
        if !self.task.is_finished() {
            // Ignore a timeout: connections that are still open are closed when the server is dropped.
            let _ = time::timeout(limit, &mut self.task).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H, F, B>(listener: TcpListener, handle: H, closing: Arc<Notify>)
where
    H: Fn(PeerAddrs, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // In this order, so that connections made before the server is closed are still accepted.
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, handle.clone()));
                }
                Err(_) => time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = closing.notified() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve<H, F, B>(stream: TcpStream, peer: SocketAddr, handle: H)
where
    H: Fn(PeerAddrs, Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let addrs = PeerAddrs { peer, local };
    // Responses are small and the client waits for them: the kernel must not delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answer = handle(addrs, request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    // Ignore the error of a broken connection: nobody needs it.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
