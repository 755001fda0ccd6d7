//! What the operator is told of each request: one line, and what CloudWatch counts.

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
    http::{headers::header, response::IsError},
    metrics::{Counted, Metrics},
    outcome::End,
    record::{LONGEST, Record},
    request::Incoming,
};

/// How much is told of a trace. Unit: characters. Source: ours; X-Ray's own have half of it.
const LONGEST_TRACE: usize = 256;

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

    /// Begin the line of a request of so many bytes.
    pub(crate) fn line(self: &Arc<Self>, incoming: &Incoming<'_>, received: usize) -> Line {
        let trace = header(incoming.headers, "x-amzn-trace-id");
        Line {
            operator: Arc::clone(self),
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
        let milliseconds = milliseconds(after);
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

/// A duration as the log has it.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
