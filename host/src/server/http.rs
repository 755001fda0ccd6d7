//! HTTP requests and responses: permissions, paths and bodies.

pub(crate) mod auth;
pub mod bearer_tokens;
pub mod cors;
pub(crate) mod headers;
mod health;
pub(crate) mod response;
pub mod response_limit;
pub mod sse;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN},
};
use mcp_protocol::{Headers, route};

use self::{
    auth::challenge,
    headers::{is_json, single_header},
    response::{empty, into_response, refusal, respond},
    sse::StreamingResponse,
};
use crate::server::{
    McpServer,
    access_log::AccessLogEntry,
    dispatch::Connection,
    request::{Exposure, IncomingRequest, MAX_BODY},
    session::SESSION_HEADER,
};

impl McpServer {
    /// Handles and logs a request.
    pub async fn handle(&self, incoming: &IncomingRequest<'_>) -> Response<Bytes> {
        self.handle_logged(incoming).await.0
    }

    /// Handles a request. The request is logged when the returned entry is dropped.
    pub(crate) async fn handle_logged(
        &self,
        incoming: &IncomingRequest<'_>,
    ) -> (Response<Bytes>, AccessLogEntry) {
        let mut entry = self.log_entry(incoming, incoming.body.len());
        let mut response = match self.access.origin(incoming.headers, incoming.exposure) {
            Ok(origin) => with_cors(self.route_path(incoming).await, origin),
            Err(refused) => refusal(StatusCode::FORBIDDEN, &refused.to_string()),
        };
        if incoming.method == Method::HEAD {
            // The response to HEAD has the headers of GET, but no body. The body is cleared here because a gateway
            // would pass it on.
            response.body_mut().clear();
        }
        entry.finish(&response);
        (response, entry)
    }

    /// Returns the response that rejects a caller without permission, before the request's body is read; `None` if the
    /// request is not rejected.
    pub(crate) fn reject_early(&self, incoming: &IncomingRequest<'_>) -> Option<Response<Bytes>> {
        let response = match self.access.origin(incoming.headers, incoming.exposure) {
            Ok(origin) => {
                let asks = is_endpoint(incoming.path) && incoming.method != Method::OPTIONS;
                let refused = asks.then(|| self.access.caller(incoming).err()).flatten()?;
                with_cors(challenge(refused), origin)
            }
            Err(refused) => refusal(StatusCode::FORBIDDEN, &refused.to_string()),
        };
        Some(self.log_without_body(incoming, response))
    }

    /// Returns the response to a caller with permission whose request body was not read to its end.
    pub(crate) fn reject_unread_body(
        &self,
        incoming: &IncomingRequest<'_>,
        refusal: Response<Bytes>,
    ) -> Response<Bytes> {
        let response = with_cors(refusal, incoming.headers.get(ORIGIN));
        self.log_without_body(incoming, response)
    }

    /// Logs and returns a response for which the body was not needed.
    pub(crate) fn log_without_body(
        &self,
        incoming: &IncomingRequest<'_>,
        response: Response<Bytes>,
    ) -> Response<Bytes> {
        let mut entry = self.log_entry(incoming, 0);
        entry.finish(&response);
        response
    }

    async fn route_path(&self, incoming: &IncomingRequest<'_>) -> Response<Bytes> {
        if health::is_health_request(incoming) {
            return match self.access.is_trusted(incoming) {
                Ok(is_trusted) => health::health(&self.catalog, is_trusted),
                Err(refused) => challenge(refused),
            };
        }
        // A browser sends a preflight request by itself, without a token.
        if incoming.method == Method::OPTIONS
            && (is_endpoint(incoming.path) || health::is_health_path(incoming.path))
        {
            return cors::preflight(incoming.headers);
        }
        if !is_endpoint(incoming.path) {
            let message = format!(
                "not found: {}; the MCP endpoint is /mcp, and GET /health lists what is served",
                incoming.path
            );
            return refusal(StatusCode::NOT_FOUND, &message);
        }
        let known;
        let incoming = match self.access.caller(incoming) {
            Ok(None) => incoming,
            Ok(Some(caller)) => {
                if let Some(principal) = &caller.principal {
                    incoming.record.set_principal(principal);
                }
                known = IncomingRequest {
                    caller,
                    ..incoming.clone()
                };
                &known
            }
            Err(refused) => return challenge(refused),
        };
        match incoming.method {
            Method::POST => self.post(incoming).await,
            Method::DELETE => match self.sessions.end(incoming).await {
                Ok(()) => empty(StatusCode::NO_CONTENT),
                Err(refused) => respond(refused),
            },
            _ => {
                let message = format!(
                    "the method {} is not supported; use one of {}",
                    incoming.method,
                    cors::METHODS
                );
                let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, &message);
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(cors::METHODS));
                response
            }
        }
    }

    async fn post(&self, incoming: &IncomingRequest<'_>) -> Response<Bytes> {
        if incoming.body.len() > MAX_BODY {
            return too_large();
        }
        if let Some(coding) = content_coding(incoming.headers) {
            return unsupported_coding(&coding);
        }
        let kind = single_header(incoming.headers, CONTENT_TYPE.as_str());
        if let Some(kind) = kind.filter(|kind| !is_json(kind)) {
            let message = format!("the body is {kind:?}; send application/json");
            return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message);
        }
        if let Err(refused) = self.json_limit.check(incoming.body) {
            return respond(refused);
        }
        let [version, method, name] = ["mcp-protocol-version", "mcp-method", "mcp-name"]
            .map(|name| single_header(incoming.headers, name));
        let headers = Headers {
            protocol_version: version.as_deref(),
            method: method.as_deref(),
            name: name.as_deref(),
        };
        let route = route(headers, incoming.body);
        let outcome = self.dispatch(incoming, route, Connection::Store).await;
        let new_session = outcome.new_session;
        let mut response = into_response(outcome);
        if let Some(session) = new_session
            && let Ok(value) = HeaderValue::from_str(&session.to_string())
        {
            response.headers_mut().insert(SESSION_HEADER, value);
        }
        response
    }

    /// Prepares a streamed response to a request with these headers.
    pub(crate) fn streaming_response(
        &self,
        headers: &HeaderMap,
        exposure: Exposure<'_>,
    ) -> StreamingResponse {
        // If the origin is not permitted, the response itself will say so.
        let origin = self.access.origin(headers, exposure).ok().flatten();
        StreamingResponse::new(headers, origin)
    }
}

/// Returns the response to a body of more than [`MAX_BODY`] bytes.
pub(crate) fn too_large() -> Response<Bytes> {
    refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        &format!("the body has more than {MAX_BODY} bytes"),
    )
}

/// Returns the content coding of a body, if the body is encoded.
fn content_coding(headers: &HeaderMap) -> Option<String> {
    let coding = single_header(headers, CONTENT_ENCODING.as_str())?;
    let is_plain = coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    (!is_plain).then(|| coding.into_owned())
}

/// Returns the response to a body with a content coding (RFC 9110, section 15.5.16).
fn unsupported_coding(coding: &str) -> Response<Bytes> {
    let message =
        format!("the content coding {coding:?} is not supported; send the body without one");
    let mut response = refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message);
    let headers = response.headers_mut();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    response
}

/// Adds the CORS headers for the calling web page, if a page made the request.
fn with_cors(mut response: Response<Bytes>, origin: Option<&HeaderValue>) -> Response<Bytes> {
    if let Some(origin) = origin {
        cors::allow(response.headers_mut(), origin);
    }
    response
}

/// Reports whether a path is the endpoint's: `/` or `/mcp`, or `/mcp` below any base path.
fn is_endpoint(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.is_empty() || path.ends_with("/mcp")
}
