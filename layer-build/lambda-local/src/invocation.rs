//! One invocation as its caller sees it: an answer that has begun, and an answer that is complete.

use bytes::Bytes;
use serde_json::Value;

use crate::{error::InvokeError, stream::Stream};

/// The separator between the head of a streamed HTTP answer and its body.
/// Source: "Using the Lambda runtime API for custom runtimes", response streaming; lambda_runtime writes it so.
pub(crate) const PRELUDE_END: [u8; 8] = [0; 8];

/// The content type that announces such a head.
pub(crate) const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

/// A complete answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// The request id that the function saw.
    pub request_id: String,
    /// The payload, unchanged.
    pub payload: Bytes,
    /// The function's response mode.
    pub response_mode: ResponseMode,
    /// The content type of the payload.
    pub content_type: Option<String>,
}

/// The way an answer is forwarded, by a runtime or by a front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// At once, when all of it has arrived.
    Buffered,
    /// In chunks, as they arrive.
    Streaming,
}

/// An answer that has begun.
#[non_exhaustive]
pub struct StartedInvocation {
    /// The request id that the function saw.
    pub request_id: String,
    /// The content type of the payload.
    pub content_type: Option<String>,
    pub(crate) payload: Payload,
}

/// The payload of an answer that has begun.
pub(crate) enum Payload {
    Whole(Bytes),
    Stream(Stream),
}

impl Invocation {
    /// Parses the answer as JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON.
    pub fn json(&self) -> serde_json::Result<Value> {
        serde_json::from_slice(&self.payload)
    }

    /// Returns the head (`statusCode`, `headers`, `cookies`) and the body of a streamed HTTP answer, when it is one.
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

    /// Returns the next chunk of the answer, as the function sent it; none after the last. A buffered answer is one
    /// chunk.
    ///
    /// # Errors
    ///
    /// When a stream breaks off; no chunk follows.
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
