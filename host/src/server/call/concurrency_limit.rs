//! How many calls run at once: each has a thread of its own, and there are only so many. One that would be too many is refused, at
//! once, and not kept waiting for nobody knows how long.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often the log tells of calls that were refused.
/// Source: ours. Who sends too much sends it again.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The calls that run.
pub(crate) struct ConcurrencyLimit {
    max: usize,
    permits: Arc<Semaphore>,
    rejections: Mutex<Rejections>,
}

/// The place of a call among those that run. It is kept until the tool comes back, whoever still waits for it.
pub(crate) type CallPermit = OwnedSemaphorePermit;

#[derive(Default)]
struct Rejections {
    /// Since the log told of it.
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

    /// How many it can be.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// A place for one more.
    ///
    /// # Errors
    /// There is none: why, and what to do, as the end of a sentence for whoever calls.
    pub(crate) fn try_acquire(&self) -> Result<CallPermit, String> {
        let permits = Arc::clone(&self.permits);
        permits.try_acquire_owned().map_err(|_| {
            self.log_rejection(Instant::now());
            format!(
                "as many calls run as the server runs at once, {}; try again later",
                self.max
            )
        })
    }

    /// Tell the operator, but not of each.
    fn log_rejection(&self, now: Instant) {
        if let Some(refused) = self.rejections().count(now) {
            tracing::warn!(
                refused,
                "calls were refused: {} run already; raise CALLS_AT_ONCE if they are meant to",
                self.max
            );
        }
    }

    fn rejections(&self) -> MutexGuard<'_, Rejections> {
        // Nothing is left half done under this lock.
        self.rejections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rejections {
    /// Count one; how many there were, if it is time to tell.
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
        let crowd = ConcurrencyLimit::new(2);
        let first = crowd.try_acquire().expect("room");
        let _second = crowd.try_acquire().expect("room");
        let why = crowd.try_acquire().expect_err("no room");
        assert!(why.contains("at once, 2;"), "{why}");
        drop(first);
        assert!(crowd.try_acquire().is_ok());
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
