//! A client for Lambda's Runtime API, from which a function fetches its invocations and to which it sends its
//! responses.
//!
//! The host does not use the client in `lambda_runtime`, for two reasons. `lambda_runtime` ends the process if the
//! client context has an unknown form. And it does not set `TCP_NODELAY`, so each small piece of a streamed response
//! would wait until the previous one is acknowledged. One connection with one request at a time is enough, because each
//! client handles one invocation at a time.
//!
//! Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes", and the behaviour of
//! `lambda_runtime` 1.5.

use std::convert::Infallible;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_TYPE, HOST, USER_AGENT},
    request::Builder,
};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use crate::transport::lambda::invocation::Invocation;

const VERSION: &str = "/2018-06-01/runtime";

/// The header that distinguishes invocations with the same request id.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

const AGENT: &str = concat!("mcp-layer-host/", env!("CARGO_PKG_VERSION"));

/// A client for the Runtime API. `S` is the type of a streamed body.
pub(super) struct RuntimeApi<S> {
    address: String,
    /// The prefix of every path. Only emulators have one.
    prefix: String,
    connection: Option<SendRequest<Either<Full<Bytes>, S>>>,
}

/// The reason why a request to the Runtime API failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RuntimeApiError {
    #[error("cannot connect to {0}: {1}")]
    Connect(String, std::io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Request(#[from] http::Error),
    #[error("it responded with {0}")]
    Refused(StatusCode),
    #[error("an invocation has no request id")]
    MissingRequestId,
}

impl<S> RuntimeApi<S>
where
    S: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    /// Returns a client for an address in the form of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn new(address: &str) -> Self {
        let address = address.strip_prefix("http://").unwrap_or(address);
        let (address, prefix) = match address.find('/') {
            Some(begin) => address.split_at(begin),
            None => (address, ""),
        };
        let address = match address.contains(':') {
            true => address.to_owned(),
            false => format!("{address}:80"),
        };
        Self {
            address,
            prefix: prefix.trim_end_matches('/').to_owned(),
            connection: None,
        }
    }

    /// Waits for the next invocation.
    pub(super) async fn next(&mut self) -> Result<Invocation, RuntimeApiError> {
        loop {
            let request = self.request(Method::GET, "/invocation/next");
            let response = self
                .call(request.body(Either::Left(Full::default()))?)
                .await?;
            let (head, body) = response.into_parts();
            match head.status {
                // Some emulators respond like this while there is no invocation.
                StatusCode::NO_CONTENT => {
                    body.collect().await?;
                }
                status if status.is_success() => {
                    let event = body.collect().await?.to_bytes();
                    return Invocation::new(&head.headers, event)
                        .ok_or(RuntimeApiError::MissingRequestId);
                }
                status => return Err(RuntimeApiError::Refused(status)),
            }
        }
    }

    /// Waits until the environment is restored from a snapshot. Lambda takes the snapshot while this waits. Open
    /// connections do not survive that, so the connection is dropped.
    pub(super) async fn wait_for_restore(&mut self) -> Result<(), RuntimeApiError> {
        let request = self.request(Method::GET, "/restore/next");
        let request = request.body(Either::Left(Full::default()))?;
        self.post(request).await?;
        self.connection = None;
        Ok(())
    }

    /// Sends a complete response to an invocation.
    pub(super) async fn respond(
        &mut self,
        invocation: &Invocation,
        answer: Bytes,
    ) -> Result<(), RuntimeApiError> {
        let request = self.post_to(invocation, "response");
        let request = request.header(CONTENT_TYPE, "application/json");
        self.post(request.body(Either::Left(answer.into()))?).await
    }

    /// Sends a streamed response to an invocation.
    pub(super) async fn stream(
        &mut self,
        invocation: &Invocation,
        headers: HeaderMap,
        answer: S,
    ) -> Result<(), RuntimeApiError> {
        let mut request = self
            .post_to(invocation, "response")
            .body(Either::Right(answer))?;
        request.headers_mut().extend(headers);
        self.post(request).await
    }

    /// Reports that an invocation failed.
    pub(super) async fn fail(
        &mut self,
        invocation: &Invocation,
        failure: &InvocationFailure,
    ) -> Result<(), RuntimeApiError> {
        let request = failure.request(self.post_to(invocation, "error"))?;
        self.post(request).await
    }

    /// Reports why the function could not start. Lambda shows the message to the invoker and in the log.
    pub(super) async fn fail_init(
        &mut self,
        failure: &InvocationFailure,
    ) -> Result<(), RuntimeApiError> {
        let request = failure.request(self.request(Method::POST, "/init/error"))?;
        self.post(request).await
    }

    fn post_to(&self, invocation: &Invocation, what: &str) -> Builder {
        let path = format!("/invocation/{}/{what}", invocation.request_id);
        let request = self.request(Method::POST, &path);
        match &invocation.invocation_id {
            Some(id) => request.header(INVOCATION_ID, id),
            None => request,
        }
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{VERSION}{path}", self.prefix))
            .header(HOST, &self.address)
            .header(USER_AGENT, HeaderValue::from_static(AGENT))
    }

    async fn post(
        &mut self,
        request: Request<Either<Full<Bytes>, S>>,
    ) -> Result<(), RuntimeApiError> {
        let response = self.call(request).await?;
        let status = response.status();
        // The body must be read to its end before the connection can be used again.
        response.into_body().collect().await?;
        if status.is_success() {
            Ok(())
        } else {
            Err(RuntimeApiError::Refused(status))
        }
    }

    async fn call(
        &mut self,
        request: Request<Either<Full<Bytes>, S>>,
    ) -> Result<Response<Incoming>, RuntimeApiError> {
        let mut request = request;
        if let Some(connection) = &mut self.connection
            && connection.ready().await.is_ok()
        {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut error) => match error.take_message() {
                    // The connection was closed before the request was sent, so it can be sent on a new one.
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let connection = self.connect().await?;
        Ok(connection.send_request(request).await?)
    }

    async fn connect(
        &mut self,
    ) -> Result<&mut SendRequest<Either<Full<Bytes>, S>>, RuntimeApiError> {
        let failed = |error| RuntimeApiError::Connect(self.address.clone(), error);
        let stream = TcpStream::connect(&self.address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // This task ends when `sender` is dropped. Its errors are reported by `sender`.
        tokio::spawn(connection);
        Ok(self.connection.insert(sender))
    }
}

/// The reason why an invocation failed or the function could not start.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct InvocationFailure {
    /// A stable error code.
    pub(super) code: String,
    pub(super) message: String,
}

impl InvocationFailure {
    fn request<S>(&self, request: Builder) -> http::Result<Request<Either<Full<Bytes>, S>>> {
        let body =
            json!({ "errorMessage": self.message, "errorType": self.code, "stackTrace": [] });
        request
            .header(CONTENT_TYPE, "application/json")
            .header("Lambda-Runtime-Function-Error-Type", &self.code)
            .body(Either::Left(body.to_string().into()))
    }
}
