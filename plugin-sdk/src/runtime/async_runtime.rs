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
    current::{self, Running, Working},
    failure::Failure,
};

/// Run what `start` begins to its end, or until its call is cancelled; then it is dropped.
///
/// # Errors
/// `cancelled`; `unavailable` if the runtime cannot be built.
pub fn run<F: Future>(running: &Running, start: impl FnOnce() -> F) -> Result<F::Output, Failure> {
    drive(start, |waker| {
        running.wake(waker);
        running.is_cancelled()
    })?
    .ok_or_else(Failure::cancelled)
}

/// Run what `start` begins to its end, whatever becomes of the call that wanted it first.
pub(crate) fn finish<F: Future>(start: impl FnOnce() -> F) -> Result<F::Output, Failure> {
    drive(start, |_| false)?.ok_or_else(Failure::cancelled)
}

/// `None` when it was given up: `given_up` is asked before every poll, and told whom to wake when its answer changes.
fn drive<F: Future>(
    start: impl FnOnce() -> F,
    given_up: impl Fn(&Waker) -> bool,
) -> Result<Option<F::Output>, Failure> {
    let runtime = runtime()?;
    // Also for what runs outside of `block_on`: the beginning, and the drop of what was given up.
    let _entered = runtime.enter();
    let mut future = pin!(start());
    let call = current::current();
    // Between two polls, this thread may poll tasks of other calls.
    let _working = Working::on(0);
    Ok(runtime.block_on(poll_fn(|context| {
        if given_up(context.waker()) {
            return Poll::Ready(None);
        }
        let _working = Working::on(call);
        future.as_mut().poll(context).map(Some)
    })))
}

fn runtime() -> Result<&'static Runtime, Failure> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static BUILDING: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
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
