//! The responses that a front door sends itself when it has no response of the function.
//!
//! Sources: "Gateway response types in API Gateway" for REST APIs; "Use Lambda functions as targets of an Application
//! Load Balancer", "Error 502", for load balancers. A Function URL responds with 502 if the function failed: the
//! documentation says that the metric `Url5xxCount` counts this case. Its messages are those of Lambda.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::json;

use super::kind::FrontDoor;

/// The reason why a client does not get a response of the function.
#[derive(Clone, Copy)]
pub(super) enum GatewayFailure {
    /// The request could not be read.
    BadRequest,
    /// The path does not begin with the stage of this API.
    NoSuchStage,
    /// The client's headers are larger than the gateway allows.
    HeadersTooLarge,
    /// The client's body is larger than the gateway or Lambda allows.
    PayloadTooLarge,
    /// The function failed, or its response is malformed.
    Integration,
    /// The function took longer than the gateway waits.
    TimedOut,
}

impl GatewayFailure {
    /// Returns the response of this front door: JSON, or the HTML page of a load balancer.
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

    /// Returns the status, and the message for a body that contains one. Few of them depend on the front door.
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
