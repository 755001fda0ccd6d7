//! Answers that Lambda passes on as they happen (`RESPONSE_MODE=stream`).
//!
//! They are posted by a client of our own. That of `lambda_runtime`, which goes on fetching the invocations, cannot be told to
//! send small pieces at once (`TCP_NODELAY`): each of them would wait until the one before is acknowledged, which takes
//! 40 ms, and an answer that is ready is written in three pieces there. Here it is one.
//!
//! Source of the form: AWS Lambda Developer Guide, "Using the Lambda runtime API", "Response streaming", and what
//! `lambda_runtime` 1.5 sends.

use std::{
    collections::VecDeque,
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING},
};
use http_body::{Body, Frame};
use hyper_util::client::legacy::connect::HttpConnector;
use lambda_http::{
    Error, Request, RequestExt, Response,
    lambda_runtime::{Diagnostic, LambdaInvocation, MetadataPrelude},
    tower::{Layer, Service, layer::layer_fn},
};
use lambda_runtime_api_client::{PooledClient, body::Body as ApiBody, build_request};
use serde_json::value::RawValue;

use super::{
    answer_telling, direct,
    door::{self, Door},
    event::{Brought, Unknown},
    failure,
};
use crate::app::{AnswerBody, App, Reached};

/// What distinguishes an HTTP response from other bytes.
const HTTP_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";

/// What stands between the status and headers of a response, as JSON, and its body.
const DELIMITER: [u8; 8] = [0; 8];

/// Tells invocations apart that have the same request id.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// What answers invocations.
#[derive(Clone)]
pub(super) struct Streaming {
    app: Arc<App>,
    client: Arc<PooledClient>,
}

impl Streaming {
    pub(super) fn of(app: &Arc<App>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            app: Arc::clone(app),
            client: Arc::new(PooledClient::builder().with_connector(connector).build()),
        }
    }

    /// What takes the place of the runtime's own way to answer.
    pub(super) fn layer<S>(self) -> impl Layer<S, Service = Self> {
        layer_fn(move |_| self.clone())
    }

    async fn answer(self, invocation: LambdaInvocation) {
        let LambdaInvocation {
            parts,
            body,
            context,
        } = invocation;
        let path = format!("/2018-06-01/runtime/invocation/{}", context.request_id);
        // A panic would end the process, and with it all that goes on beside it.
        let answered = self.answered(&path, &body, context);
        let answered = AssertUnwindSafe(answered).catch_unwind().await;
        let answered = answered.unwrap_or_else(|_| {
            Err(Diagnostic {
                error_type: "HOST_PANICKED".to_owned(),
                error_message: "the host failed unexpectedly; its log says where".to_owned(),
            })
        });
        let request = answered.unwrap_or_else(|failed| {
            tracing::error!(code = failed.error_type, "{}", failed.error_message);
            failure(
                &format!("{path}/error"),
                &failed.error_type,
                &failed.error_message,
            )
        });
        let invocation = parts.headers.get(INVOCATION_ID).cloned();
        let sent = match request {
            Ok(mut request) => {
                if let Some(invocation) = invocation {
                    request.headers_mut().insert(INVOCATION_ID, invocation);
                }
                self.client.call(request).await
            }
            Err(error) => Err(error.into()),
        };
        // Whoever fetches the next invocation learns whether Lambda is still there.
        match sent {
            Ok(taken) if taken.status().is_success() => {}
            Ok(refused) => {
                tracing::error!(status = %refused.status(), "Lambda did not take an answer");
            }
            Err(error) => tracing::error!(error, "an answer did not reach Lambda"),
        }
    }

    /// The answer to an event, as Lambda takes it.
    async fn answered(
        &self,
        path: &str,
        event: &[u8],
        context: lambda_http::Context,
    ) -> Result<http::Result<http::Request<ApiBody>>, Diagnostic> {
        let payload: Box<RawValue> = serde_json::from_slice(event)
            .map_err(|error| Unknown::new(&format!("no JSON: {error}")))?;
        match Brought::by(&payload, &context)? {
            Brought::Request(mut event) => {
                door::settle(&mut event)?;
                let mut request = Request::from(*event);
                if let Some((name, trace)) = direct::trace(&context) {
                    request.headers_mut().insert(name, trace);
                }
                let request = request.with_lambda_context(context);
                let response = stream(Arc::clone(&self.app), request).await;
                Ok(streamed(path, response))
            }
            Brought::Direct(direct) => {
                let answer = direct.answer(&self.app, &context, &payload).await;
                Ok(build_request()
                    .method(http::Method::POST)
                    .uri(format!("{path}/response"))
                    .body(ApiBody::from(answer.get().to_owned())))
            }
        }
    }
}

impl Service<LambdaInvocation> for Streaming {
    type Response = ();
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        Box::pin(self.clone().answer(invocation).map(Ok))
    }
}

async fn stream(app: Arc<App>, request: Request) -> Response<AnswerBody> {
    let context = request.request_context();
    let domain = Door::of(&context, request.raw_http_path()).domain;
    let opening = app.opening(request.headers(), Reached::Gateway(domain));
    let answer = |tell| async move { answer_telling(&app, &request, &context, Some(tell)).await };
    opening.answer(answer).await
}

/// The answer as Lambda takes it.
fn streamed(path: &str, response: Response<AnswerBody>) -> http::Result<http::Request<ApiBody>> {
    let (mut head, mut body) = response.into_parts();
    // An invocation whose stream is empty is never over.
    if body.is_end_stream() {
        body = AnswerBody::whole(Bytes::from_static(b"\n"));
        if head.status == StatusCode::NO_CONTENT {
            head.status = StatusCode::OK;
        }
    }
    let cookies = head.headers.get_all(SET_COOKIE).iter();
    let cookies = cookies.map(|cookie| String::from_utf8_lossy(cookie.as_bytes()).into_owned());
    let mut prelude = MetadataPrelude {
        status_code: head.status,
        cookies: cookies.collect(),
        headers: head.headers,
    };
    prelude.headers.remove(SET_COOKIE);
    let begin = serde_json::to_vec(&prelude).unwrap_or_default();
    let begin = [begin.into(), Bytes::from_static(&DELIMITER)];
    build_request()
        .method(http::Method::POST)
        .uri(format!("{path}/response"))
        .header(CONTENT_TYPE, HTTP_RESPONSE)
        .header(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))
        .header("lambda-runtime-function-response-mode", "streaming")
        .body(ApiBody::new(Begun {
            begin: Some(begin),
            ready: VecDeque::new(),
            body,
        }))
}

/// A body with something before it, which is sent together with what comes first, but in chunks of their own: `cargo lambda watch`
/// tells them apart by nothing else, which is how `lambda_runtime` sends them. (The connection still gets them in one write.)
struct Begun {
    begin: Option<[Bytes; 2]>,
    ready: VecDeque<Bytes>,
    body: AnswerBody,
}

impl Body for Begun {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ready.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
                return Poll::Pending;
            };
            let Some(begin) = self.begin.take() else {
                return Poll::Ready(frame);
            };
            self.ready.extend(begin);
            let first = frame.and_then(|Ok(frame)| frame.into_data().ok());
            self.ready.extend(first);
        }
        Poll::Ready(self.ready.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.begin.is_none() && self.ready.is_empty() && self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn an_answer_that_is_ready_is_three_chunks_at_once_and_none_is_empty() {
        for (status, body, expected) in [
            (
                200,
                "{}",
                r#"{"statusCode":200,"headers":{},"cookies":[]}|{}"#,
            ),
            (
                202,
                "",
                "{\"statusCode\":202,\"headers\":{},\"cookies\":[]}|\n",
            ),
            (
                204,
                "",
                "{\"statusCode\":200,\"headers\":{},\"cookies\":[]}|\n",
            ),
        ] {
            let mut response =
                Response::new(AnswerBody::whole(Bytes::from_static(body.as_bytes())));
            *response.status_mut() = StatusCode::from_u16(status).expect("a status");
            let request = streamed("/path", response).expect("a request");
            assert_eq!(request.uri(), "/path/response");
            let mut body = request.into_body();
            let mut chunks = Vec::new();
            for _ in 0..3 {
                let frame = body.frame().now_or_never().expect("it is ready");
                let frame = frame.expect("a frame").expect("no error");
                chunks.push(frame.into_data().expect("data"));
            }
            let (head, end) = expected.split_once('|').expect("head and body");
            assert_eq!(chunks, [head.as_bytes(), &DELIMITER, end.as_bytes()]);
            assert!(body.frame().await.is_none());
        }
    }
}
