//! A stream that counts as an active request while its client does not read: the end of the server waits for it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::serve::active_requests::{ActiveRequest, ActiveRequests};

/// A stream of a connection.
pub(super) struct TrackedStream<S> {
    stream: S,
    active: ActiveRequests,
    /// Bytes wait for the client. (hyper drops the body of a response when it has buffered the last bytes.)
    unsent: Option<ActiveRequest>,
}

impl<S> TrackedStream<S> {
    pub(super) fn new(stream: S, active: ActiveRequests) -> Self {
        Self {
            stream,
            active,
            unsent: None,
        }
    }

    /// Records whether a write waits for the client.
    fn record<T>(&mut self, written: Poll<T>) -> Poll<T> {
        match &written {
            Poll::Ready(_) => self.unsent = None,
            Poll::Pending if self.unsent.is_none() => self.unsent = Some(self.active.enter()),
            Poll::Pending => {}
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TrackedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.record(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.record(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
