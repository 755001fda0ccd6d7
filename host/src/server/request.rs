//! A request, whatever front door it came through.

use std::{fmt, sync::Arc, time::SystemTime};

use http::{HeaderMap, Method};
use serde_json::value::RawValue;

use crate::{
    plugin::Caller,
    server::{
        call::deadline::{Ceiling, TimeLimits},
        http::response_limit::Room,
        record::Record,
    },
    store::{session::StoreError, timeouts},
};

/// The largest body of a request. Unit: bytes.
/// Source: AWS Lambda's quota of 6 MB for a synchronous request, which `serve` keeps as well.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// A request, whatever door it came through.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the stage of a gateway.
    pub path: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
    /// How the front door was reached.
    pub reached: Reached<'a>,
    /// Who called, as far as the front door knows.
    pub caller: Caller,
    /// Names this request in the log and in errors.
    pub request_id: &'a str,
    /// When the function that answers is ended.
    pub deadline: Option<SystemTime>,
    /// How long the front door waits for an answer, if it has a limit.
    pub ceiling: Option<Ceiling>,
    /// Passes on what the client is to hear before the answer, where it can hear it as it happens. Else it is part of the
    /// answer.
    pub tell: Option<Tell>,
    /// How much of an answer the front door takes, if it has a limit.
    pub room: Option<Room>,
    /// What is found out about it, for the operator.
    pub record: Record,
}

impl Incoming<'_> {
    /// Waits for a store no longer than these limits leave time for an answer.
    pub(crate) async fn in_time<T>(
        &self,
        limits: &TimeLimits,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match limits.deadline(None, self.ceiling, self.deadline) {
            None => work.await,
            Some(deadline) => timeouts::with_timeout(deadline.left(), work).await,
        }
    }
}

/// By which name the front door was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached<'a> {
    /// By a gateway under this domain, which it vouches for.
    Gateway(&'a str),
    /// Directly on loopback: the `Host` header must name this machine.
    Loopback,
    /// Directly on an address that others can reach.
    Public,
    /// By a pipe, from the program that started this one.
    Pipe,
}

impl Reached<'_> {
    /// By a request of HTTP, which anybody can send who finds the way? Else by whoever has started this program.
    pub(crate) fn is_by_http(self) -> bool {
        match self {
            Self::Gateway(_) | Self::Loopback | Self::Public => true,
            Self::Pipe => false,
        }
    }
}

/// Passes JSON-RPC notifications on to the client at once.
#[derive(Clone)]
pub struct Tell(Arc<dyn Fn(Box<RawValue>) + Send + Sync>);

impl Tell {
    pub(crate) fn new(tell: impl Fn(Box<RawValue>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, notification: Box<RawValue>) {
        (self.0)(notification);
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell")
    }
}
