//! What the operator is told of each request: one line, and what CloudWatch counts.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Response};
use mcp_protocol::{Answer, Ask, Revision};
use serde::Deserialize;

use crate::{
    plugin::{CallContext, CatalogTool},
    server::{
        Incoming, McpServer,
        http::{headers::header, response::IsError},
        metrics::{Counted, Metrics},
    },
};

/// How much is told of what a client says of itself. Unit: characters. Source: ours.
const LONGEST: usize = 100;

/// How much is told of a trace. Unit: characters. Source: ours; X-Ray's own have half of it.
const LONGEST_TRACE: usize = 256;

/// What becomes known of a request while it is answered.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    method: Option<&'static str>,
    revision: Option<Revision>,
    tool: Option<String>,
    plugin: Option<String>,
    client: Option<String>,
    principal: Option<String>,
    end: Option<End>,
    /// How much was told before the answer. Unit: bytes.
    told: usize,
}

/// How a request ended. Of several messages the worst counts, the last of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Ok,
    /// The tool asks its client.
    InputRequired,
    /// The tool says that it failed, or that its arguments are wrong.
    ToolError,
    /// A JSON-RPC error, or a status of HTTP that is one.
    Refused,
    /// Nobody waits for an answer any more.
    Abandoned,
    /// Its time was over.
    GivenUp,
    /// The tool panicked, or does not keep to the protocol.
    Failed,
    /// Something that is needed is not there at the moment.
    Unavailable,
}

impl End {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::InputRequired => "input_required",
            Self::GivenUp => "given_up",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
        }
    }

    /// Of an answer of which nothing else is known.
    fn of(status: u16, is_error: bool) -> Self {
        match status {
            503 => Self::Unavailable,
            400.. => Self::Refused,
            _ if is_error => Self::Refused,
            _ => Self::Ok,
        }
    }
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request asks for.
    pub(crate) fn asks(&self, ask: &Ask<'_>, revision: Option<Revision>) {
        let mut known = self.lock();
        let method = match ask {
            Ask::Discover => "server/discover",
            Ask::Initialize {
                negotiated, client, ..
            } => {
                known.revision = Some(*negotiated);
                known.client = client.and_then(|client| words_of(client.get()));
                "initialize"
            }
            Ask::Ping => "ping",
            Ask::SetLogLevel(_) => "logging/setLevel",
            Ask::ListTools { .. } => "tools/list",
            Ask::CallTool { .. } => "tools/call",
        };
        known.method = known.method.or(Some(method));
        known.revision = known.revision.or(revision);
    }

    /// It is several messages.
    pub(crate) fn is_batch(&self) {
        self.lock().method = Some("batch");
    }

    /// A message of the batch was answered by this.
    pub(crate) fn is_answered(&self, answer: &Answer) {
        self.ends(End::of(answer.status, answer.is_error));
    }

    /// So many bytes went to the client as they came.
    pub(crate) fn tells(&self, bytes: usize) {
        self.lock().told += bytes;
    }

    pub(crate) fn comes_from(&self, principal: &str) {
        self.lock().principal = Some(principal.to_owned());
    }

    /// The call that it turned out to be. Of a batch, the last.
    pub(crate) fn calls(&self, tool: &CatalogTool, revision: Revision, context: &CallContext) {
        let mut known = self.lock();
        known.tool = Some(tool.mcp.name.clone());
        known.plugin = Some(tool.plugin.file());
        known.revision = Some(revision);
        let client = context.client.as_deref();
        known.client = client.and_then(|client| words_of(client.get()));
    }

    pub(crate) fn ends(&self, end: End) {
        let mut known = self.lock();
        known.end = known.end.max(Some(end));
    }
}

/// `name/version` of a client.
fn words_of(client: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Client {
        name: String,
        #[serde(default)]
        version: String,
    }
    let Client { name, version } = serde_json::from_str(client).ok()?;
    let words = format!("{name}/{version}");
    let words = words.trim_end_matches('/').chars();
    Some(words.filter(|c| !is_invisible(*c)).take(LONGEST).collect())
}

/// Whatever could make a line look like another, or like two.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What the operator is told, whatever the request.
#[derive(Debug)]
pub(crate) struct Operator {
    /// Names and versions.
    layers: String,
    metrics: Option<Metrics>,
    has_answered: AtomicBool,
}

impl Operator {
    pub(crate) fn new(layers: String, metrics: Option<Metrics>) -> Self {
        Self {
            layers,
            metrics,
            has_answered: AtomicBool::new(false),
        }
    }

    pub(crate) fn layers(&self) -> &str {
        &self.layers
    }
}

/// The line of a request, which is written when it is dropped, however the request has ended: by then the client should have its
/// answer, where the front door can tell.
pub(crate) struct Line {
    operator: Arc<Operator>,
    record: Record,
    request_id: String,
    method: Method,
    trace: Option<String>,
    principal: Option<String>,
    begun: Instant,
    /// Unit: bytes.
    received: usize,
    answered: Option<Answered>,
}

/// What a request was answered by.
struct Answered {
    status: u16,
    /// Unit: bytes.
    sent: usize,
    after: Duration,
}

impl McpServer {
    /// Begin the line of a request of so many bytes.
    pub(crate) fn line(&self, incoming: &Incoming<'_>, received: usize) -> Line {
        let trace = header(incoming.headers, "x-amzn-trace-id");
        Line {
            operator: Arc::clone(&self.operator),
            record: incoming.record.clone(),
            request_id: incoming.request_id.to_owned(),
            method: incoming.method.clone(),
            trace: trace.map(|trace| trace.chars().take(LONGEST_TRACE).collect()),
            principal: incoming.caller.principal.clone(),
            begun: Instant::now(),
            received,
            answered: None,
        }
    }
}

impl Line {
    /// The request was answered by this.
    pub(crate) fn end(&mut self, response: &Response<Bytes>) {
        let is_error = response.extensions().get::<IsError>().is_some();
        let status = response.status().as_u16();
        self.ends(status, response.body().len(), is_error);
    }

    /// The same of an answer that is no HTTP response.
    pub(crate) fn end_by(&mut self, answer: &Answer) {
        let sent = answer.body.as_ref().map_or(0, Vec::len);
        self.ends(answer.status, sent, answer.is_error);
    }

    fn ends(&mut self, status: u16, sent: usize, is_error: bool) {
        let mut known = self.record.lock();
        known.end = known.end.or(Some(End::of(status, is_error)));
        drop(known);
        self.answered = Some(Answered {
            status,
            sent,
            after: self.begun.elapsed(),
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let known = self.record.lock();
        let end = match self.answered {
            Some(_) => known.end.unwrap_or(End::Ok),
            None => End::Abandoned,
        };
        let answered = self.answered.as_ref();
        let status = answered.map(|answered| answered.status);
        let sent = answered.map(|answered| answered.sent + known.told);
        let after = answered.map_or_else(|| self.begun.elapsed(), |answered| answered.after);
        let milliseconds = super::milliseconds(after);
        let request_id = self.request_id.as_str();
        // Whether all is well is asked every few seconds, and browsers ask twice.
        let is_routine = matches!(self.method, Method::GET | Method::OPTIONS);
        if is_routine && status.is_some_and(|status| status < 400) {
            tracing::debug!(request_id, method = %self.method, status, milliseconds, "request");
            return;
        }
        let is_cold = !self.operator.has_answered.swap(true, Ordering::Relaxed);
        let http_method = self.method.as_str();
        let other = (self.method != Method::POST)
            .then(|| http_method.chars().take(LONGEST).collect::<String>());
        let principal = known.principal.as_ref().or(self.principal.as_ref());
        let era = known.revision.map(|revision| {
            if revision.is_modern() {
                "modern"
            } else {
                "legacy"
            }
        });
        tracing::info!(
            request_id,
            trace_id = self.trace,
            era,
            revision = known.revision.map(Revision::as_str),
            method = known.method.or(other.as_deref()),
            tool = known.tool,
            plugin = known.plugin,
            layers = self.operator.layers,
            host = env!("CARGO_PKG_VERSION"),
            principal,
            client = known.client,
            outcome = end.as_str(),
            status,
            milliseconds,
            received = self.received,
            sent,
            cold = is_cold,
            "request"
        );
        if let Some(metrics) = &self.operator.metrics {
            metrics.count(&Counted {
                request_id,
                tool: known.tool.as_deref(),
                end,
                milliseconds,
                sent: sent.unwrap_or_default(),
                is_cold,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp_protocol::{Id, jsonrpc::INVALID_PARAMS};
    use serde_json::Map;

    use super::*;

    #[test]
    fn a_client_is_told_by_name_and_version_within_bounds() {
        let long = format!(r#"{{"name":"{}","version":"1"}}"#, "x".repeat(500));
        for (client, expected) in [
            (
                r#"{"name":"claude","version":"2"}"#,
                Some("claude/2".to_owned()),
            ),
            (r#"{"name":"claude"}"#, Some("claude".to_owned())),
            (r#"{"version":"2"}"#, None),
            ("[]", None),
            (&long, Some("x".repeat(LONGEST))),
            (
                r#"{"name":"a\u2028b\u202ec\u001b[1m"}"#,
                Some("abc[1m".to_owned()),
            ),
        ] {
            assert_eq!(words_of(client), expected, "{client}");
        }
    }

    #[test]
    fn how_it_ended_shows_in_an_answer_where_nobody_has_said_it() {
        let (id, code) = (Id::Number(1.into()), INVALID_PARAMS);
        for (answer, expected) in [
            (Answer::success(&id, &Map::new()), End::Ok),
            (Answer::ACCEPTED, End::Ok),
            (Answer::error(200, Some(&id), code, "no"), End::Refused),
            (Answer::error(404, None, code, "no"), End::Refused),
            (Answer::error(503, Some(&id), code, "no"), End::Unavailable),
        ] {
            let end = End::of(answer.status, answer.is_error);
            assert_eq!(end, expected, "{answer:?}");
        }
        // A status of HTTP alone.
        assert_eq!(End::of(404, false), End::Refused);
        assert_eq!(End::of(503, false), End::Unavailable);
    }
}
