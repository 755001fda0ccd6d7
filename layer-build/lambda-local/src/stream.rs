//! A streamed payload, which is forwarded while the process is still sending it.
//!
//! The Runtime API sends the chunks as they arrive, the caller reads them, and the invocation sends the outcome when it
//! is known. The stream does not end with the last chunk, but with the outcome.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};

use crate::error::InvokeError;

/// The maximum number of chunks that are buffered for a slow reader. Beyond it, the process must wait. Source: ours.
const MAX_WAITING_CHUNKS: usize = 16;

/// The sender of chunks.
pub(crate) type ChunkSender = mpsc::Sender<Bytes>;

/// The receiver of chunks, while the outcome is still unknown.
pub(crate) type ChunkReceiver = mpsc::Receiver<Bytes>;

/// The sender of a stream's outcome.
pub(crate) struct StreamEnd(oneshot::Sender<Result<(), InvokeError>>);

/// A stream: chunks, then the outcome.
pub(crate) struct Stream {
    chunks: ChunkReceiver,
    outcome: oneshot::Receiver<Result<(), InvokeError>>,
    ended: bool,
}

/// Creates the channel for the chunks.
pub(crate) fn chunks() -> (ChunkSender, ChunkReceiver) {
    mpsc::channel(MAX_WAITING_CHUNKS)
}

impl StreamEnd {
    /// Sends the outcome to the reader, if the reader still exists.
    pub(crate) fn finish(self, outcome: Result<(), InvokeError>) {
        let _ = self.0.send(outcome);
    }
}

impl Stream {
    /// Creates a stream of these chunks, and the sender of its outcome.
    pub(crate) fn new(chunks: ChunkReceiver) -> (Self, StreamEnd) {
        let (end, outcome) = oneshot::channel();
        let stream = Self {
            chunks,
            outcome,
            ended: false,
        };
        (stream, StreamEnd(end))
    }

    /// Returns the next chunk; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, InvokeError>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// Polls for the next chunk.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, InvokeError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(chunk) = ready!(self.chunks.poll_recv(context)) {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let outcome = ready!(std::pin::Pin::new(&mut self.outcome).poll(context));
        self.ended = true;
        // If the sender of the outcome was dropped, the function has been stopped.
        Poll::Ready(match outcome.unwrap_or(Err(InvokeError::Stopped)) {
            Ok(()) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// Reads the whole stream, up to a limit. Data beyond the limit is read from the process and discarded.
    ///
    /// # Errors
    ///
    /// If the stream breaks off, or is larger than the limit.
    pub(crate) async fn collect(mut self, limit: usize) -> Result<Bytes, InvokeError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next().await {
            let chunk = chunk?;
            let size = whole.len() + chunk.len();
            if size > limit {
                return Err(InvokeError::ResponseTooLarge { size, limit });
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn missing_chunks_are_not_the_end_of_a_stream() {
        for (outcome, whole) in [
            (Some(Ok(())), true),
            (Some(Err(InvokeError::Stopped)), false),
            (None, false),
        ] {
            let case = format!("{outcome:?}");
            let (sender, receiver) = chunks();
            let (stream, end) = Stream::new(receiver);
            sender.send(Bytes::from("a")).await.expect("room");
            sender.send(Bytes::from("b")).await.expect("room");
            drop(sender);
            match outcome {
                Some(outcome) => end.finish(outcome),
                None => drop(end),
            }
            let read = stream.collect(2).await;
            assert_eq!(read.is_ok(), whole, "{case}: {read:?}");
        }
    }

    #[tokio::test]
    async fn a_collected_stream_has_a_limit() {
        let (sender, receiver) = chunks();
        let (stream, end) = Stream::new(receiver);
        sender.send(Bytes::from("abc")).await.expect("room");
        drop(sender);
        end.finish(Ok(()));
        let error = stream.collect(2).await.expect_err("it is larger");
        assert!(
            matches!(error, InvokeError::ResponseTooLarge { limit: 2, .. }),
            "{error:?}"
        );
    }
}
