//! The HTTP server a process fetches its events from, one per execution environment.
//!
//! The process drives: it asks for the next event and is kept waiting until there is one, posts its answer or an error
//! under the request id it got, and asks again. Its first question ends the init phase. The environment on our side
//! hands in a [`Delivery`] and learns by [`RuntimeEvent`]s, in the order the process did things, what became of it.
//!
//! Sources: "Using the Lambda runtime API for custom runtimes"; the bodies of refusals follow the Runtime Interface
//! Emulator that AWS publishes (`lambda/rapi/rendering`).

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc},
};
use uuid::Uuid;

use crate::{
    body::{self, Collected, Passed},
    error::ErrorReport,
    function::ResponseMode,
    server::Server,
    stream::{self, Arriving, Chunks},
};

/// The largest event. Unit: bytes. Source: "Lambda quotas", invocation payload, synchronous: 6 MB.
pub(crate) const LARGEST_REQUEST: usize = 6 << 20;

/// The largest buffered answer. Unit: bytes. Source: the error text of Lambda itself; 6 MB and a little for the frame.
pub(crate) const LARGEST_RESPONSE: usize = (6 << 20) + 100;

/// The largest streamed answer. Unit: bytes. Source: "Response streaming for Lambda functions": 200 MB by default.
const LARGEST_STREAM: usize = 200 << 20;

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";
const FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";
const TRACE_ID: &str = "lambda-runtime-trace-id";
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// An event on its way to the process.
pub(crate) struct Delivery {
    pub(crate) request_id: String,
    /// When the process will be killed. Unit: milliseconds since 1970.
    pub(crate) deadline_ms: u128,
    pub(crate) function_arn: String,
    pub(crate) trace_id: String,
    pub(crate) event: Bytes,
}

/// What the process did.
pub(crate) enum RuntimeEvent {
    /// It asked for an event, and waits.
    Next,
    /// It gave up initializing.
    InitError(ErrorReport),
    /// It answered the delivery it has, or began to.
    Answer(Answer),
    /// The stream it began has come to its end.
    StreamEnd(Result<(), Flaw>),
}

/// What a process made of a delivery.
pub(crate) enum Answer {
    Buffered {
        content_type: Option<String>,
        payload: Bytes,
    },
    /// There is more to come, and a [`RuntimeEvent::StreamEnd`] after it.
    Stream {
        content_type: Option<String>,
        chunks: Arriving,
    },
    Flawed(Flaw),
}

/// Why an answer is none, or not all of one.
pub(crate) enum Flaw {
    Error(ErrorReport),
    TooLarge { size: usize, limit: usize },
    Broken { reason: String },
}

/// A listening Runtime API. Dropping it closes it.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    deliveries: mpsc::UnboundedSender<Delivery>,
    events: mpsc::UnboundedReceiver<RuntimeEvent>,
    server: Server,
}

impl RuntimeApi {
    /// Listens on a free port of the loopback interface.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (deliveries, delivered) = mpsc::unbounded_channel();
        let (sender, events) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk {
            deliveries: AsyncMutex::new(delivered),
            events: sender,
            progress: Mutex::new(Progress::Init),
        });
        let server = Server::start(listener, move |_, request| {
            let desk = Arc::clone(&desk);
            async move { desk.answer(request).await }
        });
        Ok(Self {
            address,
            deliveries,
            events,
            server,
        })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` has to say.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lays an event ready for the next question of the process.
    pub(crate) fn deliver(&self, delivery: Delivery) {
        // The receiver lives as long as the server, and the server as long as we do.
        let _ = self.deliveries.send(delivery);
    }

    /// Waits for what the process does next.
    pub(crate) async fn event(&mut self) -> RuntimeEvent {
        match self.events.recv().await {
            Some(event) => event,
            // The server is gone, so nothing will happen any more: let the caller's other reasons to wake up decide.
            None => std::future::pending().await,
        }
    }

    /// What the process managed to say before it ended. `limit` bounds the wait for its connections to close.
    pub(crate) async fn last_event(&mut self, limit: Duration) -> Option<RuntimeEvent> {
        self.server.drain(limit).await;
        self.events.try_recv().ok()
    }
}

/// The server's side: where questions of the process are answered.
struct Desk {
    deliveries: AsyncMutex<mpsc::UnboundedReceiver<Delivery>>,
    events: mpsc::UnboundedSender<RuntimeEvent>,
    progress: Mutex<Progress>,
}

/// Where the process stands.
enum Progress {
    /// It has not asked for an event yet.
    Init,
    /// It reported that it cannot initialize.
    Failed,
    /// It waits for an event.
    Waiting,
    /// It has this event and owes the answer.
    Busy {
        request_id: String,
        invocation_id: String,
    },
    /// It is sending the answer.
    Answering,
    /// It has answered and not asked again.
    Answered,
}

impl Desk {
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

    /// `GET /runtime/invocation/next`: held open until there is an event.
    async fn next(&self) -> Response<Full<Bytes>> {
        {
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            match &*progress {
                Progress::Failed => {
                    return wrong_state("an error of the init phase was reported before");
                }
                Progress::Busy { request_id, .. } => {
                    return wrong_state(&format!(
                        "the invocation {request_id} is not answered yet"
                    ));
                }
                Progress::Answering => return wrong_state("the answer is not complete yet"),
                Progress::Init | Progress::Waiting | Progress::Answered => {
                    *progress = Progress::Waiting
                }
            }
            self.tell(RuntimeEvent::Next);
        }
        let Some(delivery) = self.deliveries.lock().await.recv().await else {
            return wrong_state("the environment has ended");
        };
        let invocation_id = Uuid::new_v4().to_string();
        let response = Response::builder()
            .header(CONTENT_TYPE, "application/json")
            .header(REQUEST_ID, &delivery.request_id)
            .header(DEADLINE_MS, delivery.deadline_ms.to_string())
            .header(FUNCTION_ARN, delivery.function_arn)
            .header(TRACE_ID, delivery.trace_id)
            .header(INVOCATION_ID, &invocation_id)
            .body(Full::new(delivery.event));
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Progress::Busy {
            request_id: delivery.request_id,
            invocation_id,
        };
        response.unwrap_or_else(|error| {
            // Only a function name that is no header text leads here.
            refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                &error.to_string(),
            )
        })
    }

    /// `POST /runtime/invocation/ID/response`
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
        if !self.begins(id, &head.headers) {
            return unknown_request_id();
        }
        let content_type = text(&head.headers, CONTENT_TYPE.as_str()).map(ToOwned::to_owned);
        let (event, response) = match mode {
            ResponseMode::Buffered => {
                let (answer, response) = buffered(content_type, body).await;
                (RuntimeEvent::Answer(answer), response)
            }
            ResponseMode::Streaming => {
                let (chunks, arriving) = stream::chunks();
                self.tell(RuntimeEvent::Answer(Answer::Stream {
                    content_type,
                    chunks: arriving,
                }));
                let (end, response) = streamed(body, chunks).await;
                (RuntimeEvent::StreamEnd(end), response)
            }
        };
        self.ends(event);
        response
    }

    /// `POST /runtime/invocation/ID/error`
    async fn error(&self, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if !self.begins(id, request.headers()) {
            return unknown_request_id();
        }
        let report = report(request).await;
        self.ends(RuntimeEvent::Answer(Answer::Flawed(Flaw::Error(report))));
        accepted()
    }

    /// `POST /runtime/init/error`
    async fn init_error(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        {
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            if !matches!(*progress, Progress::Init) {
                return wrong_state("the init phase is over");
            }
            *progress = Progress::Failed;
        }
        let report = report(request).await;
        self.tell(RuntimeEvent::InitError(report));
        accepted()
    }

    /// Whether the process owes an answer under this id. It is taken to be the one it sends now.
    fn begins(&self, id: &str, headers: &HeaderMap) -> bool {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = match &*progress {
            Progress::Busy {
                request_id,
                invocation_id,
            } => {
                // Newer runtimes echo the invocation id, so that a late answer cannot pass for another one.
                let echo = text(headers, INVOCATION_ID);
                request_id == id && echo.is_none_or(|echo| echo == invocation_id)
            }
            _ => false,
        };
        if owed {
            *progress = Progress::Answering;
        }
        owed
    }

    /// The answer has been read to its end.
    fn ends(&self, event: RuntimeEvent) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Progress::Answered;
        self.tell(event);
    }

    fn tell(&self, event: RuntimeEvent) {
        // Nobody listens any more when the environment has just ended.
        let _ = self.events.send(event);
    }
}

async fn buffered(content_type: Option<String>, body: Incoming) -> (Answer, Response<Full<Bytes>>) {
    let limit = LARGEST_RESPONSE;
    match body::collect(body, limit).await {
        Ok(Collected::Whole(payload)) => (
            Answer::Buffered {
                content_type,
                payload,
            },
            accepted(),
        ),
        Ok(Collected::TooLarge { size }) => (
            Answer::Flawed(Flaw::TooLarge { size, limit }),
            too_large(limit),
        ),
        Err(error) => (Answer::Flawed(broken(&error)), truncated()),
    }
}

async fn streamed(body: Incoming, chunks: Chunks) -> (Result<(), Flaw>, Response<Full<Bytes>>) {
    let limit = LARGEST_STREAM;
    match body::pass_on(body, limit, &chunks).await {
        Ok(Passed::Whole { trailers }) if trailers.contains_key(ERROR_TYPE) => {
            (Err(Flaw::Error(midstream_error(&trailers))), accepted())
        }
        Ok(Passed::Whole { .. }) => (Ok(()), accepted()),
        Ok(Passed::TooLarge { size }) => (Err(Flaw::TooLarge { size, limit }), too_large(limit)),
        Err(error) => (Err(broken(&error)), truncated()),
    }
}

async fn report(request: Request<Incoming>) -> ErrorReport {
    let (head, body) = request.into_parts();
    let header = text(&head.headers, ERROR_TYPE);
    match body::collect(body, LARGEST_RESPONSE).await {
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

/// An error that struck when part of a stream was out: it comes in the trailers, its report in base64.
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

fn broken(error: &hyper::Error) -> Flaw {
    Flaw::Broken {
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
