//! The HTTP server from which a process gets its events. Each execution environment has one.
//!
//! The process is the HTTP client. It requests the next event and waits until there is one, posts its response or an
//! error under the request id of the event, and requests the next event. Its first request ends the init phase. The
//! environment delivers a [`PendingInvocation`], which contains the channel for the [`RuntimeAnswer`], and watches the
//! [`Readiness`] of the process.
//!
//! A process may have several open requests. It may work on several events at the same time, up to the function's
//! maximum of concurrent invocations.
//!
//! Sources: "Using the Lambda runtime API for custom runtimes"; the bodies of error responses are those of the Runtime
//! Interface Emulator that AWS publishes (`lambda/rapi/rendering`).

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot, watch},
};
use uuid::Uuid;

use crate::{
    body::{self, Collected, Forwarded},
    error::ErrorReport,
    invocation::ResponseMode,
    server::Server,
    stream::{self, ChunkReceiver, ChunkSender},
};

/// The largest event. Unit: bytes. Source: "Lambda quotas", invocation payload, synchronous: 6 MB.
pub(crate) const MAX_REQUEST: usize = 6 << 20;

/// The largest buffered response. Unit: bytes. Source: Lambda's own error message; it is 6 MB and some bytes for the
/// envelope.
pub(crate) const MAX_RESPONSE: usize = (6 << 20) + 100;

/// The largest streamed response. Unit: bytes. Source: "Response streaming for Lambda functions": 200 MB by default.
const MAX_STREAM: usize = 200 << 20;

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";
const FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";
const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
const TRACE_ID: &str = "lambda-runtime-trace-id";
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// An event that is to be delivered to the process.
pub(crate) struct PendingInvocation {
    pub(crate) request_id: String,
    /// The time when the process will be killed. Unit: milliseconds since 1970.
    pub(crate) deadline_ms: u128,
    pub(crate) function_arn: String,
    pub(crate) trace_id: String,
    /// The caller's client context, as JSON.
    pub(crate) client_context: Option<String>,
    pub(crate) event: Bytes,
    /// The channel for the response of the process.
    pub(crate) answer: oneshot::Sender<RuntimeAnswer>,
}

/// The state of the process between its invocations.
#[derive(Default)]
pub(crate) struct Readiness {
    /// The number of open requests for an event minus the number of delivered events that no request has taken yet. It
    /// is negative if events wait for requests.
    pub(crate) free: i64,
    /// The error with which the process reported that it cannot initialize.
    pub(crate) init_error: Option<ErrorReport>,
}

/// The response of the process to an event.
pub(crate) enum RuntimeAnswer {
    Buffered {
        content_type: Option<String>,
        payload: Bytes,
    },
    Stream {
        content_type: Option<String>,
        chunks: ChunkReceiver,
        end: oneshot::Receiver<Result<(), ResponseFault>>,
    },
    Fault(ResponseFault),
}

/// The reason why a response is an error, too large, or incomplete.
pub(crate) enum ResponseFault {
    Error(ErrorReport),
    TooLarge { size: usize, limit: usize },
    Broken { reason: String },
}

/// The environment's side of a Runtime API, which delivers events.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    deliveries: mpsc::UnboundedSender<PendingInvocation>,
    endpoint: Arc<Endpoint>,
}

impl RuntimeApi {
    /// Starts a server on a free port of the loopback interface. It listens until the server is dropped.
    pub(crate) async fn start(max_concurrency: usize) -> std::io::Result<(Self, Server)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (deliveries, delivered) = mpsc::unbounded_channel();
        let endpoint = Arc::new(Endpoint {
            max_concurrency,
            deliveries: AsyncMutex::new(delivered),
            readiness: watch::Sender::default(),
            progress: Mutex::default(),
        });
        let serving = Arc::clone(&endpoint);
        let server = Server::start(listener, move |_, request| {
            let endpoint = Arc::clone(&serving);
            async move { endpoint.answer(request).await }
        });
        let runtime_api = Self {
            address,
            deliveries,
            endpoint,
        };
        Ok((runtime_api, server))
    }

    /// Returns the value of `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues an event for the next request of the process.
    pub(crate) fn deliver(&self, pending: PendingInvocation) {
        self.endpoint
            .readiness
            .send_modify(|readiness| readiness.free -= 1);
        // This cannot fail: the endpoint with the receiver lives as long as this value.
        let _ = self.deliveries.send(pending);
    }

    /// Returns a receiver of the state of the process.
    pub(crate) fn readiness(&self) -> watch::Receiver<Readiness> {
        self.endpoint.readiness.subscribe()
    }
}

/// The server's side of a Runtime API, which responds to the requests of the process.
struct Endpoint {
    max_concurrency: usize,
    deliveries: AsyncMutex<mpsc::UnboundedReceiver<PendingInvocation>>,
    readiness: watch::Sender<Readiness>,
    progress: Mutex<Progress>,
}

/// The progress of the process.
#[derive(Default)]
struct Progress {
    phase: Phase,
    /// The invocations whose responses are not complete, by request id.
    unfinished: HashMap<String, UnfinishedAnswer>,
    /// The number of requests for an event that the process closed before it got one. A later request replaces such a
    /// request, and is not counted again.
    abandoned: usize,
}

#[derive(Default, PartialEq)]
enum Phase {
    /// The process has not requested an event yet.
    #[default]
    Init,
    /// The process reported that it cannot initialize.
    Failed,
    /// The process has requested events.
    Ready,
}

enum UnfinishedAnswer {
    /// The process has the event, and has not begun to respond.
    Awaited {
        invocation_id: String,
        answer: oneshot::Sender<RuntimeAnswer>,
    },
    /// The process is sending the response.
    Sending,
}

/// A guard for a request that waits for an event. Dropping it notes that the process has closed the request.
struct NextRequest<'endpoint>(Option<&'endpoint Endpoint>);

impl Drop for NextRequest<'_> {
    fn drop(&mut self) {
        if let Some(endpoint) = self.0 {
            endpoint.progress().abandoned += 1;
        }
    }
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => self.next().await,
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                self.response(id, request).await
            }
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
                self.error(id, request).await
            }
            (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
                self.init_error(request).await
            }
            _ => refuse(
                StatusCode::NOT_FOUND,
                "NotFound",
                &format!("the Runtime API has no {} {path}", request.method()),
            ),
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles `GET /runtime/invocation/next`: waits until there is an event.
    async fn next(&self) -> Response<Full<Bytes>> {
        if let Some(refused) = self.refusal() {
            return refused;
        }
        let mut next_request = NextRequest(Some(self));
        let Some(pending) = self.deliveries.lock().await.recv().await else {
            return wrong_state("the environment has ended");
        };
        next_request.0 = None;
        let invocation_id = Uuid::new_v4().to_string();
        let mut response = Response::builder()
            .header(CONTENT_TYPE, "application/json")
            .header(REQUEST_ID, &pending.request_id)
            .header(DEADLINE_MS, pending.deadline_ms.to_string())
            .header(FUNCTION_ARN, pending.function_arn)
            .header(TRACE_ID, pending.trace_id)
            .header(INVOCATION_ID, &invocation_id);
        if let Some(context) = pending.client_context {
            response = response.header(CLIENT_CONTEXT, context);
        }
        let unfinished = UnfinishedAnswer::Awaited {
            invocation_id,
            answer: pending.answer,
        };
        self.progress()
            .unfinished
            .insert(pending.request_id, unfinished);
        response
            .body(Full::new(pending.event))
            .unwrap_or_else(|error| {
                // This happens only if the function's name or the client context contains characters that are not valid
                // in a header.
                refuse(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalServerError",
                    &error.to_string(),
                )
            })
    }

    /// Returns an error response if the process must not request an event now. Otherwise returns `None`, and counts the
    /// request.
    fn refusal(&self) -> Option<Response<Full<Bytes>>> {
        let mut progress = self.progress();
        if progress.phase == Phase::Failed {
            return Some(wrong_state(
                "an error of the init phase was reported before",
            ));
        }
        if progress.unfinished.len() >= self.max_concurrency {
            let mut unfinished = progress.unfinished.iter();
            let unanswered = unfinished
                .find(|(_, unfinished)| matches!(unfinished, UnfinishedAnswer::Awaited { .. }));
            return Some(match unanswered {
                Some((id, _)) => wrong_state(&format!("the invocation {id} is not answered yet")),
                None => wrong_state("the answer is not complete yet"),
            });
        }
        progress.phase = Phase::Ready;
        if progress.abandoned > 0 {
            progress.abandoned -= 1;
        } else {
            self.readiness.send_modify(|readiness| readiness.free += 1);
        }
        None
    }

    /// Handles `POST /runtime/invocation/ID/response`.
    async fn response(&self, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let mode = match text(&head.headers, RESPONSE_MODE) {
            None => ResponseMode::Buffered,
            Some(mode) if mode.eq_ignore_ascii_case("streaming") => ResponseMode::Streaming,
            Some(_) => {
                return refuse(
                    StatusCode::BAD_REQUEST,
                    "InvalidFunctionResponseMode",
                    "Invalid function response mode",
                );
            }
        };
        let Some(sender) = self.begin(id, &head.headers) else {
            return unknown_request_id();
        };
        let content_type = text(&head.headers, CONTENT_TYPE.as_str()).map(ToOwned::to_owned);
        // In both cases, sending fails if the environment has just ended. Ignore that.
        match mode {
            ResponseMode::Buffered => {
                let (answer, response) = buffered(content_type, body).await;
                self.end(id);
                let _ = sender.send(answer);
                response
            }
            ResponseMode::Streaming => {
                let (chunks, receiver) = stream::chunks();
                let (end_sender, end) = oneshot::channel();
                let _ = sender.send(RuntimeAnswer::Stream {
                    content_type,
                    chunks: receiver,
                    end,
                });
                let (outcome, response) = streamed(body, chunks).await;
                self.end(id);
                let _ = end_sender.send(outcome);
                response
            }
        }
    }

    /// Handles `POST /runtime/invocation/ID/error`.
    async fn error(&self, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let Some(sender) = self.begin(id, request.headers()) else {
            return unknown_request_id();
        };
        let report = report(request).await;
        self.end(id);
        let _ = sender.send(RuntimeAnswer::Fault(ResponseFault::Error(report)));
        accepted()
    }

    /// Handles `POST /runtime/init/error`.
    async fn init_error(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        {
            let mut progress = self.progress();
            if progress.phase != Phase::Init {
                return wrong_state("the init phase is over");
            }
            progress.phase = Phase::Failed;
        }
        let report = report(request).await;
        self.readiness
            .send_modify(|readiness| readiness.init_error = Some(report));
        accepted()
    }

    /// Returns the channel for the response with this id, if the process still has to respond to it, and notes that the
    /// process is sending the response now.
    fn begin(&self, id: &str, headers: &HeaderMap) -> Option<oneshot::Sender<RuntimeAnswer>> {
        let mut progress = self.progress();
        let unfinished = progress.unfinished.get_mut(id)?;
        match unfinished {
            // Newer runtimes send the invocation id back, so that a late response is not mistaken for that of another
            // invocation.
            UnfinishedAnswer::Awaited { invocation_id, .. }
                if text(headers, INVOCATION_ID).is_none_or(|echo| echo == invocation_id) => {}
            _ => return None,
        }
        match std::mem::replace(unfinished, UnfinishedAnswer::Sending) {
            UnfinishedAnswer::Awaited { answer, .. } => Some(answer),
            UnfinishedAnswer::Sending => None,
        }
    }

    /// Notes that the response has been read to its end.
    fn end(&self, id: &str) {
        self.progress().unfinished.remove(id);
    }
}

async fn buffered(
    content_type: Option<String>,
    body: Incoming,
) -> (RuntimeAnswer, Response<Full<Bytes>>) {
    let limit = MAX_RESPONSE;
    match body::collect(body, limit).await {
        Ok(Collected::Whole(payload)) => (
            RuntimeAnswer::Buffered {
                content_type,
                payload,
            },
            accepted(),
        ),
        Ok(Collected::TooLarge { size }) => (
            RuntimeAnswer::Fault(ResponseFault::TooLarge { size, limit }),
            too_large(limit),
        ),
        Err(error) => (RuntimeAnswer::Fault(broken_off(&error)), truncated()),
    }
}

async fn streamed(
    body: Incoming,
    chunks: ChunkSender,
) -> (Result<(), ResponseFault>, Response<Full<Bytes>>) {
    let limit = MAX_STREAM;
    match body::forward(body, limit, &chunks).await {
        Ok(Forwarded::Whole { trailers }) if trailers.contains_key(ERROR_TYPE) => (
            Err(ResponseFault::Error(midstream_error(&trailers))),
            accepted(),
        ),
        Ok(Forwarded::Whole { .. }) => (Ok(()), accepted()),
        Ok(Forwarded::TooLarge { size }) => (
            Err(ResponseFault::TooLarge { size, limit }),
            too_large(limit),
        ),
        Err(error) => (Err(broken_off(&error)), truncated()),
    }
}

async fn report(request: Request<Incoming>) -> ErrorReport {
    let (head, body) = request.into_parts();
    let header = text(&head.headers, ERROR_TYPE);
    match body::collect(body, MAX_RESPONSE).await {
        Ok(Collected::Whole(bytes)) => ErrorReport::read(header, &bytes),
        Ok(Collected::TooLarge { size }) => ErrorReport::read(
            header,
            format!("an error report of {size} bytes").as_bytes(),
        ),
        Err(error) => ErrorReport::read(
            header,
            format!("an error report that broke off: {error}").as_bytes(),
        ),
    }
}

/// Reads an error that occurred after a part of the stream had been sent. It is in the trailers, with its report in
/// base64.
fn midstream_error(trailers: &HeaderMap) -> ErrorReport {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let report = text(trailers, ERROR_BODY).unwrap_or_default();
    let report = BASE64_STANDARD
        .decode(report)
        .unwrap_or_else(|_| report.into());
    ErrorReport::read(text(trailers, ERROR_TYPE), &report)
}

fn text<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn accepted() -> Response<Full<Bytes>> {
    json_response(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn unknown_request_id() -> Response<Full<Bytes>> {
    refuse(
        StatusCode::BAD_REQUEST,
        "InvalidRequestID",
        "Invalid request ID",
    )
}

fn broken_off(error: &hyper::Error) -> ResponseFault {
    ResponseFault::Broken {
        reason: error.to_string(),
    }
}

fn too_large(limit: usize) -> Response<Full<Bytes>> {
    refuse(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        &format!("Exceeded maximum allowed payload size ({limit} bytes)."),
    )
}

fn truncated() -> Response<Full<Bytes>> {
    refuse(
        StatusCode::BAD_REQUEST,
        "TruncatedHTTPRequest",
        "HTTP request detected as truncated",
    )
}

fn wrong_state(why: &str) -> Response<Full<Bytes>> {
    refuse(
        StatusCode::FORBIDDEN,
        "InvalidStateTransition",
        &format!("State transition is not allowed: {why}"),
    )
}

fn refuse(status: StatusCode, error_type: &str, error_message: &str) -> Response<Full<Bytes>> {
    json_response(
        status,
        &json!({ "errorMessage": error_message, "errorType": error_type }),
    )
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}
