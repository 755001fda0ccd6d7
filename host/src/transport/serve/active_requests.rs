//! The requests that are active, for a graceful end: connections without a request are closed at once.

use std::{sync::Arc, time::Duration};

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

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
