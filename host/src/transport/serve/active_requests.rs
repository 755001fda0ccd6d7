//! The requests that are active, for a graceful end: connections without a request are closed at once.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;

use crate::transport::serve::bytes_in_flight::Reservation;

/// The time without any request after which the server ends. Source: ours; a last answer is written within it.
const IDLE_GRACE: Duration = Duration::from_millis(300);

/// A counter of active requests.
#[derive(Clone)]
pub(super) struct ActiveRequests(Arc<watch::Sender<usize>>);

/// An active request, until it is dropped.
pub(super) struct ActiveRequest(Arc<watch::Sender<usize>>);

impl ActiveRequests {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn enter(&self) -> ActiveRequest {
        self.0.send_modify(|count| *count += 1);
        ActiveRequest(Arc::clone(&self.0))
    }

    /// Waits until there was no request for [`IDLE_GRACE`].
    pub(super) async fn wait_until_idle(&self) {
        let mut count = self.0.subscribe();
        loop {
            // The sender lives as long as this.
            let _ = count.wait_for(|count| *count == 0).await;
            let next = tokio::time::timeout(IDLE_GRACE, count.wait_for(|count| *count > 0)).await;
            if next.is_err() {
                return;
            }
        }
    }
}

impl ActiveRequest {
    /// Returns a body that keeps the request active, and its bytes in flight, until the last of it is buffered.
    /// It ends early when `cancelled` ends.
    pub(super) fn track<B, C>(
        self,
        body: B,
        reservation: Reservation,
        cancelled: Pin<Box<C>>,
    ) -> TrackedBody<B, C> {
        TrackedBody {
            body,
            rest: Bytes::new(),
            cancelled,
            _active: self,
            _reservation: reservation,
        }
    }
}

/// The largest piece that hyper gets of a body. Unit: bytes. Source: ours. hyper buffers a piece as a whole, and asks for
/// the next one when the client has read enough.
const MAX_PIECE: usize = 64 * 1024;

/// A body of a response to an active request.
pub(super) struct TrackedBody<B, C> {
    body: B,
    /// The rest of a piece of the body.
    rest: Bytes,
    cancelled: Pin<Box<C>>,
    _active: ActiveRequest,
    _reservation: Reservation,
}

impl<B, C> Body for TrackedBody<B, C>
where
    B: Body<Data = Bytes> + Unpin,
    C: Future<Output = ()>,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.rest.is_empty() {
            if self.cancelled.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                other => return other,
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let length = self.rest.len().min(MAX_PIECE);
        let piece = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let hint = self.body.size_hint();
        let mut with_rest = SizeHint::new();
        with_rest.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            with_rest.set_upper(upper + rest);
        }
        with_rest
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
