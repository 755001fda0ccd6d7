//! The operator's access log: one line for each request, and metrics for CloudWatch.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Response};
use mcp_protocol::{Answer, Revision};

use crate::server::{
    http::{headers::header, response::JsonRpcErrorMarker},
    metrics::{Metrics, RequestMetrics},
    outcome::RequestOutcome,
    record::{MAX_CLIENT_TEXT, RequestRecord},
    request::IncomingRequest,
};

/// The maximum length of a logged trace id. Unit: characters. Source: ours; trace ids of X-Ray have half of it.
const MAX_TRACE_ID: usize = 256;

/// The access log, with the facts that are the same for every line.
#[derive(Debug)]
pub(crate) struct AccessLog {
    /// The names and versions of the layers.
    layers: String,
    metrics: Option<Metrics>,
    has_answered: AtomicBool,
}

impl AccessLog {
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

    /// Creates the entry of a request whose body has `received` bytes.
    pub(crate) fn entry(
        self: &Arc<Self>,
        incoming: &IncomingRequest<'_>,
        received: usize,
    ) -> AccessLogEntry {
        let trace = header(incoming.headers, "x-amzn-trace-id");
        AccessLogEntry {
            log: Arc::clone(self),
            record: incoming.record.clone(),
            request_id: incoming.request_id.to_owned(),
            method: incoming.method.clone(),
            trace: trace.map(|trace| trace.chars().take(MAX_TRACE_ID).collect()),
            principal: incoming.caller.principal.clone(),
            started: Instant::now(),
            received,
            answered: None,
        }
    }
}

/// The log entry of a request. The line is written when this value is dropped, however the request ends. The front door
/// drops it when, as far as it knows, the client has the response.
pub(crate) struct AccessLogEntry {
    log: Arc<AccessLog>,
    record: RequestRecord,
    request_id: String,
    method: Method,
    trace: Option<String>,
    principal: Option<String>,
    started: Instant,
    /// The size of the request's body. Unit: bytes.
    received: usize,
    answered: Option<SentAnswer>,
}

/// The response that was sent.
struct SentAnswer {
    status: u16,
    /// The size of the response's body. Unit: bytes.
    sent: usize,
    after: Duration,
}

impl AccessLogEntry {
    /// Records the response to the request.
    pub(crate) fn finish(&mut self, response: &Response<Bytes>) {
        let is_error = response.extensions().get::<JsonRpcErrorMarker>().is_some();
        let status = response.status().as_u16();
        self.set_answer(status, response.body().len(), is_error);
    }

    /// Records a response that is not sent over HTTP.
    pub(crate) fn finish_with(&mut self, answer: &Answer) {
        let sent = answer.body.as_ref().map_or(0, Vec::len);
        self.set_answer(answer.status, sent, answer.is_error);
    }

    fn set_answer(&mut self, status: u16, sent: usize, is_error: bool) {
        let mut fields = self.record.lock();
        fields.outcome = fields
            .outcome
            .or(Some(RequestOutcome::from_status(status, is_error)));
        drop(fields);
        self.answered = Some(SentAnswer {
            status,
            sent,
            after: self.started.elapsed(),
        });
    }
}

impl Drop for AccessLogEntry {
    fn drop(&mut self) {
        let fields = self.record.lock();
        let end = match self.answered {
            Some(_) => fields.outcome.unwrap_or(RequestOutcome::Ok),
            None => RequestOutcome::Abandoned,
        };
        let answered = self.answered.as_ref();
        let status = answered.map(|answered| answered.status);
        let sent = answered.map(|answered| answered.sent + fields.streamed_bytes);
        let after = answered.map_or_else(|| self.started.elapsed(), |answered| answered.after);
        let milliseconds = milliseconds(after);
        let request_id = self.request_id.as_str();
        // Health checks come every few seconds, and browsers send a preflight before a request. They are logged at a
        // lower level.
        let is_routine = matches!(self.method, Method::GET | Method::OPTIONS);
        if is_routine && status.is_some_and(|status| status < 400) {
            tracing::debug!(request_id, method = %self.method, status, milliseconds, "request");
            return;
        }
        let is_cold = !self.log.has_answered.swap(true, Ordering::Relaxed);
        let http_method = self.method.as_str();
        let other = (self.method != Method::POST).then(|| {
            http_method
                .chars()
                .take(MAX_CLIENT_TEXT)
                .collect::<String>()
        });
        let principal = fields.principal.as_ref().or(self.principal.as_ref());
        let era = fields.revision.map(|revision| {
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
            revision = fields.revision.map(Revision::as_str),
            method = fields.method.or(other.as_deref()),
            tool = fields.tool,
            plugin = fields.plugin,
            layers = self.log.layers,
            host = env!("CARGO_PKG_VERSION"),
            principal,
            client = fields.client,
            outcome = end.as_str(),
            status,
            milliseconds,
            received = self.received,
            sent,
            cold = is_cold,
            "request"
        );
        if let Some(metrics) = &self.log.metrics {
            metrics.emit(&RequestMetrics {
                request_id,
                tool: fields.tool.as_deref(),
                outcome: end,
                milliseconds,
                sent: sent.unwrap_or_default(),
                is_cold,
            });
        }
    }
}

/// Returns a duration in milliseconds, the unit of the log.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
