//! The limit of concurrent calls. Each call has its own thread, and the number of threads is limited. A call beyond the
//! limit is rejected immediately: nobody could say how long it would have to wait.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The minimum time between two log lines about rejected calls.
/// Source: ours. A client that sends too many calls usually continues to do so.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The limit, and the permits of the calls that are running.
pub(crate) struct ConcurrencyLimit {
    max: usize,
    permits: Arc<Semaphore>,
    rejections: Mutex<Rejections>,
}

/// The permit of a running call. It is held until the tool returns, even if nobody waits for the result any more.
pub(crate) type CallPermit = OwnedSemaphorePermit;

#[derive(Default)]
struct Rejections {
    /// The number of calls that were rejected since the last log line.
    unlogged: u64,
    last_logged: Option<Instant>,
}

impl ConcurrencyLimit {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            permits: Arc::new(Semaphore::new(max)),
            rejections: Mutex::default(),
        }
    }

    /// Returns the maximum number of concurrent calls.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Returns a permit for one more call.
    ///
    /// # Errors
    /// The reason and the remedy, as the end of a sentence for the caller.
    pub(crate) fn try_acquire(&self) -> Result<CallPermit, String> {
        let permits = Arc::clone(&self.permits);
        permits.try_acquire_owned().map_err(|_| {
            self.log_rejection(Instant::now());
            format!(
                "the server is at its limit of concurrent calls, {}; try again later",
                self.max
            )
        })
    }

    /// Logs a rejected call, but at most once per interval.
    fn log_rejection(&self, now: Instant) {
        if let Some(refused) = self.rejections().count(now) {
            tracing::warn!(
                refused,
                "calls rejected: {} already run; raise MCP_MAX_CONCURRENT_CALLS to allow more",
                self.max
            );
        }
    }

    fn rejections(&self) -> MutexGuard<'_, Rejections> {
        // A panic while this lock is held cannot leave the data inconsistent.
        self.rejections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rejections {
    /// Counts a rejected call. If a log line is due, returns the number of rejected calls since the last one.
    fn count(&mut self, now: Instant) -> Option<u64> {
        self.unlogged += 1;
        let due = self
            .last_logged
            .is_none_or(|last_logged| now.saturating_duration_since(last_logged) >= LOG_INTERVAL);
        due.then(|| {
            self.last_logged = Some(now);
            std::mem::take(&mut self.unlogged)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_free_again_when_a_call_has_ended() {
        let limit = ConcurrencyLimit::new(2);
        let first = limit.try_acquire().expect("room");
        let _second = limit.try_acquire().expect("room");
        let why = limit.try_acquire().expect_err("no room");
        assert!(why.contains("concurrent calls, 2;"), "{why}");
        drop(first);
        assert!(limit.try_acquire().is_ok());
    }

    #[test]
    fn refusals_are_logged_at_intervals_with_their_number() {
        let mut refused = Rejections::default();
        let begun = Instant::now();
        for (seconds, last_logged) in [
            (0, Some(1)),
            (1, None),
            (9, None),
            (10, Some(3)),
            (19, None),
            (60, Some(2)),
        ] {
            let now = begun + Duration::from_secs(seconds);
            assert_eq!(refused.count(now), last_logged, "after {seconds} s");
        }
    }
}
