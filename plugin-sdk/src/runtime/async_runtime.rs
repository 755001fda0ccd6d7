//! The plugin's own async runtime: built at its first use, shared by all calls.
//!
//! A plugin's tokio cannot use the host's reactor: each has its own copy of tokio's thread-locals. The runtime has no
//! thread of its own: every call blocks its thread on it, and one of these drives timers and sockets for all. So tasks
//! that outlive their call rest until the next one, as everything does between two invocations of a Lambda function.

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

/// Run what `start` begins to its end, or until its call is cancelled; then it is dropped.
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

/// Run what `start` begins to its end, whatever becomes of the call that wanted it first.
pub(crate) fn run_to_completion<F: Future>(
    start: impl FnOnce() -> F,
) -> Result<F::Output, Failure> {
    drive(start, |_| false)?.ok_or_else(Failure::cancelled)
}

/// `None` when it was given up: `is_cancelled` is asked before every poll, and told whom to wake when its answer changes.
fn drive<F: Future>(
    start: impl FnOnce() -> F,
    is_cancelled: impl Fn(&Waker) -> bool,
) -> Result<Option<F::Output>, Failure> {
    let runtime = runtime()?;
    // Also for what runs outside of `block_on`: the beginning, and the drop of what was given up.
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
