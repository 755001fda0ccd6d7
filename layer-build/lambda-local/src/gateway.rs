//! HTTP in front of a function, as API Gateway, a Function URL or a load balancer would put it there.
//!
//! A gateway turns every HTTP request into one event, invokes the function, and turns its answer back into HTTP. Each does so
//! in its own way, and a [`Door`] says which: `rest_api` with payload format 1.0, `http_api` with 2.0, `function_url` with
//! the same, `load_balancer` with a format of its own. Each sends everything to the one function (`ANY /{proxy+}`, `$default`).
//!
//! REST APIs and Function URLs can stream ([`ResponseMode::Streaming`]): what the function streams is handed on as it comes.
//! Before a function that streams all other doors wait for the whole answer, and read it as if it had been given at once.
//!
//! `headers` is what they do to headers. What a door takes and how long it waits are constants here; the rest of its quirks
//! stands with it. No door takes more than Lambda does, where events and answers count as they are in JSON, base64 and all.
//!
//! Left out: authorizers, CORS configuration, API keys, throttling, caching, custom domains, TLS.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header::UPGRADE, request::Parts};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    time::{self, Instant},
};

use crate::{
    body::{self, Collected},
    error::InvokeError,
    function::{Function, ResponseMode},
    server::{Ends, Server},
};
use client::ClientRequest;
use integration::{Failure, Malformed};
use rest_api::Binary;
use streaming::{Limits, Streamed};

mod client;
mod clock;
mod function_url;
mod headers;
mod http_api;
mod integration;
mod load_balancer;
mod rest_api;
mod streaming;

/// The largest body a client may send through API Gateway. Unit: bytes.
/// Source: "Quotas for configuring and running a REST API" and the same for HTTP APIs, payload size: 10 MB.
pub const LARGEST_PAYLOAD: usize = 10 << 20;

/// The largest request line and headers a client may send through API Gateway, together. Unit: bytes.
/// Source: "Quotas for configuring and running an HTTP API", total combined size of request line and header values, and the same
/// for REST APIs: 10,240. The status for more, 431, is not documented.
pub const LARGEST_HEADERS: usize = 10_240;

/// The largest body of a request to a Function URL. Unit: bytes. Source: "Lambda quotas", invocation payload: 6 MB.
pub const LARGEST_PAYLOAD_OF_URL: usize = 6 << 20;

/// The largest body of a request that a load balancer hands to a function, and of the answer. Unit: bytes.
/// Source: "Use Lambda functions as targets of an Application Load Balancer", limits: 1 MB.
pub const LARGEST_PAYLOAD_OF_LOAD_BALANCER: usize = 1 << 20;

/// How long a load balancer waits for a function. Unit: seconds; default 60.
/// Source: "Edit attributes for your Application Load Balancer", connection idle timeout.
pub const LOAD_BALANCER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a Function URL waits: as long as a function can run. Unit: seconds.
/// Source: "Lambda quotas", function timeout.
pub const FUNCTION_URL_TIMEOUT: Duration = Duration::from_secs(900);

/// How long a REST API waits for the function. Unit: seconds; default 29, more only by a quota increase.
/// Source: "Quotas for configuring and running a REST API", integration timeout.
pub const REST_API_TIMEOUT: Duration = Duration::from_secs(29);

/// How long a REST API that streams waits for the end of the stream, at most. Unit: seconds; 29 unless configured.
/// Source: "Stream the integration response for your proxy integrations in API Gateway", considerations: 15 minutes.
pub const STREAMING_REST_API_TIMEOUT: Duration = Duration::from_secs(900);

/// How long a stream through a REST API may pause. Unit: seconds.
/// Source: the same: 5 minutes for regional and private endpoints, 30 seconds for edge-optimized ones.
pub const REST_API_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long an HTTP API waits for the function. Unit: seconds; 30 at most.
/// Source: "Quotas for configuring and running an HTTP API", maximum integration timeout.
pub const HTTP_API_TIMEOUT: Duration = Duration::from_secs(30);

/// What stands in front of the function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Door {
    /// An HTTP API, payload format 2.0.
    HttpApi {
        /// Its stage; `$default` is not part of the URL.
        stage: String,
    },
    /// A REST API, payload format 1.0.
    RestApi {
        /// Its stage, always the first segment of the URL.
        stage: String,
        /// The response transfer mode of its integration: `BUFFERED` or `STREAM`.
        mode: ResponseMode,
        /// What comes and goes in base64, `*/*` for everything; all else is text, whatever becomes of it.
        binary_media_types: Vec<String>,
    },
    /// A URL of the function's own, payload format 2.0.
    FunctionUrl {
        /// Its invoke mode: `BUFFERED` or `RESPONSE_STREAM`.
        mode: ResponseMode,
    },
    /// An Application Load Balancer.
    LoadBalancer {
        /// Whether headers and parameters have lists of values (`lambda.multi_value_headers.enabled`).
        multi_value: bool,
    },
}

/// A running gateway, stopped on drop.
pub struct Gateway {
    address: SocketAddr,
    url: String,
    front: Arc<Front>,
    _server: Server,
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Door {
    /// A REST API with this stage, which waits for the whole answer; nothing is binary for it.
    pub fn rest_api(stage: impl Into<String>) -> Self {
        Self::RestApi {
            stage: stage.into(),
            mode: ResponseMode::Buffered,
            binary_media_types: Vec::new(),
        }
    }

    /// The same, but it streams.
    pub fn streaming_rest_api(stage: impl Into<String>) -> Self {
        Self::RestApi {
            stage: stage.into(),
            mode: ResponseMode::Streaming,
            binary_media_types: Vec::new(),
        }
    }

    /// A Function URL that waits for the whole answer.
    pub fn function_url() -> Self {
        Self::FunctionUrl {
            mode: ResponseMode::Buffered,
        }
    }

    /// A Function URL that streams.
    pub fn streaming_function_url() -> Self {
        Self::FunctionUrl {
            mode: ResponseMode::Streaming,
        }
    }

    /// An HTTP API with this stage, usually `$default`.
    pub fn http_api(stage: impl Into<String>) -> Self {
        Self::HttpApi {
            stage: stage.into(),
        }
    }

    /// How long it waits for the function unless told otherwise.
    pub fn integration_timeout(&self) -> Duration {
        match self {
            Self::RestApi {
                mode: ResponseMode::Streaming,
                ..
            } => STREAMING_REST_API_TIMEOUT,
            Self::RestApi { .. } => REST_API_TIMEOUT,
            Self::HttpApi { .. } => HTTP_API_TIMEOUT,
            Self::FunctionUrl { .. } => FUNCTION_URL_TIMEOUT,
            Self::LoadBalancer { .. } => LOAD_BALANCER_TIMEOUT,
        }
    }

    /// The largest body a client may send. Unit: bytes.
    pub fn largest_payload(&self) -> usize {
        match self {
            Self::RestApi { .. } | Self::HttpApi { .. } => LARGEST_PAYLOAD,
            Self::FunctionUrl { .. } => LARGEST_PAYLOAD_OF_URL,
            Self::LoadBalancer { .. } => LARGEST_PAYLOAD_OF_LOAD_BALANCER,
        }
    }

    /// The largest line and headers a client may send, where that is documented. Unit: bytes.
    pub fn largest_headers(&self) -> Option<usize> {
        match self {
            Self::RestApi { .. } | Self::HttpApi { .. } => Some(LARGEST_HEADERS),
            Self::FunctionUrl { .. } | Self::LoadBalancer { .. } => None,
        }
    }

    /// The stage as it stands in URLs: a slash and a name, or nothing.
    fn stage_segment(&self) -> String {
        match self {
            Self::HttpApi { stage } if stage == http_api::DEFAULT_STAGE => String::new(),
            Self::HttpApi { stage } | Self::RestApi { stage, .. } => format!("/{stage}"),
            Self::FunctionUrl { .. } | Self::LoadBalancer { .. } => String::new(),
        }
    }

    fn streams(&self) -> bool {
        matches!(
            self,
            Self::RestApi {
                mode: ResponseMode::Streaming,
                ..
            } | Self::FunctionUrl {
                mode: ResponseMode::Streaming
            }
        )
    }

    /// How long a stream may pause, where there is a limit.
    fn idle_timeout(&self) -> Option<Duration> {
        matches!(self, Self::RestApi { .. }).then_some(REST_API_IDLE_TIMEOUT)
    }
}

impl Gateway {
    /// Puts a gateway in front of `function` that listens on `listen`.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(
        function: Function,
        door: Door,
        listen: SocketAddr,
    ) -> Result<Self, GatewayError> {
        let timeout = door.integration_timeout();
        Self::start_with_timeout(function, door, listen, timeout).await
    }

    /// The same with another integration timeout, which an operator can lower, and for a REST API raise.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start_with_timeout(
        function: Function,
        door: Door,
        listen: SocketAddr,
        timeout: Duration,
    ) -> Result<Self, GatewayError> {
        let failed = |source| GatewayError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let url = format!("http://{}{}", reachable(address), door.stage_segment());
        let front = Arc::new(Front {
            function: Mutex::new(function),
            door,
            timeout,
        });
        let served = Arc::clone(&front);
        let server = Server::start(listener, move |ends, request| {
            let front = Arc::clone(&served);
            async move { front.answer(ends, request).await }
        });
        Ok(Self {
            address,
            url,
            front,
            _server: server,
        })
    }

    /// Hands what comes from now on to another function, as when the alias that an integration names moves on. What is
    /// under way ends where it began.
    pub fn switch(&self, function: Function) {
        *self.front.function() = function;
    }

    /// The base URL with the stage where it belongs in the URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What kind it is.
    pub fn door(&self) -> &Door {
        &self.front.door
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The body of an answer: what there is of it, or what arrives.
type Reply = Either<Full<Bytes>, Streamed>;

struct Front {
    function: Mutex<Function>,
    door: Door,
    timeout: Duration,
}

impl Front {
    fn function(&self) -> MutexGuard<'_, Function> {
        self.function.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, ends: Ends, request: Request<Incoming>) -> Response<Reply> {
        match self.integrate(ends, request).await {
            Ok(response) => response,
            Err(failure) => match self.door {
                Door::RestApi { .. } => rest_api::failure(failure),
                Door::HttpApi { .. } => http_api::failure(failure),
                Door::FunctionUrl { .. } => function_url::failure(failure),
                Door::LoadBalancer { .. } => load_balancer::failure(failure),
            }
            .map(Either::Left),
        }
    }

    async fn integrate(
        &self,
        ends: Ends,
        request: Request<Incoming>,
    ) -> Result<Response<Reply>, Failure> {
        let (head, body) = request.into_parts();
        if self
            .door
            .largest_headers()
            .is_some_and(|limit| size_of_head(&head) > limit)
        {
            return Err(Failure::HeadersTooLarge);
        }
        // Web sockets are refused by the load balancer itself; other doors drop the header.
        if matches!(self.door, Door::LoadBalancer { .. }) && head.headers.contains_key(UPGRADE) {
            return Err(Failure::BadRequest);
        }
        let body = match body::collect(body, self.door.largest_payload()).await {
            Ok(Collected::Whole(bytes)) => bytes,
            Ok(Collected::TooLarge { .. }) => return Err(Failure::PayloadTooLarge),
            // The client is gone, and with it whoever would read this.
            Err(_) => return Err(Failure::BadRequest),
        };
        let path = behind_stage(head.uri.path(), &self.door.stage_segment())
            .ok_or(Failure::NoSuchStage)?;
        let request = ClientRequest::new(&head, path, body, ends);
        // Of this request's own, so that it lives until the answer is there.
        let function = self.function().clone();
        let region = &function.config().region;
        let event = match &self.door {
            Door::RestApi {
                stage,
                binary_media_types,
                ..
            } => rest_api::event(&request, stage, &Binary(binary_media_types))?,
            Door::HttpApi { stage } => http_api::event(&request, stage),
            Door::FunctionUrl { .. } => function_url::event(&request, region),
            Door::LoadBalancer { multi_value } => {
                load_balancer::event(&request, *multi_value, region)
            }
        };
        let until = Instant::now() + self.timeout;
        let invocation = self.invoke(&function, event, &request, until);
        match time::timeout_at(until, invocation).await {
            Ok(Ok(response)) => response,
            Ok(Err(InvokeError::RequestTooLarge { .. })) => Err(Failure::PayloadTooLarge),
            // The function has put the story into its logs.
            Ok(Err(_)) => Err(Failure::Integration),
            Err(_) => {
                let seconds = self.timeout.as_secs_f64();
                function.log(format!(
                    "gateway: the function had not answered after {seconds:.2} seconds, the integration timeout"
                ));
                Err(Failure::TimedOut)
            }
        }
    }

    /// The function's answer as HTTP: the whole of it, or where the door streams its beginning.
    async fn invoke(
        &self,
        function: &Function,
        event: Value,
        request: &ClientRequest,
        until: Instant,
    ) -> Result<Result<Response<Reply>, Failure>, InvokeError> {
        let begun = function
            .begin(event.to_string().into(), request.trace_id.clone())
            .await?;
        let id = begun.request_id.clone();
        let refused = |Malformed(why)| {
            function.log(format!(
                "RequestId: {id} gateway: malformed Lambda proxy response: {why}"
            ));
            Failure::Integration
        };
        if !self.door.streams() {
            let answer = function.whole(begun).await?;
            let response = match &self.door {
                Door::RestApi {
                    binary_media_types, ..
                } => {
                    let accept = request.header("accept");
                    rest_api::response(&answer, accept.as_deref(), &Binary(binary_media_types))
                }
                Door::HttpApi { .. } => http_api::response(&answer, &headers::HTTP_API),
                Door::FunctionUrl { .. } => function_url::response(&answer),
                Door::LoadBalancer { multi_value } => {
                    load_balancer::response(&answer, *multi_value)
                }
            };
            return Ok(response
                .map(|response| response.map(Either::Left))
                .map_err(refused));
        }
        let opened = match streaming::open(begun).await? {
            Ok(opened) => opened,
            Err(malformed) => return Ok(Err(refused(malformed))),
        };
        let head = match &self.door {
            Door::RestApi { .. } => rest_api::streamed(&opened),
            _ => function_url::streamed(&opened),
        };
        let idle = self.door.idle_timeout();
        let body = opened.body(Limits { until, idle }, function.clone());
        Ok(head
            .map(|head| head.map(|_| Either::Right(body)))
            .map_err(refused))
    }
}

/// The path behind the stage, starting with a slash; none when the path leads to another stage.
fn behind_stage<'path>(path: &'path str, segment: &str) -> Option<&'path str> {
    match path.strip_prefix(segment)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// The size of the request line and of the headers. Unit: bytes.
fn size_of_head(head: &Parts) -> usize {
    let line = head.method.as_str().len()
        + head
            .uri
            .path_and_query()
            .map_or(0, |path| path.as_str().len());
    let headers = head.headers.iter();
    line + headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum::<usize>()
}

/// An address a client can connect to, also when we listen on all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_is_the_first_segment_of_the_path() {
        for (path, segment, behind) in [
            ("/prod/a/b", "/prod", Some("/a/b")),
            ("/prod/", "/prod", Some("/")),
            ("/prod", "/prod", Some("/")),
            ("/production", "/prod", None),
            ("/test/a", "/prod", None),
            ("/", "/prod", None),
            ("/a", "", Some("/a")),
            ("/", "", Some("/")),
        ] {
            assert_eq!(
                behind_stage(path, segment),
                behind,
                "path: {path}, stage: {segment:?}"
            );
        }
    }
}
