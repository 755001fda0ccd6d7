//! One call: from what the client asks for to what its three readers are told.

pub(crate) mod concurrency_limit;
pub(crate) mod deadline;
pub(crate) mod input_rounds;
pub(crate) mod thread_pool;

use std::{
    io,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{self, Poll, ready},
    time::{Duration, SystemTime},
};

use futures_util::FutureExt;
use mcp_protocol::{
    Answer, CallMeta, Id, Revision, Trace, capabilities, input::Retry, jsonrpc::INTERNAL_ERROR,
    tools::CallResult,
};
use serde_json::value::RawValue;
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

use crate::{
    config::SessionMode,
    plugin::{
        Call, CallContext, CallFailure, CatalogTool, FailureKind, Listener, LiveCall, Means, Plugin,
    },
    server::{
        End, Incoming, McpServer, Reached, Record, Tell,
        call::{
            concurrency_limit::Place,
            deadline::Deadline,
            thread_pool::{Panicked, Threads},
        },
        http::{
            headers::{accepts_events, for_plugins, header},
            response::Outcome,
        },
        session::{InSession, session_gone},
    },
    store::tool_state::{CallState, Limits, OfSession, Owner, StateFailure, Trouble},
};

/// How long a call that was given up may take to come back before it is answered without it.
/// Source: ours. An async tool is cancelled within it, and the time that front doors keep in reserve is five times as long.
const CANCEL_GRACE: Duration = Duration::from_millis(100);

/// A call that a client asks for, of a tool that there is.
pub(crate) struct Asked<'a> {
    pub(crate) id: Id,
    pub(crate) revision: Revision,
    /// That of a legacy client.
    pub(crate) session: &'a InSession,
    pub(crate) tool: &'a Arc<CatalogTool>,
    pub(crate) arguments: Option<&'a RawValue>,
    pub(crate) meta: CallMeta<'a>,
    pub(crate) retry: Retry<'a>,
}

/// Why a call gave no result.
enum Ended {
    Failed(CallFailure),
    GivenUp(Deadline),
    /// It did not begin.
    Quarantined,
    /// Nor this one: there are as many threads as there can be.
    NoThread(io::Error),
    /// It has done its work, but what it has set could not be written.
    NotKept,
}

impl McpServer {
    pub(crate) async fn call(&self, incoming: &Incoming<'_>, asked: Asked<'_>) -> Outcome {
        let Asked {
            id, revision, tool, ..
        } = &asked;
        let context = self.context(incoming, &asked);
        incoming.record.calls(tool, *revision, &context);
        let required = tool.requires.iter().map(String::as_str);
        let missing = capabilities::missing(required, context.capabilities.as_deref());
        if !missing.is_empty() {
            incoming.record.ends(End::Refused);
            return self.lacking(&asked, &missing).into();
        }
        let inputs = match self.inputs(incoming, &asked).await {
            Ok(inputs) => inputs,
            Err(refused) => return refused.into(),
        };
        let place = match self.crowd.enter() {
            Ok(place) => place,
            Err(why) => {
                let request_id = incoming.request_id;
                let message = format!(
                    "tool {} was not called: {why} (request id {request_id})",
                    tool.mcp.name
                );
                return Answer::error(503, Some(id), INTERNAL_ERROR, &message).into();
            }
        };
        let arguments = asked.arguments.map_or("{}", RawValue::get).to_owned();
        let limits = &self.time_limits;
        let deadline = limits.deadline(tool.timeout, incoming.ceiling, incoming.deadline);
        let library = tool.plugin.path().file_name().unwrap_or_default();
        let state = self.state(incoming, &asked, deadline.map(|deadline| deadline.at));
        let live = LiveCall::begin(
            &tool.mcp.name,
            &library.to_string_lossy(),
            context,
            deadline.map(|deadline| deadline.at),
            Means {
                inputs,
                state,
                listener: incoming.tell.clone().map(|tell| {
                    let token = asked.meta.progress_token.clone();
                    in_words(tell, incoming.record.clone(), *revision, token)
                }),
            },
        );
        let call = live.call();
        // A modern client that hangs up wants the call no more, a legacy one may only have lost its connection. Who started
        // the program has said so.
        let drops = revision.is_modern() || incoming.reached == Reached::Pipe;
        let abandoned = drops.then(|| CancelOnDrop::new(&call, tool));
        // Its time limit holds as well when nobody waits any more, or reads what was told so far.
        let threads = self.threads.clone();
        let kept = run_and_keep(threads, Arc::clone(tool), live, arguments, deadline, place);
        let kept = AssertUnwindSafe(kept).catch_unwind();
        let outcome = if incoming.tell.is_some() {
            tokio::spawn(kept)
                .await
                .unwrap_or_else(|error| Err(Box::new(error)))
        } else {
            ToItsEnd::of(kept).await
        };
        let outcome = outcome.unwrap_or_else(|_| Err(Ended::Failed(host_failed())));
        if let Some(abandoned) = abandoned {
            abandoned.disarm();
        }
        // Whatever the tool made of a question that nobody has answered yet.
        let unanswered = match outcome {
            Err(Ended::GivenUp(_) | Ended::Quarantined | Ended::NoThread(_) | Ended::NotKept) => {
                None
            }
            Ok(_) | Err(Ended::Failed(_)) => self.input_required(incoming, &asked, &call).await,
        };
        let trouble = match &outcome {
            _ if unanswered.is_some() => None,
            Ok(result) if result.is_error => call.state.trouble_in(result.content.get()),
            Err(Ended::Failed(CallFailure { public, detail, .. })) => {
                let words = [public, detail].into_iter().flatten();
                words
                    .filter_map(|words| call.state.trouble_in(words))
                    .next()
            }
            Ok(_) | Err(_) => None,
        };
        incoming.record.ends(match &outcome {
            _ if unanswered.is_some() => End::InputRequired,
            Ok(result) if result.is_error => End::ToolError,
            Ok(_) => End::Ok,
            Err(Ended::GivenUp(_)) => End::GivenUp,
            Err(Ended::Failed(_)) => End::Failed,
            Err(Ended::Quarantined | Ended::NoThread(_) | Ended::NotKept) => End::Unavailable,
        });
        let answer = match (unanswered, outcome) {
            (Some(questions), outcome) => {
                if let Err(Ended::Failed(failure)) = outcome {
                    let words = "a call failed that asks its client, who is asked all the same";
                    log_failure(&asked, &call, &failure, words);
                }
                questions
            }
            (None, Ok(result)) => Answer::success(id, &result.in_words_of(*revision, &self.server)),
            (None, Err(ended)) => self.failed(&asked, &call, ended),
        };
        // What the model cannot mend is the client's.
        let answer = match trouble {
            None => answer,
            Some(Trouble::Ended) => session_gone(Some(id)),
            Some(Trouble::Unavailable) => {
                incoming.record.ends(End::Unavailable);
                let message = "what tools keep is not available at the moment; try again";
                Answer::error(503, Some(id), INTERNAL_ERROR, message)
            }
        };
        let token = asked.meta.progress_token.as_ref();
        let notifications = call.take_notifications();
        let outcome = Outcome {
            notifications: notifications
                .iter()
                .filter_map(|notification| notification.in_words_of(*revision, token))
                .collect(),
            answer,
        };
        self.fitting(incoming, &asked, outcome)
    }

    /// The outcome, if it comes through the front door. Else what was said before the answer is left out, and if that is not
    /// enough, a result says that there is too much.
    fn fitting(&self, incoming: &Incoming<'_>, asked: &Asked<'_>, outcome: Outcome) -> Outcome {
        let Some(room) = incoming.room else {
            return outcome;
        };
        if room.exceeded(&outcome.texts()).is_none() {
            return outcome;
        }
        let (tool, request_id) = (&asked.tool.mcp.name, incoming.request_id);
        let alone = Outcome::from(outcome.answer);
        let Some(bytes) = room.exceeded(&alone.texts()) else {
            tracing::warn!(
                request_id,
                tool,
                "a result leaves no room for what its tool said before it"
            );
            return alone;
        };
        let (door, most) = (room.door, room.bytes);
        tracing::warn!(
            request_id,
            tool,
            bytes,
            most,
            "a result is too large for {door}"
        );
        let message = format!(
            "tool {tool} did its work, but its result has {bytes} bytes as it is sent, and {door} takes {most}; ask for less of it at once (request id {request_id})"
        );
        let result = CallResult::error(&message).in_words_of(asked.revision, &self.server);
        Answer::success(&asked.id, &result).into()
    }

    /// What the call keeps for later ones.
    fn state(
        &self,
        incoming: &Incoming<'_>,
        asked: &Asked<'_>,
        deadline: Option<SystemTime>,
    ) -> CallState {
        let owner = Owner {
            plugin: asked.tool.crate_name.clone(),
            principal: incoming.caller.principal.clone(),
        };
        let time_limits = &self.time_limits;
        let commit_deadline = time_limits.deadline(None, incoming.ceiling, incoming.deadline);
        let limits = Limits {
            ttl: self.session_ttl,
            deadline,
            commit_deadline: commit_deadline.map(|deadline| deadline.at),
        };
        let session = asked.session.id().map(|id| OfSession {
            id,
            is_checked: self.sessions.mode() == SessionMode::Strict,
        });
        CallState::new(
            self.states.clone(),
            session,
            owner,
            limits,
            &asked.tool.mcp.name,
            incoming.request_id,
        )
    }

    fn context(&self, incoming: &Incoming<'_>, asked: &Asked<'_>) -> CallContext {
        let Asked { meta, session, .. } = asked;
        let session = session.known();
        let said = |now: Option<&RawValue>, earlier: Option<&String>| {
            now.map(RawValue::to_owned)
                .or_else(|| RawValue::from_string(earlier?.clone()).ok())
        };
        let hears = accepts_events(incoming.headers);
        let in_headers = |name: &str| Some(header(incoming.headers, name)?.into_owned());
        CallContext {
            request_id: incoming.request_id.to_owned(),
            protocol_version: asked.revision.as_str(),
            client: said(
                meta.client,
                session.and_then(|session| session.client.as_ref()),
            ),
            capabilities: said(
                meta.capabilities,
                session.and_then(|session| session.capabilities.as_ref()),
            ),
            principal: incoming.caller.principal.clone(),
            claims: incoming.caller.claims.clone(),
            headers: for_plugins(incoming.headers, &self.context_headers),
            trace: meta.trace.clone().or(|| Trace::read(in_headers)),
            progress: hears && meta.progress_token.is_some(),
            log_level: meta
                .log_level
                .or(session.and_then(|session| session.log_level))
                .filter(|_| hears),
        }
    }

    /// The answer to a client that cannot do what the tool needs of it.
    fn lacking(&self, asked: &Asked<'_>, missing: &[&str]) -> Answer {
        let message = format!(
            "tool {} needs the client to be capable of {}, which it has not declared; use a client that is",
            asked.tool.mcp.name,
            missing.join(" and "),
        );
        if asked.revision.is_modern() {
            return capabilities::missing_error(&asked.id, &message, missing);
        }
        let result = CallResult::error(&message).in_words_of(asked.revision, &self.server);
        Answer::success(&asked.id, &result)
    }

    /// Tell the operator of a call that gave no result, and give the answer for the client or its model.
    fn failed(&self, asked: &Asked<'_>, call: &Call, ended: Ended) -> Answer {
        let (tool, request_id) = (&call.tool, &call.context.request_id);
        let library = asked.tool.plugin.path().display();
        let principal = call.context.principal.as_deref();
        let message = match ended {
            Ended::GivenUp(deadline) => {
                let why = deadline.words();
                tracing::warn!(request_id, tool, %library, principal, "a call was given up: {why}");
                format!("tool {tool} was given up: {why} (request id {request_id})")
            }
            Ended::Quarantined => {
                tracing::warn!(request_id, tool, %library, principal, "a call was refused: a tool of its plugin goes on although its call was given up");
                format!(
                    "tool {tool} is not available at the moment: an earlier call of its plugin was given up and still runs; try again later (request id {request_id})"
                )
            }
            Ended::NoThread(error) => {
                tracing::error!(request_id, tool, %library, principal, "no thread can be started: {error}; lower CALLS_AT_ONCE");
                let message = format!(
                    "tool {tool} was not called: no more calls can run at the moment; try again later (request id {request_id})"
                );
                return Answer::error(503, Some(&asked.id), INTERNAL_ERROR, &message);
            }
            Ended::NotKept => {
                let message = format!(
                    "tool {tool} has done its work, but what it keeps of it may be lost, as that is not available at the moment (request id {request_id})"
                );
                return Answer::error(503, Some(&asked.id), INTERNAL_ERROR, &message);
            }
            Ended::Failed(failure) => {
                log_failure(asked, call, &failure, "a call failed");
                if let FailureKind::Protocol { code } = failure.kind {
                    let message = failure.public.as_deref().unwrap_or("the tool failed");
                    return Answer::error(200, Some(&asked.id), code, message);
                }
                format!("tool {tool} failed unexpectedly (request id {request_id})")
            }
        };
        let result = CallResult::error(&message).in_words_of(asked.revision, &self.server);
        Answer::success(&asked.id, &result)
    }
}

/// Tell the operator of a failure, in these words.
fn log_failure(asked: &Asked<'_>, call: &Call, failure: &CallFailure, words: &str) {
    let (tool, request_id) = (&call.tool, &call.context.request_id);
    let principal = call.context.principal.as_deref();
    let detail = failure.detail.as_deref().or(failure.public.as_deref());
    tracing::error!(
        request_id,
        tool,
        library = %asked.tool.plugin.path().display(),
        principal,
        kind = ?failure.kind,
        detail = detail.unwrap_or_default(),
        "{words}"
    );
}

/// Passes a call's notifications on, in the words of its client.
fn in_words(tell: Tell, record: Record, revision: Revision, token: Option<Id>) -> Listener {
    Box::new(move |notification| {
        if let Some(notification) = notification.in_words_of(revision, token.as_ref()) {
            record.tells(notification.get().len());
            tell.tell(notification);
        }
    })
}

/// Run a call, and write what it has set if it has succeeded. (Whether its client still waits or not, unless that has
/// given it up.)
async fn run_and_keep(
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
        Err(overtaken @ (StateFailure::Overtaken(_) | StateFailure::PartlyOvertaken(_))) => {
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
fn host_failed() -> CallFailure {
    CallFailure {
        kind: FailureKind::Panic,
        public: None,
        detail: Some("the host's own call panicked".to_owned()),
    }
}

/// A future that goes on, as a task, where whoever waits for it is gone.
struct ToItsEnd<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> ToItsEnd<F> {
    fn of(future: F) -> Self {
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
struct CancelOnDrop {
    call: Arc<Call>,
    plugin: Arc<Plugin>,
    armed: bool,
}

impl CancelOnDrop {
    fn new(call: &Arc<Call>, tool: &CatalogTool) -> Self {
        Self {
            call: Arc::clone(call),
            plugin: Arc::clone(&tool.plugin),
            armed: true,
        }
    }

    fn disarm(mut self) {
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
