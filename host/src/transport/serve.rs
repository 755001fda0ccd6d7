//! MCP over plain HTTP on this machine: for development, and behind a proxy.

mod active_requests;
mod bytes_in_flight;
mod hang_up;
mod request_head;
mod tracked_stream;

use std::{
    io,
    net::{AddrParseError, IpAddr, Ipv4Addr, SocketAddr},
    os::fd::AsFd,
    process::ExitCode,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::{
    body::{Body, Incoming as HttpBody},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use layer_format::ErrorCode;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_io_timeout::TimeoutStream;

use crate::{
    StartError,
    config::Config,
    plugin::Caller,
    process::log::output,
    server::{
        McpServer,
        http::{response::refusal, sse::ResponseBody, too_large},
        record::RequestRecord,
        request::{Exposure, IncomingRequest, MAX_BODY, NotificationSink},
    },
    transport::{
        failed,
        serve::{
            active_requests::ActiveRequests,
            bytes_in_flight::{BytesInFlight, ReadError, Reservation},
            hang_up::Socket,
            tracked_stream::TrackedStream,
        },
    },
};

/// The default address of `serve`.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// The time for active requests to finish after Ctrl-C.
/// Source: ours; ten seconds is what `docker stop` waits before it kills.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// The time limit for a client to send a body. Unit: seconds.
/// Source: ours; 30 seconds is hyper's limit for headers.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit for a client to read a part of a response. Source: ours; as for bodies.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The place to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// An address of our own; port 0 picks a free port.
    Address(SocketAddr),
    /// The socket that is our stdin, as inetd passes it. The program that started us listens already, and may start
    /// another process of ours on the same socket before it ends this one.
    Stdin,
}

impl Listen {
    /// Returns the socket. It does not block.
    fn listener(self) -> io::Result<std::net::TcpListener> {
        let listener = match self {
            Self::Address(address) => std::net::TcpListener::bind(address)?,
            Self::Stdin => io::stdin().as_fd().try_clone_to_owned()?.into(),
        };
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl FromStr for Listen {
    type Err = AddrParseError;

    /// Parses `ADDRESS:PORT`, or `stdin`.
    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        match text {
            "stdin" => Ok(Self::Stdin),
            address => address.parse().map(Self::Address),
        }
    }
}

/// Serves until Ctrl-C or SIGTERM. The exit code is 0 then, 1 when the start failed.
pub async fn run(config: Config, listen: Listen, allow_public: bool) -> ExitCode {
    match HttpServer::start(&config, listen, allow_public).await {
        Ok(server) => {
            output::print(&format!("listening on {}", server.url()));
            match server.run().await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(ErrorCode::ServeFailed, &error),
            }
        }
        Err(error) => failed(error.code(), &error),
    }
}

/// A server that listens.
pub struct HttpServer {
    server: McpServer,
    listener: TcpListener,
    address: SocketAddr,
}

/// The reason why the server failed to start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The configured tools cannot be served.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The address is not available.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// Stdin is not a listening socket.
    #[error(
        "stdin is not a listening socket: {0}; use `--listen stdin` only in a program that passes one, as inetd does"
    )]
    Stdin(io::Error),
    /// Others could reach the address.
    #[error(
        "{0} can be reached by others, and no authentication is configured; listen on 127.0.0.1, or run `bootstrap serve` with MCP_BEARER_TOKENS (`cargo layer token NAME` makes one), or with --allow-public for everybody"
    )]
    Public(SocketAddr),
}

impl ServeError {
    /// Returns a stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Start(error) => error.code(),
            Self::Listen { .. } | Self::Stdin(_) => ErrorCode::ListenFailed,
            Self::Public(_) => ErrorCode::ListenPublic,
        }
    }
}

impl HttpServer {
    /// Loads the plugins, and listens.
    ///
    /// # Errors
    /// [`ServeError`]
    pub async fn start(
        config: &Config,
        listen: Listen,
        allow_public: bool,
    ) -> Result<Self, ServeError> {
        // The start reports an invalid variable.
        let is_open = config.problems.is_empty() && config.bearer_tokens.is_empty();
        let public = |address: SocketAddr| is_open && !address.ip().is_loopback() && !allow_public;
        if let Listen::Address(address) = listen
            && public(address)
        {
            return Err(ServeError::Public(address));
        }
        let server = McpServer::start(config)?;
        let failed = |source| match listen {
            Listen::Address(address) => ServeError::Listen { address, source },
            Listen::Stdin => ServeError::Stdin(source),
        };
        let listener = listen.listener().map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if public(address) {
            return Err(ServeError::Public(address));
        }
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        Ok(Self {
            server,
            listener,
            address,
        })
    }

    /// Returns the URL for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Serves until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// The system does not let the server wait for signals.
    pub async fn run(self) -> io::Result<()> {
        serve(self.server, self.listener, self.address).await
    }
}

async fn serve(server: McpServer, listener: TcpListener, address: SocketAddr) -> io::Result<()> {
    let server = Arc::new(server);
    let exposure = if address.ip().is_loopback() {
        Exposure::Loopback
    } else {
        Exposure::Network
    };
    let graceful = GracefulShutdown::new();
    let active = ActiveRequests::new();
    let in_flight = BytesInFlight::new();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Most likely too many files are open: wait for some to be closed.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = terminated.recv() => break,
            _ = interrupted.recv() => break,
        };
        // Answers are written whole: waiting for more to send with them only delays them.
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        let socket = Socket::of(&stream);
        let mut stream = TimeoutStream::new(TrackedStream::new(stream, active.clone()));
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        let (active, in_flight) = (active.clone(), in_flight.clone());
        let service = service_fn(move |request: Request<HttpBody>| {
            let (server, in_flight) = (Arc::clone(&server), in_flight.clone());
            let active = active.enter();
            let (socket, headers) = (socket.clone(), request.headers().clone());
            async move {
                let mut cancelled =
                    Box::pin(async move { Socket::cancelled(socket, &headers).await });
                let (response, reservation) = tokio::select! {
                    response = answer(server, request, exposure, &in_flight) => response,
                    () = &mut cancelled => return Err(Cancelled),
                };
                // The request is active, and its bytes are in flight, until its response is buffered for writing.
                Ok(response.map(|body| active.track(body, reservation, cancelled)))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .half_close(true)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        // Other connections have sent nothing, or a part of a head.
        () = active.wait_until_idle() => {}
        () = tokio::time::sleep(SHUTDOWN_GRACE) => tracing::warn!(
            "shutdown timed out: requests were still in progress after {} seconds",
            SHUTDOWN_GRACE.as_secs()
        ),
        // A user who asks again does not want to wait.
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}

/// The client has cancelled its request: the connection is closed without a response.
#[derive(Debug, thiserror::Error)]
#[error("the client has hung up")]
struct Cancelled;

async fn answer(
    server: Arc<McpServer>,
    request: Request<HttpBody>,
    exposure: Exposure<'static>,
    in_flight: &BytesInFlight,
) -> (Response<ResponseBody>, Reservation) {
    let (mut head, body) = request.into_parts();
    let request_id = uuid::Uuid::new_v4().to_string();
    let malformed = request_head::normalize(&mut head);
    let early = incoming(&head, &[], exposure, &request_id, None);
    let refused = match malformed {
        Some(refusal) => Some(server.log_without_body(&early, refusal)),
        None => server.reject_early(&early),
    };
    if let Some(refused) = refused {
        // The body is read anyway: a client that still writes does not read a response.
        let _ = tokio::time::timeout(BODY_TIMEOUT, skip(Limited::new(body, MAX_BODY))).await;
        return (refused.map(ResponseBody::whole), Reservation::default());
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, in_flight.read(body)).await;
    let read = match read {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(ReadError::TooLarge)) => Err(too_large()),
        Ok(Err(error @ ReadError::Busy)) => {
            Err(refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))
        }
        Ok(Err(error @ ReadError::Broken)) => {
            Err(refusal(StatusCode::BAD_REQUEST, &error.to_string()))
        }
        Err(_) => {
            let why = format!(
                "the body did not arrive within {} seconds",
                BODY_TIMEOUT.as_secs()
            );
            Err(refusal(StatusCode::REQUEST_TIMEOUT, &why))
        }
    };
    let (body, reservation) = match read {
        Ok(read) => read,
        Err(refusal) => {
            let incoming = incoming(&head, &[], exposure, &request_id, None);
            let answer = server.reject_unread_body(&incoming, refusal);
            return (answer.map(ResponseBody::whole), Reservation::default());
        }
    };
    let streaming = server.streaming_response(&head.headers, exposure);
    let answer = |sink| async move {
        let incoming = incoming(&head, &body, exposure, &request_id, Some(sink));
        (server.handle(&incoming).await, None)
    };
    let response = streaming.respond(answer).await.0;
    drop(reservation);
    let size = response.body().size_hint().exact().unwrap_or(0);
    match in_flight
        .reserve(usize::try_from(size).unwrap_or(usize::MAX))
        .await
    {
        Ok(reservation) => (response, reservation),
        Err(error) => {
            tracing::warn!(bytes = size, "a response was dropped: {error}");
            let refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
            (refusal.map(ResponseBody::whole), Reservation::default())
        }
    }
}

fn incoming<'a>(
    head: &'a Parts,
    body: &'a [u8],
    exposure: Exposure<'a>,
    request_id: &'a str,
    notifications: Option<NotificationSink>,
) -> IncomingRequest<'a> {
    IncomingRequest {
        method: head.method.clone(),
        path: head.uri.path(),
        headers: &head.headers,
        body,
        exposure,
        // Only tokens identify callers here.
        caller: Caller::default(),
        request_id,
        deadline: None,
        gateway_timeout: None,
        response_limit: None,
        notifications,
        record: RequestRecord::default(),
    }
}

/// Reads a body to its end, and keeps nothing of it: callers without permission fill no memory.
async fn skip<B: Body + Unpin>(mut body: B) -> Result<(), B::Error> {
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(())
}
