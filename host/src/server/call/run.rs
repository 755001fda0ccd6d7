//! The run of a call: on a thread of its own, until its tool comes back or is given up.

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
    plugin::{Call, CallFailure, CatalogTool, FailureKind, LiveCall, Plugin},
    server::call::{
        concurrency_limit::Place,
        deadline::Deadline,
        thread_pool::{Panicked, Threads},
    },
};

/// Why a call gave no result.
pub(crate) enum Ended {
    Failed(CallFailure),
    GivenUp(Deadline),
    /// It did not begin.
    Quarantined,
    /// Nor this one: there are as many threads as there can be.
    NoThread(io::Error),
    /// It has done its work, but what it has set could not be written.
    NotKept,
}

/// Run a call, and write what it has set if it has succeeded. (Whether its client still waits or not, unless that has
/// given it up.)
pub(crate) async fn run_and_keep(
    threads: Threads,
    tool: Arc<CatalogTool>,
    live: LiveCall,
    arguments: String,
    deadline: Option<Deadline>,
    place: Place,
) -> Result<CallResult, Ended> {
    let call = live.call();
    let result = run(&threads, tool, live, arguments, deadline, place).await?;
    let has_succeeded = !result.is_error && call.inputs.open().is_empty() && !call.is_cancelled();
    if !has_succeeded || !call.state.is_pending() {
        return Ok(result);
    }
    match call.state.commit().await {
        Ok(()) => Ok(result),
        Err(overtaken @ (StateFailure::Conflict(_) | StateFailure::PartialConflict(_))) => {
            Ok(CallResult::error(&overtaken.to_string()))
        }
        // The operator was told why.
        Err(_) => Err(Ended::NotKept),
    }
}

/// Run a call on a thread of its own until it comes back or is given up.
async fn run(
    threads: &Threads,
    tool: Arc<CatalogTool>,
    live: LiveCall,
    arguments: String,
    deadline: Option<Deadline>,
    place: Place,
) -> Result<CallResult, Ended> {
    if tool.plugin.is_quarantined() {
        return Err(Ended::Quarantined);
    }
    let (running, call) = (Arc::clone(&tool), live.call());
    // The call stays registered until its tool comes back, whoever still waits for it.
    let started = threads.run(move || {
        let _place = place;
        running.call(&arguments, &live)
    });
    let mut outcome = started.map_err(Ended::NoThread)?;
    let Some(deadline) = deadline else {
        return came_back(outcome.await);
    };
    if let Ok(outcome) = timeout(deadline.left(), &mut outcome).await {
        return came_back(outcome);
    }
    cancel(&call, &tool.plugin);
    match timeout(CANCEL_GRACE, &mut outcome).await {
        // It may have had something to show when it learned that its time was over. (But nothing is kept any more.)
        Ok(Ok(Ok(Ok(result)))) if !call.state.is_pending() => Ok(result),
        Ok(_) => Err(Ended::GivenUp(deadline)),
        Err(_) => {
            quarantine(tool, call, outcome);
            Err(Ended::GivenUp(deadline))
        }
    }
}

/// The tool keeps its thread, and whatever locks it holds: its plugin serves nobody else until it comes back.
fn quarantine(tool: Arc<CatalogTool>, call: Arc<Call>, outcome: Running) {
    let stuck = tool.plugin.quarantine();
    let (name, library) = (tool.mcp.name.clone(), tool.plugin.file());
    let request_id = call.context.request_id.clone();
    tracing::warn!(
        request_id,
        tool = name,
        library,
        "the tool goes on although its call was given up: its plugin serves no calls until it comes back"
    );
    tokio::spawn(async move {
        let _ = outcome.await;
        drop(stuck);
        tracing::info!(request_id, tool = name, library, "the tool came back");
    });
}

/// What a call's thread gives back, if it does not end with the process.
type Running = oneshot::Receiver<Result<Result<CallResult, CallFailure>, Panicked>>;

fn came_back(outcome: <Running as Future>::Output) -> Result<CallResult, Ended> {
    match outcome {
        Ok(Ok(outcome)) => outcome.map_err(Ended::Failed),
        Ok(Err(Panicked)) | Err(_) => Err(Ended::Failed(host_failed())),
    }
}

/// A panic on the host's side of a call, of which the log has a line of its own.
pub(crate) fn host_failed() -> CallFailure {
    CallFailure {
        kind: FailureKind::Panic,
        public: None,
        detail: Some("the host's own call panicked".to_owned()),
    }
}

/// A future that goes on, as a task, where whoever waits for it is gone.
pub(crate) struct ToItsEnd<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> ToItsEnd<F> {
    pub(crate) fn of(future: F) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for ToItsEnd<F> {
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

impl<F: Future<Output: Send> + Send + 'static> Drop for ToItsEnd<F> {
    fn drop(&mut self) {
        // At the end of the program there is no runtime left to do it on, and no need.
        if let (Some(future), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(future);
        }
    }
}

/// Nobody waits for the call any more: let it and its plugin know. On another thread, as plugins are not trusted to
/// return at once.
fn cancel(call: &Call, plugin: &Arc<Plugin>) {
    call.cancel();
    let (plugin, number) = (Arc::clone(plugin), call.number);
    let cancelling = move || plugin.cancel(number);
    if let Err(error) = std::thread::Builder::new().spawn(cancelling) {
        tracing::error!(%error, "a plugin cannot be told that a call was cancelled");
    }
}

/// Cancels a call when the future that waits for it is dropped.
pub(crate) struct CancelOnDrop {
    call: Arc<Call>,
    plugin: Arc<Plugin>,
    armed: bool,
}

impl CancelOnDrop {
    pub(crate) fn new(call: &Arc<Call>, tool: &CatalogTool) -> Self {
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
        // The same.
        if self.armed && Handle::try_current().is_ok() {
            cancel(&self.call, &self.plugin);
        }
    }
}
