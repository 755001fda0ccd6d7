//! Runs a call on its own thread, until the tool returns or the deadline passes.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{self, Poll, ready},
};

use mcp_protocol::tools::CallResult;
use tokio::{runtime::Handle, sync::oneshot, time::timeout};
use tool_rules::{CANCEL_GRACE, state::StateFailure};

use crate::{
    plugin::{ActiveCall, ActiveCallGuard, CallFailure, CatalogTool, FailureKind, Plugin},
    server::call::{
        concurrency_limit::CallPermit,
        deadline::Deadline,
        thread_pool::{Panicked, ThreadPool},
    },
};

/// The reason why a call produced no result.
pub(crate) enum CallError {
    Failed(CallFailure),
    TimedOut(Deadline),
    /// The call was not started: another tool of its plugin is stuck.
    Quarantined,
    /// The call was not started: the operating system could not start a thread.
    NoThread(io::Error),
    /// The tool succeeded, but the state that it had set could not be stored.
    CommitFailed,
}

/// Runs a call. If it succeeds, stores the state that it has set. (It does so even if the client has disconnected, but
/// not if the client has cancelled the call.)
pub(crate) async fn run_and_commit(
    threads: ThreadPool,
    tool: Arc<CatalogTool>,
    live: ActiveCallGuard,
    arguments: String,
    deadline: Option<Deadline>,
    permit: CallPermit,
) -> Result<CallResult, CallError> {
    let call = live.call();
    let result = run(&threads, tool, live, arguments, deadline, permit).await?;
    let has_succeeded =
        !result.is_error && call.inputs.unanswered().is_empty() && !call.is_cancelled();
    if !has_succeeded || !call.state.is_pending() {
        return Ok(result);
    }
    match call.state.commit().await {
        Ok(()) => Ok(result),
        Err(overtaken @ (StateFailure::Conflict(_) | StateFailure::PartialConflict(_))) => {
            Ok(CallResult::error(&overtaken.to_string()))
        }
        // The store has already logged the reason.
        Err(_) => Err(CallError::CommitFailed),
    }
}

/// Runs a call on its own thread, until the tool returns or the deadline passes.
async fn run(
    threads: &ThreadPool,
    tool: Arc<CatalogTool>,
    live: ActiveCallGuard,
    arguments: String,
    deadline: Option<Deadline>,
    permit: CallPermit,
) -> Result<CallResult, CallError> {
    if tool.plugin.is_quarantined() {
        return Err(CallError::Quarantined);
    }
    let (running, call) = (Arc::clone(&tool), live.call());
    // The call stays registered until its tool returns, even if nobody waits for the result any more.
    let started = threads.run(move || {
        let _permit = permit;
        running.call(&arguments, &live)
    });
    let mut outcome = started.map_err(CallError::NoThread)?;
    let Some(deadline) = deadline else {
        return join(outcome.await);
    };
    if let Ok(outcome) = timeout(deadline.remaining(), &mut outcome).await {
        return join(outcome);
    }
    cancel(&call, &tool.plugin);
    match timeout(CANCEL_GRACE, &mut outcome).await {
        // A tool that notices the cancellation may still return a result, which is used. (But a state that it has set
        // is no longer stored, so the call then counts as timed out.)
        Ok(Ok(Ok(Ok(result)))) if !call.state.is_pending() => Ok(result),
        Ok(_) => Err(CallError::TimedOut(deadline)),
        Err(_) => {
            quarantine(tool, call, outcome);
            Err(CallError::TimedOut(deadline))
        }
    }
}

/// Puts a plugin into quarantine. The stuck tool still occupies its thread and holds its locks, so the plugin must not
/// serve other calls until the tool returns.
fn quarantine(tool: Arc<CatalogTool>, call: Arc<ActiveCall>, outcome: CallReceiver) {
    let stuck = tool.plugin.quarantine();
    let (name, library) = (tool.mcp.name.clone(), tool.plugin.file());
    let request_id = call.context.request_id.clone();
    tracing::warn!(
        request_id,
        tool = name,
        library,
        "the tool still runs after its call timed out: its plugin serves no calls until it returns"
    );
    tokio::spawn(async move {
        let _ = outcome.await;
        drop(stuck);
        tracing::info!(request_id, tool = name, library, "the tool returned");
    });
}

/// Receives the result of a call from the call's thread.
type CallReceiver = oneshot::Receiver<Result<Result<CallResult, CallFailure>, Panicked>>;

fn join(outcome: <CallReceiver as Future>::Output) -> Result<CallResult, CallError> {
    match outcome {
        Ok(Ok(outcome)) => outcome.map_err(CallError::Failed),
        Ok(Err(Panicked)) | Err(_) => Err(CallError::Failed(host_panic_failure())),
    }
}

/// Returns the failure for a panic in the host's own code during a call. The panic itself has its own line in the log.
pub(crate) fn host_panic_failure() -> CallFailure {
    CallFailure {
        kind: FailureKind::Panic,
        public: None,
        detail: Some("the host's own call panicked".to_owned()),
    }
}

/// A future that continues as a background task if its owner is dropped.
pub(crate) struct DetachOnDrop<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> DetachOnDrop<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for DetachOnDrop<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.0 else {
            return Poll::Pending;
        };
        let output = ready!(future.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for DetachOnDrop<F> {
    fn drop(&mut self) {
        // When the program ends there is no runtime left, and nothing needs to continue.
        if let (Some(future), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(future);
        }
    }
}

/// Cancels a call whose client has disconnected or whose time limit has passed, and notifies its plugin. The plugin is
/// notified on another thread, because its code may not return quickly.
fn cancel(call: &ActiveCall, plugin: &Arc<Plugin>) {
    call.cancel();
    let (plugin, number) = (Arc::clone(plugin), call.number);
    let cancelling = move || plugin.cancel(number);
    if let Err(error) = std::thread::Builder::new().spawn(cancelling) {
        tracing::error!(%error, "a plugin cannot be notified that a call was cancelled");
    }
}

/// Cancels a call if the future that waits for it is dropped.
pub(crate) struct CancelOnDrop {
    call: Arc<ActiveCall>,
    plugin: Arc<Plugin>,
    armed: bool,
}

impl CancelOnDrop {
    pub(crate) fn new(call: &Arc<ActiveCall>, tool: &CatalogTool) -> Self {
        Self {
            call: Arc::clone(call),
            plugin: Arc::clone(&tool.plugin),
            armed: true,
        }
    }

    pub(crate) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        // As in [`DetachOnDrop`], nothing is left to do when the program ends.
        if self.armed && Handle::try_current().is_ok() {
            cancel(&self.call, &self.plugin);
        }
    }
}
