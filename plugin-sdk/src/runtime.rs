//! The plugin's own async runtime: built at its first use, shared by all calls.
//!
//! A plugin's tokio cannot use the host's reactor: each has its own copy of tokio's thread-locals. The runtime has no
//! thread of its own: every call blocks its thread on it, and one of these drives timers and sockets for all. So tasks
//! that outlive their call rest until the next one, as everything does between two invocations of a Lambda function.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Mutex, OnceLock, PoisonError},
    task::Poll,
};

use tokio::runtime::{Builder, Runtime};

use crate::{
    call::{Call, Working},
    payload::Failure,
};

/// Run what `start` begins to its end, or until the call is cancelled; then it is dropped.
///
/// # Errors
/// `cancelled`; `unavailable` if the runtime cannot be built.
pub fn run<F: Future>(call: &Call<'_>, start: impl FnOnce() -> F) -> Result<F::Output, Failure> {
    let runtime = runtime()?;
    // Also for what runs outside of `block_on`: the beginning, and the drop of what was cancelled.
    let _entered = runtime.enter();
    let mut future = pin!(start());
    // Between two polls, this thread may poll tasks of other calls.
    let _working = Working::on(0);
    runtime.block_on(poll_fn(|context| {
        call.running.wake(context.waker());
        if call.running.is_cancelled() {
            return Poll::Ready(Err(Failure::cancelled()));
        }
        let _working = Working::on(call.host.call);
        future.as_mut().poll(context).map(Ok)
    }))
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
