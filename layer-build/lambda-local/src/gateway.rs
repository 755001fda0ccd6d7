//! Serves HTTP in front of a function, as API Gateway, a Function URL or a load balancer does.
//!
//! A gateway converts every HTTP request to one event, invokes the function, and converts its response to an HTTP
//! response. The [`FrontDoor`] selects the kind of gateway, which defines the format of events: a REST API (`rest_api`)
//! uses payload format 1.0, an HTTP API (`http_api`) and a Function URL (`function_url`) use 2.0, and a load balancer
//! (`load_balancer`) has its own format. Every kind sends all requests to one function (`ANY /{proxy+}`, `$default`).
//!
//! REST APIs and Function URLs can stream: they forward a streamed response as it arrives. The other front doors wait
//! for the complete response, and handle it as if it had not been streamed.
//!
//! The module `headers` describes what front doors do with headers, and `kind` has their limits and timeouts. The other
//! peculiarities of each kind are in its own module. Lambda's own size limits apply too: they count events and
//! responses as JSON, in which bodies may be in base64.
//!
//! Not supported: authorizers, CORS configuration, API keys, throttling, caching, custom domains, TLS.

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
    function::Function,
    server::{PeerAddrs, Server},
};
use failure::GatewayFailure;
use integration::MalformedAnswer;
pub use kind::{
    FUNCTION_URL_TIMEOUT, FrontDoor, HTTP_API_TIMEOUT, LOAD_BALANCER_TIMEOUT,
    MAX_FUNCTION_URL_PAYLOAD, MAX_HEADERS_SIZE, MAX_LOAD_BALANCER_PAYLOAD, MAX_PAYLOAD,
    REST_API_IDLE_TIMEOUT, REST_API_TIMEOUT, STREAMING_REST_API_TIMEOUT,
};
use request::ClientRequest;
use rest_api::BinaryMediaTypes;
use streaming::{StreamBody, StreamLimits};

mod clock;
mod failure;
mod function_url;
mod headers;
mod http_api;
mod integration;
mod kind;
mod load_balancer;
mod request;
mod rest_api;
mod streaming;

/// A running gateway. It stops when it is dropped.
pub struct Gateway {
    address: SocketAddr,
    url: String,
    state: Arc<GatewayState>,
    _server: Server,
}

/// The reason why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The gateway cannot listen on the address.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The error from the operating system.
        source: io::Error,
    },
}

impl Gateway {
    /// Starts a gateway in front of `function` that listens on `listen`.
    ///
    /// # Errors
    ///
    /// If the gateway cannot listen on the address.
    pub async fn start(
        function: Function,
        front_door: FrontDoor,
        listen: SocketAddr,
    ) -> Result<Self, GatewayError> {
        let timeout = front_door.integration_timeout();
        Self::start_with_timeout(function, front_door, listen, timeout).await
    }

    /// Starts a gateway with this integration timeout instead of the default. On AWS, operators can lower it, and for a
    /// REST API also raise it.
    ///
    /// # Errors
    ///
    /// If the gateway cannot listen on the address.
    pub async fn start_with_timeout(
        function: Function,
        front_door: FrontDoor,
        listen: SocketAddr,
        timeout: Duration,
    ) -> Result<Self, GatewayError> {
        let failed = |source| GatewayError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let url = format!(
            "http://{}{}",
            reachable(address),
            front_door.stage_segment()
        );
        let state = Arc::new(GatewayState {
            function: Mutex::new(function),
            front_door,
            timeout,
        });
        let serving = Arc::clone(&state);
        let server = Server::start(listener, move |addrs, request| {
            let state = Arc::clone(&serving);
            async move { state.answer(addrs, request).await }
        });
        Ok(Self {
            address,
            url,
            state,
            _server: server,
        })
    }

    /// Sends all later requests to another function, as happens on AWS when an alias is pointed to another version.
    /// Requests in progress are finished by the previous function.
    pub fn switch(&self, function: Function) {
        *self.state.function() = function;
    }

    /// Returns the base URL, with the stage if it belongs in the URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the kind of this gateway.
    pub fn front_door(&self) -> &FrontDoor {
        &self.state.front_door
    }

    /// Returns the address that it listens on.
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

/// The body of a response: complete, or streamed.
type Reply = Either<Full<Bytes>, StreamBody>;

struct GatewayState {
    function: Mutex<Function>,
    front_door: FrontDoor,
    timeout: Duration,
}

impl GatewayState {
    fn function(&self) -> MutexGuard<'_, Function> {
        self.function.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, addrs: PeerAddrs, request: Request<Incoming>) -> Response<Reply> {
        match self.handle(addrs, request).await {
            Ok(response) => response,
            Err(failure) => failure.response(&self.front_door).map(Either::Left),
        }
    }

    async fn handle(
        &self,
        addrs: PeerAddrs,
        request: Request<Incoming>,
    ) -> Result<Response<Reply>, GatewayFailure> {
        let (head, body) = request.into_parts();
        let body = match body::collect(body, self.front_door.max_payload()).await {
            Ok(Collected::Whole(bytes)) => bytes,
            Ok(Collected::TooLarge { .. }) => return Err(GatewayFailure::PayloadTooLarge),
            // The connection has failed, so the client cannot read this response.
            Err(_) => return Err(GatewayFailure::BadRequest),
        };
        let limit = self.front_door.max_headers_size();
        if limit.is_some_and(|limit| head_size(&head) > limit) {
            return Err(GatewayFailure::HeadersTooLarge);
        }
        // A load balancer rejects requests for web sockets itself. Other front doors remove the header.
        if matches!(self.front_door, FrontDoor::LoadBalancer { .. })
            && head.headers.contains_key(UPGRADE)
        {
            return Err(GatewayFailure::BadRequest);
        }
        let path = strip_stage(head.uri.path(), &self.front_door.stage_segment())
            .ok_or(GatewayFailure::NoSuchStage)?;
        let request = ClientRequest::new(&head, path, body, addrs);
        // Hold a handle for this request, so that the function exists until the response is complete.
        let function = self.function().clone();
        let region = &function.config().region;
        let event = match &self.front_door {
            FrontDoor::RestApi {
                stage,
                binary_media_types,
                ..
            } => rest_api::event(&request, stage, &BinaryMediaTypes(binary_media_types))?,
            FrontDoor::HttpApi { stage } => http_api::event(&request, stage),
            FrontDoor::FunctionUrl { .. } => function_url::event(&request, region),
            FrontDoor::LoadBalancer { multi_value } => {
                load_balancer::event(&request, *multi_value, region)
            }
        };
        let until = Instant::now() + self.timeout;
        let invocation = self.invoke(&function, event, &request, until);
        match time::timeout_at(until, invocation).await {
            Ok(Ok(response)) => response,
            Ok(Err(InvokeError::RequestTooLarge { .. })) => Err(GatewayFailure::PayloadTooLarge),
            // The function has logged the reason.
            Ok(Err(_)) => Err(GatewayFailure::Integration),
            Err(_) => {
                let seconds = self.timeout.as_secs_f64();
                function.log(format!(
                    "gateway: the function did not answer within {seconds:.2} seconds, the integration timeout"
                ));
                Err(GatewayFailure::TimedOut)
            }
        }
    }

    /// Invokes the function, and returns its response as HTTP: the complete response, or its beginning if the front
    /// door streams.
    async fn invoke(
        &self,
        function: &Function,
        event: Value,
        request: &ClientRequest,
        until: Instant,
    ) -> Result<Result<Response<Reply>, GatewayFailure>, InvokeError> {
        let started = function
            .start_traced(event.to_string().into(), None, request.trace_id.clone())
            .await?;
        let id = started.request_id.clone();
        let refused = |MalformedAnswer(why)| {
            function.log(format!(
                "RequestId: {id} gateway: malformed Lambda proxy response: {why}"
            ));
            GatewayFailure::Integration
        };
        if !self.front_door.streams() {
            let answer = function.collect(started).await?;
            let response = match &self.front_door {
                FrontDoor::RestApi {
                    binary_media_types, ..
                } => {
                    let accept = request.header("accept");
                    rest_api::response(
                        &answer,
                        accept.as_deref(),
                        &BinaryMediaTypes(binary_media_types),
                    )
                }
                FrontDoor::HttpApi { .. } => http_api::response(&answer, &headers::HTTP_API),
                FrontDoor::FunctionUrl { .. } => function_url::response(&answer),
                FrontDoor::LoadBalancer { multi_value } => {
                    load_balancer::response(&answer, *multi_value)
                }
            };
            return Ok(response
                .map(|response| response.map(Either::Left))
                .map_err(refused));
        }
        let stream_head = match streaming::read_head(started).await? {
            Ok(stream_head) => stream_head,
            Err(malformed) => return Ok(Err(refused(malformed))),
        };
        let head = match &self.front_door {
            FrontDoor::RestApi { .. } => rest_api::streamed_response(&stream_head),
            _ => function_url::streamed_response(&stream_head),
        };
        let idle = self.front_door.idle_timeout();
        let body = stream_head.body(StreamLimits { until, idle }, function.clone());
        Ok(head
            .map(|head| head.map(|_| Either::Right(body)))
            .map_err(refused))
    }
}

/// Returns the path after the stage, with a leading slash; `None` if the path belongs to another stage.
fn strip_stage<'path>(path: &'path str, segment: &str) -> Option<&'path str> {
    match path.strip_prefix(segment)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// Returns the size of the request line and of the headers. Unit: bytes.
fn head_size(head: &Parts) -> usize {
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

/// Returns an address that a client can connect to, even if the gateway listens on all addresses.
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
                strip_stage(path, segment),
                behind,
                "path: {path}, stage: {segment:?}"
            );
        }
    }
}
