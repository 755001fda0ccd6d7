//! The requests that are active, for a graceful end: connections without a request are closed at once.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;

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
    /// Returns a body that keeps the request active until it is written.
    pub(super) fn track<B>(self, body: B) -> TrackedBody<B> {
        TrackedBody {
            body,
            _active: self,
        }
    }
}

/// A body of a response to an active request.
pub(super) struct TrackedBody<B> {
    body: B,
    _active: ActiveRequest,
}

impl<B: Body + Unpin> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
