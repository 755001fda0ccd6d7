//! The calls that are active: which call a thread works for, and how another thread cancels a call.

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use plugin_abi::{Host, host_op};
use serde::Deserialize;

use super::host_client;

/// A flag that any thread can read: whether a call is cancelled.
#[derive(Default)]
pub struct CancelToken {
    cancelled: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl CancelToken {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        // Release the lock before waking: the woken task locks it too.
        let waker = self.waker().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sets the waker that a cancellation wakes. Call it before [`CancelToken::is_cancelled`]: otherwise a cancellation
    /// between the two calls would be missed.
    #[cfg(feature = "async")]
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut kept = self.waker();
        match kept.as_mut() {
            Some(kept) => kept.clone_from(waker),
            None => *kept = Some(waker.clone()),
        }
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the active calls, usually one or a few.
fn active_calls() -> MutexGuard<'static, Vec<(u64, Arc<CancelToken>)>> {
    static ACTIVE_CALLS: Mutex<Vec<(u64, Arc<CancelToken>)>> = Mutex::new(Vec::new());
    ACTIVE_CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A guard for an active call, which can be cancelled until the guard is dropped.
pub(crate) struct ActiveCallGuard(u64);

impl ActiveCallGuard {
    /// Registers a call, and asks the host whether it has already been cancelled.
    pub(crate) fn register(host: Host) -> (Self, Arc<CancelToken>) {
        #[derive(Deserialize)]
        struct Answer {
            cancelled: bool,
        }
        let cancel_token = Arc::<CancelToken>::default();
        active_calls().push((host.call, Arc::clone(&cancel_token)));
        // The host sends a cancellation only once, and may have sent it before the call was registered. So ask for it.
        let limited = host.deadline_unix_ms != 0;
        let state = limited.then(|| host_client::request::<Answer>(host, host_op::CANCELLED));
        if state.flatten().is_some_and(|answer| answer.cancelled) {
            cancel_token.cancel();
        }
        (Self(host.call), cancel_token)
    }
}

impl Drop for ActiveCallGuard {
    fn drop(&mut self) {
        active_calls().retain(|(call, _)| *call != self.0);
    }
}

/// Cancels a call. An ended or unknown call is ignored.
pub(crate) fn cancel(call: u64) {
    for (_, cancel_token) in active_calls().iter().filter(|(number, _)| *number == call) {
        cancel_token.cancel();
    }
}

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// Returns the call that this thread works for; 0 if that is not known.
pub(crate) fn current() -> u64 {
    CURRENT.get()
}

/// A guard that sets the call that this thread works for, until it is dropped.
pub(crate) struct CurrentCallGuard(u64);

impl CurrentCallGuard {
    /// Sets the call that this thread works for.
    pub(crate) fn enter(call: u64) -> Self {
        Self(CURRENT.replace(call))
    }
}

impl Drop for CurrentCallGuard {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
