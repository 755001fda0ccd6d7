//! The plugin's own async runtime. It is built at its first use and shared by all calls.
//!
//! A plugin's tokio cannot use the host's reactor, because each has its own copy of tokio's thread-locals. The runtime
//! has no thread of its own. Each call runs its future on its own thread, and one of these threads at a time serves the
//! timers and sockets of all. So a task that outlives its call pauses until the next call, as every thread of a Lambda
//! function pauses between two invocations.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Mutex, OnceLock, PoisonError},
    task::{Poll, Waker},
};

use tokio::runtime::{Builder, Runtime};

use super::{
    current::{self, CancelToken, CurrentCallGuard},
    failure::Failure,
};

/// Runs the future that `start` returns until it ends or the call is cancelled. Then the future is dropped.
///
/// # Errors
/// `cancelled`; `unavailable` if the runtime cannot be built.
pub fn run_async<F: Future>(
    cancel_token: &CancelToken,
    start: impl FnOnce() -> F,
) -> Result<F::Output, Failure> {
    drive(start, |waker| {
        cancel_token.set_waker(waker);
        cancel_token.is_cancelled()
    })?
    .ok_or_else(Failure::cancelled)
}

/// Runs the future that `start` returns to its end, even if the call that started it is cancelled.
pub(crate) fn run_to_completion<F: Future>(
    start: impl FnOnce() -> F,
) -> Result<F::Output, Failure> {
    drive(start, |_| false)?.ok_or_else(Failure::cancelled)
}

/// Runs the future that `start` returns; `None` if it was cancelled. Before every poll, `is_cancelled` is called with
/// the waker that a later cancellation must wake.
fn drive<F: Future>(
    start: impl FnOnce() -> F,
    is_cancelled: impl Fn(&Waker) -> bool,
) -> Result<Option<F::Output>, Failure> {
    let runtime = runtime()?;
    // Code outside of `block_on` needs the runtime's context too: the call of `start`, and the drop of a cancelled
    // future.
    let _entered = runtime.enter();
    let mut future = pin!(start());
    let call = current::current();
    // Between two polls, this thread may poll tasks of other calls.
    let _current_call = CurrentCallGuard::enter(0);
    Ok(runtime.block_on(poll_fn(|context| {
        if is_cancelled(context.waker()) {
            return Poll::Ready(None);
        }
        let _current_call = CurrentCallGuard::enter(call);
        future.as_mut().poll(context).map(Some)
    })))
}

/// Returns the runtime. The first use builds it.
fn runtime() -> Result<&'static Runtime, Failure> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static BUILD_LOCK: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let _lock = BUILD_LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::unavailable(format!("the plugin's async runtime cannot start: {error}"))
        })?;
    Ok(RUNTIME.get_or_init(|| runtime))
}
