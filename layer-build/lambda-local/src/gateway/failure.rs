//! The front door's own answers, for clients that do not get the function's.
//!
//! Sources: "Gateway response types in API Gateway" for REST APIs; "Use Lambda functions as targets of an Application
//! Load Balancer", "Error 502", for load balancers. A Function URL answers 502 for a function that failed, which the
//! metric `Url5xxCount` is documented to count; its messages are Lambda's own.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::json;

use super::kind::FrontDoor;

/// The reason why a client does not get the function's answer.
#[derive(Clone, Copy)]
pub(super) enum GatewayFailure {
    /// The request could not be read.
    BadRequest,
    /// The path leads to no stage of this API.
    NoSuchStage,
    /// The client's headers are larger than the gateway allows.
    HeadersTooLarge,
    /// The client's body is larger than the gateway or Lambda allows.
    PayloadTooLarge,
    /// The function failed, or its answer is malformed.
    Integration,
    /// The function took longer than a gateway waits.
    TimedOut,
}

impl GatewayFailure {
    /// Returns the answer of this front door: JSON for programs, or the page of a load balancer for people.
    pub(super) fn response(self, front_door: &FrontDoor) -> Response<Full<Bytes>> {
        let (status, message) = self.status_and_message(front_door);
        let (body, content_type) = if let FrontDoor::LoadBalancer { .. } = front_door {
            let page = format!(
                "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n</body>\r\n</html>\r\n"
            );
            (page, "text/html")
        } else {
            let message = json!({ "message": message });
            (message.to_string(), "application/json")
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }

    /// Returns the status, and the message for a body that has one. Front doors differ in few of them.
    fn status_and_message(self, front_door: &FrontDoor) -> (StatusCode, &'static str) {
        match (self, front_door) {
            (Self::BadRequest, _) => (StatusCode::BAD_REQUEST, "Bad Request"),
            (Self::NoSuchStage, FrontDoor::RestApi { .. }) => (StatusCode::FORBIDDEN, "Forbidden"),
            (Self::NoSuchStage, _) => (StatusCode::NOT_FOUND, "Not Found"),
            (Self::HeadersTooLarge, _) => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            ),
            (Self::PayloadTooLarge, FrontDoor::RestApi { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long")
            }
            (Self::PayloadTooLarge, _) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
            }
            (Self::Integration, FrontDoor::RestApi { .. }) => {
                (StatusCode::BAD_GATEWAY, "Internal server error")
            }
            (Self::Integration, FrontDoor::HttpApi { .. }) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            (Self::Integration, _) => (StatusCode::BAD_GATEWAY, "Internal Server Error"),
            (Self::TimedOut, FrontDoor::RestApi { .. }) => {
                (StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out")
            }
            (Self::TimedOut, FrontDoor::HttpApi { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            (Self::TimedOut, _) => (StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout"),
        }
    }
}
