//! Invocations whose payload is a bare JSON-RPC message (`aws lambda invoke`): its answer is the invocation's.
//!
//! There are no headers and no session: a message of either era speaks for itself, as over stdio. IAM let its sender in;
//! who that is Lambda tells of Cognito identities alone. Of progress and logs only the last word could be sent, so they are
//! not collected. What MCP does not answer, a notification, is answered by `{}`, which is what clients of this kind expect
//! (`run-mcp-servers-with-aws-lambda`, `lambda_function_client`).

use http::{HeaderMap, HeaderName, HeaderValue, Method, header::ACCEPT};
use mcp_protocol::{Answer, Ask, Batch, Request, Route, route_stdio};
use serde_json::value::RawValue;

use crate::{
    server::{InSession, Incoming, Line, McpServer, Outcome, Reached, Record},
    transport::lambda::{gateway_limits, identity::invoker, invocation::Invocation},
};

/// The answer where MCP has none.
const NOTHING: &str = "{}";

/// What an invocation says besides its payload.
pub(super) struct Invoked<'a> {
    invocation: &'a Invocation,
    headers: HeaderMap,
}

impl<'a> Invoked<'a> {
    pub(super) fn of(invocation: &'a Invocation) -> Self {
        // A stream of events is no answer here.
        let accept = (ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            invocation,
            headers: [accept].into_iter().chain(trace(invocation)).collect(),
        }
    }

    /// The request that it amounts to.
    pub(super) fn incoming(&self) -> Incoming<'_> {
        Incoming {
            method: Method::POST,
            path: "/mcp",
            headers: &self.headers,
            body: &[],
            reached: Reached::Gateway(""),
            caller: invoker(self.invocation),
            request_id: &self.invocation.request_id,
            deadline: self.invocation.deadline(),
            ceiling: None,
            room: Some(gateway_limits::DIRECT),
            tell: None,
            record: Record::default(),
        }
    }
}

/// The header of the trace that an invocation belongs to.
pub(super) fn trace(invocation: &Invocation) -> Option<(HeaderName, HeaderValue)> {
    let trace = invocation.trace.clone()?;
    Some((HeaderName::from_static("x-amzn-trace-id"), trace))
}

/// Answer a message.
pub(super) async fn answer(
    app: &McpServer,
    invoked: &Invoked<'_>,
    message: &str,
) -> (Box<RawValue>, Line) {
    let incoming = invoked.incoming();
    let mut line = app.line(&incoming, message.len());
    let answer = match route_stdio(message.as_bytes()) {
        Route::Batch(batch) => several(app, &incoming, batch).await,
        route => one(app, &incoming, route).await,
    };
    line.end_by(&answer);
    let body = answer.body.and_then(|body| String::from_utf8(body).ok());
    (as_json(body.unwrap_or_else(|| NOTHING.to_owned())), line)
}

async fn one(app: &McpServer, incoming: &Incoming<'_>, route: Route<'_>) -> Answer {
    if let Route::Request(request) = &route {
        incoming.record.asks(&request.ask, request.revision);
    }
    match route {
        Route::Answered(answer) | Route::InSession { answer, .. } => answer,
        Route::Request(Request {
            id,
            ask: Ask::Initialize { negotiated, .. },
            ..
        }) => Answer::success(&id, &app.introduction(negotiated)),
        Route::Request(request) => {
            let outcome = app.serve(incoming, request, &InSession::None);
            outcome.await.answer
        }
        // No other message has come through here.
        Route::Cancelled { .. } => Answer::ACCEPTED,
        Route::Batch(_) => Batch::refused(),
    }
}

async fn several(app: &McpServer, incoming: &Incoming<'_>, batch: Batch<'_>) -> Answer {
    if !InSession::None.revision(batch.revision).has_batches() {
        return Batch::refused();
    }
    incoming.record.is_batch();
    let outcomes = batch.routes.into_iter().map(async |route| {
        let answer = one(app, incoming, route).await;
        incoming.record.is_answered(&answer);
        Outcome::from(answer)
    });
    let outcome = Outcome::of_all(outcomes.collect()).await;
    gateway_limits::DIRECT.bound_batch(outcome).answer
}

/// What the host writes is JSON.
pub(super) fn as_json(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_default()
}
