//! A request, whatever front door it came through.

use std::{fmt, sync::Arc, time::SystemTime};

use http::{HeaderMap, Method};
use serde_json::value::RawValue;

use crate::{
    plugin::Caller,
    server::{
        call::deadline::{CallLimits, GatewayTimeout},
        http::response_limit::ResponseLimit,
        record::RequestRecord,
    },
    store::{session::StoreError, timeouts},
};

/// The largest body of a request. Unit: bytes.
/// Source: AWS Lambda's quota of 6 MB for a synchronous request, which `serve` keeps as well.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// A request, whatever door it came through.
#[derive(Clone, Debug)]
pub struct IncomingRequest<'a> {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the stage of a gateway.
    pub path: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
    /// How the front door was reached.
    pub exposure: Exposure<'a>,
    /// Who called, as far as the front door knows.
    pub caller: Caller,
    /// Names this request in the log and in errors.
    pub request_id: &'a str,
    /// When the function that answers is ended.
    pub deadline: Option<SystemTime>,
    /// How long the front door waits for an answer, if it has a limit.
    pub gateway_timeout: Option<GatewayTimeout>,
    /// Passes on what the client is to hear before the answer, where it can hear it as it happens. Else it is part of the
    /// answer.
    pub notifications: Option<NotificationSink>,
    /// How much of an answer the front door takes, if it has a limit.
    pub response_limit: Option<ResponseLimit>,
    /// What is found out about it, for the operator.
    pub record: RequestRecord,
}

impl IncomingRequest<'_> {
    /// Waits for a store no longer than these limits leave time for an answer.
    pub(crate) async fn with_deadline<T>(
        &self,
        limits: &CallLimits,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match limits.deadline(None, self.gateway_timeout, self.deadline) {
            None => work.await,
            Some(deadline) => timeouts::with_timeout(deadline.remaining(), work).await,
        }
    }
}

/// By which name the front door was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure<'a> {
    /// By a gateway under this domain, which it vouches for.
    Gateway(&'a str),
    /// Directly on loopback: the `Host` header must name this machine.
    Loopback,
    /// Directly on an address that others can reach.
    Network,
    /// By a pipe, from the program that started this one.
    Stdio,
}

impl Exposure<'_> {
    /// By a request of HTTP, which anybody can send who finds the way? Else by whoever has started this program.
    pub(crate) fn is_http(self) -> bool {
        match self {
            Self::Gateway(_) | Self::Loopback | Self::Network => true,
            Self::Stdio => false,
        }
    }
}

/// Passes JSON-RPC notifications on to the client at once.
#[derive(Clone)]
pub struct NotificationSink(Arc<dyn Fn(Box<RawValue>) + Send + Sync>);

impl NotificationSink {
    pub(crate) fn new(send: impl Fn(Box<RawValue>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(send))
    }

    pub(crate) fn send(&self, notification: Box<RawValue>) {
        (self.0)(notification);
    }
}

impl fmt::Debug for NotificationSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotificationSink")
    }
}
