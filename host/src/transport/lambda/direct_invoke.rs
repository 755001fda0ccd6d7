//! Invocations with a bare JSON-RPC message as payload (`aws lambda invoke`): the message's answer is the invocation's
//! response.
//!
//! There are no headers and no session: a message of either era is complete in itself, as over stdio. IAM has
//! authorized the sender; Lambda identifies only Cognito identities. The response is a single message, so
//! progress and logs are not collected. A notification, which has no answer in MCP, is answered by `{}`. Clients of this
//! kind expect that (`run-mcp-servers-with-aws-lambda`, `lambda_function_client`).

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

/// The response to a message that has no answer in MCP.
const EMPTY_RESPONSE: &str = "{}";

/// An invocation without gateway, with the headers that stand for it.
pub(super) struct DirectInvocation<'a> {
    invocation: &'a Invocation,
    headers: HeaderMap,
}

impl<'a> DirectInvocation<'a> {
    pub(super) fn new(invocation: &'a Invocation) -> Self {
        // An event stream is no valid response here.
        let accept = (ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            invocation,
            headers: [accept].into_iter().chain(trace(invocation)).collect(),
        }
    }

    /// Returns the request of this invocation.
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

/// Returns the header of the invocation's trace.
pub(super) fn trace(invocation: &Invocation) -> Option<(HeaderName, HeaderValue)> {
    let trace = invocation.trace.clone()?;
    Some((HeaderName::from_static("x-amzn-trace-id"), trace))
}

/// Answers a message.
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

/// Wraps a text of the host, which is JSON.
pub(super) fn as_json(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_default()
}
