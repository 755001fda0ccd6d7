//! A request, independent of its front door.

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
/// Source: AWS Lambda's quota of 6 MB for a synchronous request, which `serve` has as well.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// A request, independent of its front door.
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
    /// Who can reach the front door.
    pub exposure: Exposure<'a>,
    /// The caller, as far as the front door knows it.
    pub caller: Caller,
    /// The id of this request in the log and in errors.
    pub request_id: &'a str,
    /// The time when the function is ended.
    pub deadline: Option<SystemTime>,
    /// The time limit of the front door, if it has one.
    pub gateway_timeout: Option<GatewayTimeout>,
    /// The receiver of notifications, if the client can get them before the answer. Otherwise they are part of the
    /// answer.
    pub notifications: Option<NotificationSink>,
    /// The size limit of the front door for answers, if it has one.
    pub response_limit: Option<ResponseLimit>,
    /// The facts about the request for the log.
    pub record: RequestRecord,
}

impl IncomingRequest<'_> {
    /// Waits for a store, no longer than these limits leave time for an answer.
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

/// Who can reach the front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure<'a> {
    /// Through a gateway under this domain, which the gateway vouches for.
    Gateway(&'a str),
    /// Directly on loopback. The `Host` header must name this machine.
    Loopback,
    /// Directly on an address that others can reach.
    Network,
    /// Through a pipe, from the program that started this one.
    Stdio,
}

impl Exposure<'_> {
    /// Reports whether the request came over HTTP, which anybody can send who can reach the host. Otherwise it came
    /// from the program that started this one.
    pub(crate) fn is_http(self) -> bool {
        match self {
            Self::Gateway(_) | Self::Loopback | Self::Network => true,
            Self::Stdio => false,
        }
    }
}

/// A receiver that passes JSON-RPC notifications to the client at once.
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
