//! Requests through a gateway: read from its event, and answered in its format.
//!
//! `aws_lambda_events`, of `lambda_http`, parses the events. They are not turned into requests of the package `http`:
//! the host needs no URL, query or cookies of theirs, and a client's text may be no valid URL.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response,
    header::{COOKIE, SET_COOKIE},
};
use lambda_http::{
    Body,
    aws_lambda_events::{
        alb::AlbTargetGroupResponse,
        apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse},
    },
    request::{LambdaRequest, RequestContext},
};
use serde::Serialize;

use crate::transport::lambda::{
    event::{EventError, UnknownEvent},
    gateway_limits::FrontDoor,
    malformed::MalformedRequest,
};

/// A request, and its gateway's context.
#[derive(Debug)]
pub(super) struct GatewayRequest {
    pub(super) method: Method,
    /// The path of the event.
    path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) context: RequestContext,
}

impl GatewayRequest {
    /// Reads the request of an event.
    ///
    /// # Errors
    /// The body is marked as base64 and is not, or the event is no request.
    pub(super) fn from_event(event: LambdaRequest) -> Result<Self, EventError> {
        let (method, path, headers, body, is_encoded, context) = match event {
            LambdaRequest::ApiGatewayV1(event) => (
                event.http_method,
                event.path,
                merge_headers(event.headers, event.multi_value_headers),
                event.body,
                event.is_base64_encoded,
                RequestContext::ApiGatewayV1(event.request_context),
            ),
            LambdaRequest::ApiGatewayV2(event) => {
                let mut headers = event.headers;
                let cookies = event.cookies.map(|cookies| cookies.join("; "));
                if let Some(Ok(cookies)) = cookies.as_deref().map(HeaderValue::from_str) {
                    headers.insert(COOKIE, cookies);
                }
                (
                    event.request_context.http.method.clone(),
                    event.raw_path,
                    headers,
                    event.body,
                    event.is_base64_encoded,
                    RequestContext::ApiGatewayV2(event.request_context),
                )
            }
            LambdaRequest::Alb(event) => (
                event.http_method,
                event.path,
                merge_headers(event.headers, event.multi_value_headers),
                event.body,
                event.is_base64_encoded,
                RequestContext::Alb(event.request_context),
            ),
            _ => return Err(UnknownEvent::new("a request of another kind").into()),
        };
        let body = body.unwrap_or_default();
        let body = if is_encoded {
            match BASE64_STANDARD.decode(body) {
                Ok(body) => body,
                Err(_) => {
                    let reason = "its body is marked as base64 but is not valid base64";
                    return Err(MalformedRequest::new(context, reason).into());
                }
            }
        } else {
            body.into_bytes()
        };
        Ok(Self {
            method,
            path: path.unwrap_or_default(),
            headers,
            body: body.into(),
            context,
        })
    }

    /// Returns the front door of the request.
    pub(super) fn front_door(&self) -> FrontDoor<'_> {
        FrontDoor::from_context(&self.context, &self.path)
    }
}

/// Merges the headers with one value and those with all values. If both have a header, all values count.
fn merge_headers(single: HeaderMap, mut all: HeaderMap) -> HeaderMap {
    for (name, value) in single {
        if let Some(name) = name
            && !all.contains_key(&name)
        {
            all.insert(name, value);
        }
    }
    all
}

/// Formats an answer for the gateway of this context.
pub(super) fn answer(context: &RequestContext, response: Response<Bytes>) -> Bytes {
    let (head, body) = response.into_parts();
    let status = i64::from(head.status.as_u16());
    let (body, is_base64_encoded) = match into_body(body) {
        Body::Empty => (None, false),
        body @ Body::Binary(_) => (Some(body), true),
        body => (Some(body), false),
    };
    let mut headers = head.headers;
    match context {
        RequestContext::ApiGatewayV2(_) => {
            let cookies = headers.get_all(SET_COOKIE).iter();
            let cookies = cookies.map(|cookie| cookie.to_str().unwrap_or_default().to_owned());
            let mut response = ApiGatewayV2httpResponse::default();
            response.cookies = cookies.collect();
            headers.remove(SET_COOKIE);
            response.status_code = status;
            response.headers = headers;
            response.body = body;
            response.is_base64_encoded = is_base64_encoded;
            json(&response)
        }
        // A setting of the target group decides which of the two is used.
        RequestContext::Alb(_) => {
            let reason = head.status.canonical_reason().unwrap_or_default();
            let mut response = AlbTargetGroupResponse::default();
            response.status_code = status;
            response.status_description = Some(format!("{status} {reason}"));
            response.headers = headers.clone();
            response.multi_value_headers = headers;
            response.body = body;
            response.is_base64_encoded = is_base64_encoded;
            json(&response)
        }
        // With both, each header would be sent twice.
        _ => {
            let mut response = ApiGatewayProxyResponse::default();
            response.status_code = status;
            response.multi_value_headers = headers;
            response.body = body;
            response.is_base64_encoded = is_base64_encoded;
            json(&response)
        }
    }
}

fn json(answer: &impl Serialize) -> Bytes {
    serde_json::to_vec(answer).unwrap_or_default().into()
}

/// Returns the body of a response. The host writes UTF-8, and text needs no base64 on its way through the gateway.
fn into_body(body: Bytes) -> Body {
    if body.is_empty() {
        return Body::Empty;
    }
    match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;

    use super::*;

    #[test]
    fn a_body_with_invalid_base64_is_refused() {
        for (body, is_encoded, expected) in [
            (Some("e30="), true, Some("{}")),
            (Some("no base64!"), true, None),
            (Some("no base64!"), false, Some("no base64!")),
            (None, true, Some("")),
        ] {
            let mut event = ApiGatewayV2httpRequest::default();
            event.body = body.map(str::to_owned);
            event.is_base64_encoded = is_encoded;
            let request = GatewayRequest::from_event(LambdaRequest::ApiGatewayV2(event));
            let read = request.ok().map(|request| request.body);
            assert_eq!(
                read.as_deref(),
                expected.map(str::as_bytes),
                "{body:?}, encoded: {is_encoded}"
            );
        }
    }
}
