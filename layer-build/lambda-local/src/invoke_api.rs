//! The part of Lambda's own API that invokes functions.
//!
//! Source: AWS Lambda API Reference, "Invoke". Every function name in a request leads to the same function. Requests
//! need no signature.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    body::{self, Collected},
    error::InvokeError,
    function::Function,
    runtime_api::MAX_REQUEST,
    server::Server,
};

const REQUEST_ID: &str = "x-amzn-requestid";
const CLIENT_CONTEXT: &str = "x-amz-client-context";
const ERROR_TYPE: &str = "x-amzn-errortype";
const FUNCTION_ERROR: &str = "x-amz-function-error";

/// A running server of the Lambda API. It stops when it is dropped.
pub struct InvokeApi {
    address: SocketAddr,
    _server: Server,
}

impl InvokeApi {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn start(function: Function) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = Server::start(listener, move |_, request| {
            let function = function.clone();
            async move { answer(&function, request).await }
        });
        Ok(Self {
            address,
            _server: server,
        })
    }

    /// Returns the URL that AWS clients can use, as a value for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn answer(function: &Function, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let parts: Vec<_> = head.uri.path().trim_start_matches('/').split('/').collect();
    let (&Method::POST, ["2015-03-31", "functions", _, "invocations"]) =
        (&head.method, parts.as_slice())
    else {
        return refuse(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            "only invocations are served here",
        );
    };
    let event = match body::collect(body, MAX_REQUEST).await {
        Ok(Collected::Whole(event)) => event,
        Ok(Collected::TooLarge { size }) => {
            let limit = MAX_REQUEST;
            return too_large(&InvokeError::RequestTooLarge { size, limit });
        }
        Err(error) => {
            let message = error.to_string();
            return refuse(
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                &message,
            );
        }
    };
    let started = match client_context(&head.headers) {
        Ok(context) => function.start(event, context).await,
        Err(why) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                &why,
            );
        }
    };
    let answered = match started {
        Ok(started) => function.collect(started).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(invocation) => Response::builder()
            .header(REQUEST_ID, invocation.request_id)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(invocation.payload))
            .unwrap_or_default(),
        Err(error @ InvokeError::RequestTooLarge { .. }) => too_large(&error),
        Err(error) => {
            let message = match &error {
                InvokeError::Function { report, .. } => report.error_message.clone(),
                error => error.to_string(),
            };
            let payload = json!({ "errorType": error.error_type(), "errorMessage": message });
            Response::builder()
                .header(FUNCTION_ERROR, "Unhandled")
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(payload.to_string().into()))
                .unwrap_or_default()
        }
    }
}

/// Returns the caller's client context, which is JSON in base64.
fn client_context(headers: &HeaderMap) -> Result<Option<String>, String> {
    let Some(encoded) = headers.get(CLIENT_CONTEXT) else {
        return Ok(None);
    };
    let decoded = BASE64_STANDARD
        .decode(encoded)
        .map_err(|error| format!("the client context is not base64: {error}"))?;
    let text = String::from_utf8(decoded)
        .map_err(|error| format!("the client context is not text: {error}"))?;
    Ok(Some(text))
}

fn too_large(error: &InvokeError) -> Response<Full<Bytes>> {
    refuse(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestTooLargeException",
        &error.to_string(),
    )
}

fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    let body = json!({ "Type": "User", "message": message, "Message": message });
    Response::builder()
        .status(status)
        .header(ERROR_TYPE, error_type)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body.to_string().into()))
        .unwrap_or_default()
}
