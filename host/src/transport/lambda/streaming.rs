//! Responses that are streamed through Lambda (`MCP_RESPONSE_MODE=stream`). A response that is already complete is sent
//! in one piece.
//!
//! Source of the format: AWS Lambda Developer Guide, "Using the Lambda runtime API", "Response streaming", and the
//! output of `lambda_runtime` 1.5.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{self, Poll},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING},
};
use http_body::{Body, Frame};
use lambda_http::lambda_runtime::MetadataPrelude;

use crate::server::http::sse::ResponseBody;

/// The content type by which Lambda recognizes a stream that contains an HTTP response.
const HTTP_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";

/// The delimiter between the status and headers of the response, which are JSON, and its body.
const DELIMITER: [u8; 8] = [0; 8];

/// Returns the headers with which a streamed response is sent to the Runtime API.
pub(super) fn headers() -> HeaderMap {
    let headers = [
        (CONTENT_TYPE, HTTP_RESPONSE),
        (TRANSFER_ENCODING, "chunked"),
        (
            HeaderName::from_static("lambda-runtime-function-response-mode"),
            "streaming",
        ),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    headers.into_iter().collect()
}

/// Converts a response into Lambda's format.
pub(super) fn into_stream(response: Response<ResponseBody>) -> StreamBody {
    let (mut head, mut body) = response.into_parts();
    // Lambda never ends an invocation whose stream has no body, so a line feed is sent.
    if body.is_end_stream() {
        body = ResponseBody::whole(Bytes::from_static(b"\n"));
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
    let preface = serde_json::to_vec(&prelude).unwrap_or_default();
    StreamBody {
        preface: Some([preface.into(), Bytes::from_static(&DELIMITER)]),
        ready: VecDeque::new(),
        body,
    }
}

/// A body with a preface (status, headers and delimiter). The preface is sent together with the first piece of the
/// body, but in separate chunks. `cargo lambda watch` relies on the chunks to find the end of the preface, and
/// `lambda_runtime` sends them in the same way. (They are still sent to the connection in one write.)
pub(super) struct StreamBody {
    preface: Option<[Bytes; 2]>,
    ready: VecDeque<Bytes>,
    body: ResponseBody,
}

impl Body for StreamBody {
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
            let Some(preface) = self.preface.take() else {
                return Poll::Ready(frame);
            };
            self.ready.extend(preface);
            let first = frame.and_then(|Ok(frame)| frame.into_data().ok());
            self.ready.extend(first);
        }
        Poll::Ready(self.ready.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.preface.is_none() && self.ready.is_empty() && self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
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
                Response::new(ResponseBody::whole(Bytes::from_static(body.as_bytes())));
            *response.status_mut() = StatusCode::from_u16(status).expect("a status");
            let mut body = into_stream(response);
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
