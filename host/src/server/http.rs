//! What is HTTP about a request and its answer: who may call, what is at which path, and what a body may be.

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
    header::{ALLOW, CONTENT_TYPE, ORIGIN},
};
use mcp_protocol::{Headers, route};

use self::{
    auth::challenge,
    headers::{header, is_json},
    response::{empty, refusal, respond, respond_whole},
    sse::Opening,
};
use crate::server::{
    McpServer,
    access_log::Line,
    dispatch::Connection,
    request::{Incoming, MAX_BODY, Reached},
    session::SESSION_HEADER,
};

impl McpServer {
    /// Answer a request, and tell the operator of it.
    pub async fn answer(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        self.answer_with_line(incoming).await.0
    }

    /// Answer a request; the operator is told of it once the line is dropped.
    pub(crate) async fn answer_with_line(
        &self,
        incoming: &Incoming<'_>,
    ) -> (Response<Bytes>, Line) {
        let mut line = self.line(incoming, incoming.body.len());
        let response = match self.access.origin(incoming.headers, incoming.reached) {
            Ok(origin) => readable(self.endpoint(incoming).await, origin),
            Err(refused) => refusal(StatusCode::FORBIDDEN, &refused.to_string()),
        };
        line.end(&response);
        (response, line)
    }

    /// The answer to whoever may not call, which needs nothing of the request's body.
    pub(crate) fn refuses(&self, incoming: &Incoming<'_>) -> Option<Response<Bytes>> {
        let response = match self.access.origin(incoming.headers, incoming.reached) {
            Ok(origin) => {
                let asks = is_endpoint(incoming.path) && incoming.method != Method::OPTIONS;
                let refused = asks.then(|| self.access.caller(incoming).err()).flatten()?;
                readable(challenge(refused), origin)
            }
            Err(refused) => refusal(StatusCode::FORBIDDEN, &refused.to_string()),
        };
        Some(self.told(incoming, response))
    }

    /// The answer to whoever may call, but has sent a body that was not read to its end.
    pub(crate) fn answer_unread(
        &self,
        incoming: &Incoming<'_>,
        refusal: Response<Bytes>,
    ) -> Response<Bytes> {
        let response = readable(refusal, incoming.headers.get(ORIGIN));
        self.told(incoming, response)
    }

    /// An answer that needed nothing of the body, and of which the operator was told.
    fn told(&self, incoming: &Incoming<'_>, response: Response<Bytes>) -> Response<Bytes> {
        let mut line = self.line(incoming, 0);
        line.end(&response);
        response
    }

    async fn endpoint(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        if health::is_asked_for(incoming) {
            return match self.access.is_trusted(incoming) {
                Ok(is_trusted) => health::health(&self.catalog, is_trusted),
                Err(refused) => challenge(refused),
            };
        }
        // A browser asks this by itself, and has no token for it.
        if incoming.method == Method::OPTIONS
            && (is_endpoint(incoming.path) || health::is_at(incoming.path))
        {
            return cors::preflight(incoming.headers);
        }
        if !is_endpoint(incoming.path) {
            let message = format!(
                "there is nothing at {}; the MCP endpoint is /mcp, and GET /health tells what is served",
                incoming.path
            );
            return refusal(StatusCode::NOT_FOUND, &message);
        }
        let known;
        let incoming = match self.access.caller(incoming) {
            Ok(None) => incoming,
            Ok(Some(caller)) => {
                if let Some(principal) = &caller.principal {
                    incoming.record.comes_from(principal);
                }
                known = Incoming {
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
                    "{} is not offered; there are {}",
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

    async fn post(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        if incoming.body.len() > MAX_BODY {
            return too_large();
        }
        if let Some(kind) = incoming
            .headers
            .get(CONTENT_TYPE)
            .filter(|kind| !is_json(kind))
        {
            let message = format!("the body is {kind:?}; send application/json");
            return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message);
        }
        let [version, method, name] = ["mcp-protocol-version", "mcp-method", "mcp-name"]
            .map(|name| header(incoming.headers, name));
        let headers = Headers {
            protocol_version: version.as_deref(),
            method: method.as_deref(),
            name: name.as_deref(),
        };
        let route = route(headers, incoming.body);
        let outcome = self.dispatch(incoming, route, Connection::Store).await;
        let begun = outcome.begun;
        let mut response = respond_whole(outcome);
        if let Some(session) = begun
            && let Ok(value) = HeaderValue::from_str(&session.to_string())
        {
            response.headers_mut().insert(SESSION_HEADER, value);
        }
        response
    }

    /// Get ready to answer a request with these headers as it happens.
    pub(crate) fn opening(&self, headers: &HeaderMap, reached: Reached<'_>) -> Opening {
        // Whoever is refused is told so by the answer.
        let origin = self.access.origin(headers, reached).ok().flatten();
        Opening::new(headers, origin)
    }
}

/// The answer to a body of more than [`MAX_BODY`].
pub(crate) fn too_large() -> Response<Bytes> {
    refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        &format!("the body has more than {MAX_BODY} bytes"),
    )
}

/// The response, for the page to read that has called, if one has.
fn readable(mut response: Response<Bytes>, origin: Option<&HeaderValue>) -> Response<Bytes> {
    if let Some(origin) = origin {
        cors::allow(response.headers_mut(), origin);
    }
    response
}

/// `/` and `/mcp`, below any base path.
fn is_endpoint(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.is_empty() || path.ends_with("/mcp")
}
