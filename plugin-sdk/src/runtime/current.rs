//! The calls under way: which one a thread works for, and how another thread ends it.

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

/// Whether a call goes on, seen from any thread.
#[derive(Default)]
pub struct Running {
    cancelled: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Running {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        // Woken without the lock: what is woken asks for it.
        let waker = self.waker().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whom to wake when the call is cancelled. Asked for before [`Running::is_cancelled`], so that nothing is missed.
    #[cfg(feature = "async")]
    pub(crate) fn wake(&self, waker: &Waker) {
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

/// The calls under way: one, or a few at once.
fn under_way() -> MutexGuard<'static, Vec<(u64, Arc<Running>)>> {
    static UNDER_WAY: Mutex<Vec<(u64, Arc<Running>)>> = Mutex::new(Vec::new());
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that can be cancelled until this is dropped.
pub(crate) struct UnderWay(u64);

impl UnderWay {
    pub(crate) fn begin(host: Host) -> (Self, Arc<Running>) {
        #[derive(Deserialize)]
        struct Answer {
            cancelled: bool,
        }
        let running = Arc::<Running>::default();
        under_way().push((host.call, Arc::clone(&running)));
        // It may have been cancelled before it was known here: then nobody tells again.
        let limited = host.deadline_unix_ms != 0;
        let told = limited.then(|| host_client::ask::<Answer>(host, host_op::CANCELLED));
        if told.flatten().is_some_and(|answer| answer.cancelled) {
            running.cancel();
        }
        (Self(host.call), running)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        under_way().retain(|(call, _)| *call != self.0);
    }
}

/// Cancel a call; one that is over, or was never there, stays so.
pub(crate) fn cancel(call: u64) {
    for (_, running) in under_way().iter().filter(|(number, _)| *number == call) {
        running.cancel();
    }
}

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// The call that this thread works for; 0 if that is not known.
pub(crate) fn current() -> u64 {
    CURRENT.get()
}

/// This thread works for a call, until this is dropped.
pub(crate) struct Working(u64);

impl Working {
    pub(crate) fn on(call: u64) -> Self {
        Self(CURRENT.replace(call))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
