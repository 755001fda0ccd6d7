//! A Runtime API that fails as a script says, in front of the real `bootstrap`.

use std::{
    collections::VecDeque,
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{Layer, bootstrap, host::wait_for_exit};

/// The time to wait for a response or for the end of the process. Source: ours; far more than a loaded machine needs.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The answer to a request for the next invocation.
#[derive(Clone, Debug)]
pub enum NextAnswer {
    /// An event.
    Event(Value),
    /// An error with this status.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
}

/// The API and the process that asks it.
pub struct FaultyRuntimeApi {
    child: Child,
    responses: Receiver<Value>,
    _runtime: Runtime,
}

struct Shared {
    script: Mutex<VecDeque<NextAnswer>>,
    /// The answer once the script is at its end; `None`: none ever comes.
    last: Option<NextAnswer>,
    responses: Mutex<Sender<Value>>,
    number: Mutex<usize>,
}

#[derive(Debug, thiserror::Error)]
#[error("closed")]
struct Closed;

impl FaultyRuntimeApi {
    /// Starts the host with so many invocations at once. It gets these answers, one for each request.
    pub fn start(
        layer: &Layer,
        max_concurrency: usize,
        script: impl IntoIterator<Item = NextAnswer>,
        last: Option<NextAnswer>,
    ) -> Self {
        let runtime = Runtime::new().expect("threads");
        let (sender, responses) = channel();
        let shared = Arc::new(Shared {
            script: Mutex::new(script.into_iter().collect()),
            last,
            responses: Mutex::new(sender),
            number: Mutex::new(0),
        });
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                // An error closes the connection.
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        let mut command = Command::new(bootstrap());
        command
            .env_clear()
            .env("MCP_PLUGIN_DIR", layer.plugin_dir())
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_MAX_CONCURRENCY", max_concurrency.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            child: command.spawn().expect("bootstrap can be run"),
            responses,
            _runtime: runtime,
        }
    }

    /// Returns the next response of the host to an event.
    pub fn response(&self) -> Value {
        let response = self.responses.recv_timeout(TIMEOUT);
        response.expect("a response of the host")
    }

    /// Waits until the host ends by itself, and returns its exit code.
    pub fn wait_for_exit(&mut self) -> Option<i32> {
        wait_for_exit(&mut self.child)
    }
}

impl Drop for FaultyRuntimeApi {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Closed> {
    if request.uri().path().ends_with("/invocation/next") {
        let next = locked(&shared.script).pop_front();
        return match next.or_else(|| shared.last.clone()) {
            Some(NextAnswer::Event(event)) => {
                let mut number = locked(&shared.number);
                *number += 1;
                let response = Response::builder()
                    .header("lambda-runtime-aws-request-id", number.to_string())
                    .header("lambda-runtime-deadline-ms", "32503680000000")
                    .body(Full::from(event.to_string()));
                Ok(response.expect("a response"))
            }
            Some(NextAnswer::Status(status)) => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::from_u16(status).expect("a status");
                Ok(response)
            }
            Some(NextAnswer::Close) => Err(Closed),
            None => std::future::pending().await,
        };
    }
    let body = request.into_body().collect().await;
    let body = body.map_err(|_| Closed)?.to_bytes();
    // A test may have read all that it wants.
    let _ = locked(&shared.responses).send(serde_json::from_slice(&body).unwrap_or_default());
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
