//! Requests that a gateway passes on and that no HTTP request can be made of. Their sender gets status 400, and the
//! invocation succeeds: a client must not fill the function's error metric.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, StatusCode};
use lambda_http::request::RequestContext;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::server::http::response::refusal;

/// A request that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be read: {reason}")]
pub(super) struct MalformedRequest {
    /// The context that decides about the form of the answer.
    pub(super) context: RequestContext,
    /// The reason, for the client and for the log. It quotes nothing of the request.
    reason: String,
}

impl MalformedRequest {
    pub(super) fn new(context: RequestContext, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { context, reason }
    }

    /// Recognizes the event of a gateway that could not be parsed.
    pub(super) fn from_event(members: &BTreeMap<String, &RawValue>) -> Option<Self> {
        /// The members that distinguish the contexts of gateways.
        #[derive(Deserialize)]
        struct ContextMarkers<'a> {
            #[serde(borrow)]
            http: Option<BTreeMap<&'a str, &'a RawValue>>,
            #[serde(borrow)]
            elb: Option<BTreeMap<&'a str, &'a RawValue>>,
        }
        let context = members.get("requestContext")?;
        let markers: ContextMarkers<'_> = serde_json::from_str(context.get()).ok()?;
        let context = if markers.http.is_some() {
            RequestContext::ApiGatewayV2(Default::default())
        } else if markers.elb.is_some() {
            RequestContext::Alb(Default::default())
        } else if members.contains_key("httpMethod") {
            RequestContext::ApiGatewayV1(Default::default())
        } else {
            return None;
        };
        // The parser tries one kind of event after the other, and its error names no member.
        let reason = "a header, the method or the body is not valid";
        Some(Self::new(context, reason))
    }

    /// Returns the answer for its sender.
    pub(super) fn response(&self) -> Response<Bytes> {
        refusal(StatusCode::BAD_REQUEST, &self.to_string())
    }
}
