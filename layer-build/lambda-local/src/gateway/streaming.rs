//! Responses through a front door that streams: reads the head, and forwards the rest as it arrives.
//!
//! Source: "Set up a Lambda proxy integration with payload response streaming in API Gateway" and "Invoking a response
//! streaming enabled function using Lambda function URLs". If a client closes its connection, the function is not
//! stopped. If the function fails during a stream or takes too long, the gateway can only close the connection, because
//! the status has already been sent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use serde_json::Value;
use tokio::time::{self, Instant, Sleep};

use super::integration::MalformedAnswer;
use crate::{
    error::InvokeError,
    function::Function,
    invocation::{HTTP_INTEGRATION, PRELUDE_END, Payload, StartedInvocation},
    stream::Stream,
};

/// The longest head of a stream. Unit: bytes.
/// Source: "Set up a Lambda proxy integration with payload response streaming in API Gateway", the format: the first 16
/// KB.
const MAX_HEAD: usize = 16 << 10;

/// A response whose head has been read.
pub(super) struct StreamHead {
    /// The head. `None` if the function did not stream, or streamed something other than an HTTP response.
    pub(super) head: Option<Value>,
    /// The content type of the payload, as the function set it.
    pub(super) content_type: Option<String>,
    first: Bytes,
    rest: Option<Stream>,
}

/// The time limits of a stream.
#[derive(Clone, Copy)]
pub(super) struct StreamLimits {
    /// The time by which the whole stream must have ended.
    pub(super) until: Instant,
    /// The longest time between two chunks.
    pub(super) idle: Option<Duration>,
}

/// The body of a streamed response.
pub(super) struct StreamBody {
    first: Bytes,
    rest: Option<Stream>,
    limits: StreamLimits,
    timer: Pin<Box<Sleep>>,
    /// A handle that keeps the function alive until the stream ends.
    function: Function,
}

/// The reason why a body is incomplete. Nobody reads it: as an error of the body, it makes the server close the
/// connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Truncation {
    #[error(transparent)]
    Function(InvokeError),
    #[error("the stream took longer than the gateway waits")]
    TimedOut,
}

/// Reads the head.
///
/// # Errors
///
/// If the stream breaks off before the end of its head (the function's logs have the reason), or if the head is
/// malformed.
pub(super) async fn read_head(
    started: StartedInvocation,
) -> Result<Result<StreamHead, MalformedAnswer>, InvokeError> {
    let content_type = started.content_type;
    let stream_head = |head, first, rest| StreamHead {
        head,
        content_type: content_type.clone(),
        first,
        rest,
    };
    let mut stream = match started.payload {
        Payload::Whole(payload) => return Ok(Ok(stream_head(None, payload, None))),
        Payload::Stream(stream) if content_type.as_deref() != Some(HTTP_INTEGRATION) => {
            return Ok(Ok(stream_head(None, Bytes::new(), Some(stream))));
        }
        Payload::Stream(stream) => stream,
    };
    let mut read = BytesMut::new();
    let end = loop {
        if let Some(end) = head_end(&read) {
            break end;
        }
        if read.len() > MAX_HEAD {
            let why = format!("its head does not end within {MAX_HEAD} bytes");
            return Ok(Err(MalformedAnswer(why)));
        }
        match stream.next().await {
            Some(chunk) => read.extend_from_slice(&chunk?),
            None => {
                return Ok(Err(MalformedAnswer(
                    "the stream ends in its head".to_owned(),
                )));
            }
        }
    };
    let mut first = read.freeze();
    let head = first.split_to(end);
    let first = first.slice(PRELUDE_END.len()..);
    Ok(match serde_json::from_slice(&head) {
        Ok(head) => Ok(stream_head(Some(head), first, Some(stream))),
        Err(error) => Err(MalformedAnswer(format!("the head of the stream: {error}"))),
    })
}

/// Returns the position where the head ends, if all of it has arrived.
fn head_end(read: &[u8]) -> Option<usize> {
    let mut windows = read.windows(PRELUDE_END.len());
    windows.position(|window| window == PRELUDE_END)
}

impl StreamHead {
    /// Returns the rest of the stream as a body.
    pub(super) fn body(self, limits: StreamLimits, function: Function) -> StreamBody {
        StreamBody {
            first: self.first,
            rest: self.rest,
            limits,
            timer: Box::pin(time::sleep_until(limits.next())),
            function,
        }
    }
}

impl StreamLimits {
    /// Returns the time by which the next chunk must arrive.
    fn next(&self) -> Instant {
        let idle = self.idle.map(|idle| Instant::now() + idle);
        idle.map_or(self.until, |idle| idle.min(self.until))
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Truncation;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Truncation>>> {
        let this = self.get_mut();
        if !this.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.first)))));
        }
        let Some(rest) = &mut this.rest else {
            return Poll::Ready(None);
        };
        let end = match rest.poll_next(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                this.timer.as_mut().reset(this.limits.next());
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            Poll::Ready(Some(Err(error))) => Some(Err(Truncation::Function(error))),
            Poll::Ready(None) => None,
            Poll::Pending => {
                ready!(this.timer.as_mut().poll(context));
                this.function
                    .log("gateway: the stream was cut: it took longer than the integration timeout, or paused too long".to_owned());
                Some(Err(Truncation::TimedOut))
            }
        };
        this.rest = None;
        Poll::Ready(end)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::{FunctionConfig, stream};

    #[tokio::test]
    async fn a_long_pause_cuts_the_stream() {
        let far = Instant::now() + Duration::from_secs(600);
        let short = Duration::from_millis(1);
        for (until, idle) in [
            (far, Some(short)),
            (Instant::now() + short, None),
            (Instant::now() + short, Some(Duration::from_secs(600))),
        ] {
            let (_chunks, receiver) = stream::chunks();
            let (rest, _end) = Stream::new(receiver);
            let stream_head = StreamHead {
                head: None,
                content_type: None,
                first: Bytes::from("one"),
                rest: Some(rest),
            };
            let function = Function::new(FunctionConfig::new("bootstrap"));
            let mut body = stream_head.body(StreamLimits { until, idle }, function.clone());
            let first = body.frame().await.expect("a frame").expect("no error");
            assert_eq!(first.into_data().expect("data"), "one");
            let cut = body.frame().await.expect("an error");
            assert!(matches!(cut, Err(Truncation::TimedOut)), "{cut:?}");
            assert!(body.frame().await.is_none());
            assert!(function.logs()[0].contains("the stream was cut"));
        }
    }
}
