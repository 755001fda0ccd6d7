//! A request in a form that is the same for every front door.

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

/// The maximum size of a request's body. Unit: bytes.
/// Source: AWS Lambda's quota of 6 MB for a synchronous request. The command `serve` has the same limit.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// A request in a form that is the same for every front door.
#[derive(Clone, Debug)]
pub struct IncomingRequest<'a> {
    /// The HTTP method.
    pub method: Method,
    /// The path, without a gateway's stage.
    pub path: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
    /// Who can send requests to the front door.
    pub exposure: Exposure<'a>,
    /// What the front door knows about the caller.
    pub caller: Caller,
    /// The id of this request in the log and in error messages.
    pub request_id: &'a str,
    /// The time at which the Lambda function is stopped.
    pub deadline: Option<SystemTime>,
    /// The time limit of the front door, if it has one.
    pub gateway_timeout: Option<GatewayTimeout>,
    /// Sends notifications to the client before the response. `None`: they are sent together with the response.
    pub notifications: Option<NotificationSink>,
    /// The front door's size limit for responses, if it has one.
    pub response_limit: Option<ResponseLimit>,
    /// The facts about the request that are collected for the log.
    pub record: RequestRecord,
}

impl IncomingRequest<'_> {
    /// Waits for a store, at most until the deadline that these limits set for the response.
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

/// Who can send requests to the front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure<'a> {
    /// Everybody who can call a gateway at this domain. The domain comes from the gateway itself, not from the client.
    Gateway(&'a str),
    /// Programs on this machine, directly over loopback. The `Host` header must name this machine.
    Loopback,
    /// Other machines, directly on an address that they can reach.
    Network,
    /// The program that started this one, through a pipe.
    Stdio,
}

impl Exposure<'_> {
    /// Reports whether the request came over HTTP, so that anybody who can reach the host can have sent it. Otherwise
    /// it came from the program that started this one.
    pub(crate) fn is_http(self) -> bool {
        match self {
            Self::Gateway(_) | Self::Loopback | Self::Network => true,
            Self::Stdio => false,
        }
    }
}

/// Sends JSON-RPC notifications to the client immediately.
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
