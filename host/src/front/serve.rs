//! MCP over plain HTTP on this machine: for development, and behind a proxy.

use std::{
    convert::Infallible,
    io::{Error, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body::Incoming as HttpBody, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    StartError,
    app::{App, Incoming, MAX_BODY, Reached},
    config::Config,
};

/// Where `serve` listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// How long requests under way may still take after Ctrl-C.
/// Source: ours; ten seconds is what `docker stop` waits before it kills.
const GRACE: Duration = Duration::from_secs(10);

/// Serve until Ctrl-C or SIGTERM. The exit code is 0 then, 1 when the start failed.
pub async fn run(config: Config, listen: SocketAddr, allow_public: bool) -> ExitCode {
    match start(&config, listen, allow_public).await {
        Ok((app, listener)) => match serve(app, listener).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed("SERVE_FAILED", &error),
        },
        Err(ServeError::Start(error)) => failed(error.code(), &error),
        Err(ServeError::Listen(error)) => failed("LISTEN_FAILED", &error),
    }
}

enum ServeError {
    Start(StartError),
    Listen(Error),
}

fn failed(code: &str, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("error[{code}]: {error}");
    ExitCode::FAILURE
}

async fn start(
    config: &Config,
    listen: SocketAddr,
    allow_public: bool,
) -> Result<(App, TcpListener), ServeError> {
    if !listen.ip().is_loopback() && !allow_public {
        let message = format!(
            "{listen} can be reached by others, and nothing asks who they are; listen on 127.0.0.1, or add --allow-public"
        );
        return Err(ServeError::Listen(Error::new(
            ErrorKind::PermissionDenied,
            message,
        )));
    }
    let app = App::start(config).map_err(ServeError::Start)?;
    let in_use = |error: Error| {
        Error::new(
            error.kind(),
            format!("cannot listen on {listen}: {error}; choose another by --listen"),
        )
    };
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| ServeError::Listen(in_use(error)))?;
    Ok((app, listener))
}

async fn serve(app: App, listener: TcpListener) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    eprintln!("listening on http://{address}/mcp");
    let app = Arc::new(app);
    let reached = if address.ip().is_loopback() {
        Reached::Loopback
    } else {
        Reached::Public
    };
    let graceful = GracefulShutdown::new();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Too many open files, most likely: wait for some to be closed.
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
        let app = Arc::clone(&app);
        let service = service_fn(move |request| answer(Arc::clone(&app), request, reached));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, pin!(graceful.shutdown()))
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were still under way {} seconds after the end was asked for",
            GRACE.as_secs()
        );
    }
    Ok(())
}

async fn answer(
    app: Arc<App>,
    request: Request<HttpBody>,
    reached: Reached<'static>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let too_large = error.is::<LengthLimitError>();
            let status = if too_large {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            };
            let mut response = Response::new(Full::default());
            *response.status_mut() = status;
            return Ok(response);
        }
    };
    let request_id = uuid::Uuid::new_v4().to_string();
    let incoming = Incoming {
        method: head.method,
        path: head.uri.path(),
        headers: &head.headers,
        body: &body,
        reached,
        request_id: &request_id,
        deadline: None,
    };
    Ok(app.answer(&incoming).await.map(Full::new))
}
