//! How many calls run at once: each has a thread of its own, and there are only so many. One that would be too many is refused, at
//! once, and not kept waiting for nobody knows how long.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often the log tells of calls that were refused.
/// Source: ours. Who sends too much sends it again.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The calls that run.
pub(crate) struct Crowd {
    most: usize,
    room: Arc<Semaphore>,
    refused: Mutex<Refused>,
}

/// The place of a call among those that run. It is kept until the tool comes back, whoever still waits for it.
pub(crate) type Place = OwnedSemaphorePermit;

#[derive(Default)]
struct Refused {
    /// Since the log told of it.
    untold: u64,
    told: Option<Instant>,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            room: Arc::new(Semaphore::new(most)),
            refused: Mutex::default(),
        }
    }

    /// How many it can be.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// A place for one more.
    ///
    /// # Errors
    /// There is none: why, and what to do, as the end of a sentence for whoever calls.
    pub(crate) fn enter(&self) -> Result<Place, String> {
        let room = Arc::clone(&self.room);
        room.try_acquire_owned().map_err(|_| {
            self.tell(Instant::now());
            format!(
                "as many calls run as the server runs at once, {}; try again later",
                self.most
            )
        })
    }

    /// Tell the operator, but not of each.
    fn tell(&self, now: Instant) {
        if let Some(refused) = self.refused().count(now) {
            tracing::warn!(
                refused,
                "calls were refused: {} run already; raise CALLS_AT_ONCE if they are meant to",
                self.most
            );
        }
    }

    fn refused(&self) -> MutexGuard<'_, Refused> {
        // Nothing is left half done under this lock.
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refused {
    /// Count one; how many there were, if it is time to tell.
    fn count(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        let due = self
            .told
            .is_none_or(|told| now.saturating_duration_since(told) >= TOLD_EVERY);
        due.then(|| {
            self.told = Some(now);
            std::mem::take(&mut self.untold)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_when_a_call_has_ended() {
        let crowd = Crowd::new(2);
        let first = crowd.enter().expect("room");
        let _second = crowd.enter().expect("room");
        let why = crowd.enter().expect_err("no room");
        assert!(why.contains("at once, 2;"), "{why}");
        drop(first);
        assert!(crowd.enter().is_ok());
    }

    #[test]
    fn refusals_are_told_now_and_then_with_their_number() {
        let mut refused = Refused::default();
        let begun = Instant::now();
        for (seconds, told) in [
            (0, Some(1)),
            (1, None),
            (9, None),
            (10, Some(3)),
            (19, None),
            (60, Some(2)),
        ] {
            let now = begun + Duration::from_secs(seconds);
            assert_eq!(refused.count(now), told, "after {seconds} s");
        }
    }
}
