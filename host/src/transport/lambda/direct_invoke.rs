//! Invocations whose payload is a single JSON-RPC message (`aws lambda invoke`). The response of the invocation is the
//! response to the message.
//!
//! There are no headers and no session: as over stdio, a message of either era is complete in itself. IAM has
//! authorized the sender, but Lambda tells the function who it is only for Cognito identities. The response is a single
//! message, so progress and log notifications are not collected. For a notification, which has no response in MCP, the
//! invocation's response is `{}`. Clients of this kind expect that (`run-mcp-servers-with-aws-lambda`,
//! `lambda_function_client`).

use http::{HeaderMap, HeaderName, HeaderValue, Method, header::ACCEPT};
use mcp_protocol::route_stdio;
use serde_json::value::RawValue;

use crate::{
    server::{
        McpServer,
        access_log::AccessLogEntry,
        dispatch::Connection,
        record::RequestRecord,
        request::{Exposure, IncomingRequest},
        session::SessionContext,
    },
    transport::lambda::{gateway_limits, identity::invoker, invocation::Invocation},
};

/// The response of the invocation if the message has no response in MCP.
const EMPTY_RESPONSE: &str = "{}";

/// An invocation without a gateway, with headers that take the place of an HTTP request's.
pub(super) struct DirectInvocation<'a> {
    invocation: &'a Invocation,
    headers: HeaderMap,
}

impl<'a> DirectInvocation<'a> {
    pub(super) fn new(invocation: &'a Invocation) -> Self {
        // The response of an invocation cannot be an event stream.
        let accept = (ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            invocation,
            headers: [accept].into_iter().chain(trace(invocation)).collect(),
        }
    }

    /// Returns this invocation as a request.
    pub(super) fn incoming(&self) -> IncomingRequest<'_> {
        IncomingRequest {
            method: Method::POST,
            path: "/mcp",
            headers: &self.headers,
            body: &[],
            exposure: Exposure::Gateway(""),
            caller: invoker(self.invocation),
            request_id: &self.invocation.request_id,
            deadline: self.invocation.deadline(),
            gateway_timeout: None,
            response_limit: Some(gateway_limits::DIRECT),
            notifications: None,
            record: RequestRecord::default(),
        }
    }
}

/// Returns a header with the trace to which the invocation belongs.
pub(super) fn trace(invocation: &Invocation) -> Option<(HeaderName, HeaderValue)> {
    let trace = invocation.trace.clone()?;
    Some((HeaderName::from_static("x-amzn-trace-id"), trace))
}

/// Handles a message and returns the response.
pub(super) async fn answer(
    server: &McpServer,
    direct: &DirectInvocation<'_>,
    message: &str,
) -> (Box<RawValue>, AccessLogEntry) {
    let incoming = direct.incoming();
    let mut entry = server.log_entry(&incoming, message.len());
    let connection = Connection::Transport(&SessionContext::None);
    let answer = match server.json_limit().check(message.as_bytes()) {
        Ok(()) => {
            let route = route_stdio(message.as_bytes());
            server.dispatch(&incoming, route, connection).await.answer
        }
        Err(refused) => refused,
    };
    entry.finish_with(&answer);
    let body = answer.body.and_then(|body| String::from_utf8(body).ok());
    (
        as_json(body.unwrap_or_else(|| EMPTY_RESPONSE.to_owned())),
        entry,
    )
}

/// Converts a JSON text that the host itself has written.
pub(super) fn as_json(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_default()
}
