//! The response to an invocation: one that has begun, and one that is complete.

use bytes::Bytes;
use serde_json::Value;

use crate::{error::InvokeError, stream::Stream};

/// The separator between the head of a streamed HTTP response and its body. Source: "Using the Lambda runtime API for
/// custom runtimes", response streaming; lambda_runtime writes the same.
pub(crate) const PRELUDE_END: [u8; 8] = [0; 8];

/// The content type of a stream that begins with such a head.
pub(crate) const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

/// A complete response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// The request id that the function got.
    pub request_id: String,
    /// The payload, unchanged.
    pub payload: Bytes,
    /// The function's response mode.
    pub response_mode: ResponseMode,
    /// The content type of the payload.
    pub content_type: Option<String>,
}

/// How a runtime or a front door forwards a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// As a whole, when all of it has arrived.
    Buffered,
    /// In chunks, as they arrive.
    Streaming,
}

/// A response that has begun.
#[non_exhaustive]
pub struct StartedInvocation {
    /// The request id that the function got.
    pub request_id: String,
    /// The content type of the payload.
    pub content_type: Option<String>,
    pub(crate) payload: Payload,
}

/// The payload of a response that has begun.
pub(crate) enum Payload {
    Whole(Bytes),
    Stream(Stream),
}

impl Invocation {
    /// Parses the payload as JSON.
    ///
    /// # Errors
    ///
    /// If it is not JSON.
    pub fn json(&self) -> serde_json::Result<Value> {
        serde_json::from_slice(&self.payload)
    }

    /// Returns the head (`statusCode`, `headers`, `cookies`) and the body, if this is a streamed HTTP response.
    pub fn http_stream(&self) -> Option<(Value, Bytes)> {
        if self.response_mode != ResponseMode::Streaming
            || self.content_type.as_deref() != Some(HTTP_INTEGRATION)
        {
            return None;
        }
        let head = self
            .payload
            .windows(PRELUDE_END.len())
            .position(|window| window == PRELUDE_END)?;
        let prelude = serde_json::from_slice(&self.payload[..head]).ok()?;
        Some((prelude, self.payload.slice(head + PRELUDE_END.len()..)))
    }
}

impl StartedInvocation {
    /// Returns the function's response mode.
    pub fn response_mode(&self) -> ResponseMode {
        match self.payload {
            Payload::Whole(_) => ResponseMode::Buffered,
            Payload::Stream(_) => ResponseMode::Streaming,
        }
    }

    /// Returns the next chunk of the response, as the function sent it; `None` after the last. A buffered response is
    /// one chunk.
    ///
    /// # Errors
    ///
    /// If a stream breaks off. After that, there are no more chunks.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, InvokeError> {
        match &mut self.payload {
            Payload::Whole(payload) => {
                let payload = std::mem::take(payload);
                Ok(Some(payload).filter(|payload| !payload.is_empty()))
            }
            Payload::Stream(stream) => stream.next().await.transpose(),
        }
    }
}
