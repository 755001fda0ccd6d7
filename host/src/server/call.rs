//! One call of a tool, from the client's request to the response and the line in the log.

mod answer;
pub(crate) mod concurrency_limit;
pub(crate) mod context;
pub mod deadline;
pub(crate) mod input_rounds;
mod run;
mod thread_pool;

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::FutureExt;
use http::HeaderName;
use mcp_protocol::{Answer, Id, Revision, ServerInfo, capabilities, tools::CallResult};
use serde_json::value::RawValue;

use crate::{
    config::Config,
    plugin::{
        ActiveCall, ActiveCallGuard, CallContext, CallFailure, CallResources, CatalogTool,
        InputRequests, Listener,
    },
    server::{
        outcome::{McpReply, RequestOutcome},
        record::RequestRecord,
        request::{Exposure, IncomingRequest, NotificationSink},
    },
    store::tool_state::{CallState, Owner, SessionRef, StateLimits, StoreFault, Stores},
};

use self::{
    answer::{
        enforce_limit, failure_answer, log_failure, missing_capability, store_fault_answer,
        too_many_calls_answer,
    },
    concurrency_limit::{CallPermit, ConcurrencyLimit},
    context::{ToolCall, context},
    deadline::CallLimits,
    input_rounds::InputRounds,
    run::{CallError, CancelOnDrop, DetachOnDrop, host_panic_failure, run_and_commit},
    thread_pool::ThreadPool,
};

/// Runs calls of tools.
pub(crate) struct CallRunner {
    server: ServerInfo,
    limits: CallLimits,
    concurrency: ConcurrencyLimit,
    threads: ThreadPool,
    input_rounds: InputRounds,
    context_headers: Vec<HeaderName>,
    state_config: CallStateConfig,
}

/// The configuration of the state that a call stores for later calls.
pub(crate) struct CallStateConfig {
    /// The stores of that state; `None`: calls store no state.
    pub(crate) stores: Option<Stores>,
    /// How long a state is kept after it was last written.
    pub(crate) ttl: Duration,
    /// Whether each session is looked up in the store that all execution environments share.
    pub(crate) are_sessions_checked: bool,
}

impl CallRunner {
    pub(crate) fn new(
        config: &Config,
        server: ServerInfo,
        limits: CallLimits,
        input_rounds: InputRounds,
        state_config: CallStateConfig,
    ) -> Self {
        Self {
            server,
            limits,
            concurrency: ConcurrencyLimit::new(config.max_concurrent_calls),
            threads: ThreadPool::default(),
            input_rounds,
            context_headers: config.context_headers.clone(),
            state_config,
        }
    }

    /// Returns the maximum number of concurrent calls.
    pub(crate) fn max_concurrent(&self) -> usize {
        self.concurrency.max()
    }

    /// Logs that no tool can send input requests, if that is so.
    pub(crate) fn warn_if_keyless(&self, tools: &[Arc<CatalogTool>]) {
        self.input_rounds.warn_if_keyless(tools);
    }

    /// Runs a call and returns its reply.
    pub(crate) async fn call(
        &self,
        incoming: &IncomingRequest<'_>,
        tool_call: ToolCall<'_>,
    ) -> McpReply {
        let ToolCall { revision, tool, .. } = &tool_call;
        let context = context(incoming, &tool_call, &self.context_headers);
        incoming.record.set_call(tool, *revision, &context);
        let required = tool.requires.iter().map(String::as_str);
        let missing = capabilities::missing_capabilities(required, context.capabilities.as_deref());
        if !missing.is_empty() {
            incoming.record.set_outcome(RequestOutcome::Refused);
            return missing_capability(&tool_call, &missing, &self.server).into();
        }
        let inputs = match self.input_rounds.inputs(incoming, &tool_call).await {
            Ok(inputs) => inputs,
            Err(refused) => return refused.into(),
        };
        let permit = match self.concurrency.try_acquire() {
            Ok(permit) => permit,
            Err(why) => return too_many_calls_answer(incoming, &tool_call, &why).into(),
        };
        let (call, run) = self.start(incoming, &tool_call, context, inputs, permit);
        // A modern client cancels its call by closing the connection. A legacy client may have lost its connection
        // without wanting to cancel. Over stdio the client has started this process, so a closed connection means that
        // nobody waits for the result.
        let drops = revision.is_modern() || incoming.exposure == Exposure::Stdio;
        let abandoned = drops.then(|| CancelOnDrop::new(&call, tool));
        // The call's time limit must also apply after its client has disconnected or stopped reading notifications.
        let run = AssertUnwindSafe(run).catch_unwind();
        let outcome = if incoming.notifications.is_some() {
            tokio::spawn(run)
                .await
                .unwrap_or_else(|error| Err(Box::new(error)))
        } else {
            DetachOnDrop::new(run).await
        };
        let outcome = outcome.unwrap_or_else(|_| Err(CallError::Failed(host_panic_failure())));
        if let Some(abandoned) = abandoned {
            abandoned.disarm();
        }
        // If input requests are still open, they are the response, even if the tool returned a result or failed.
        let unanswered = match outcome {
            Err(
                CallError::TimedOut(_)
                | CallError::Quarantined
                | CallError::NoThread(_)
                | CallError::CommitFailed,
            ) => None,
            Ok(_) | Err(CallError::Failed(_)) => {
                let input_rounds = &self.input_rounds;
                input_rounds
                    .input_required(incoming, &tool_call, &call, &self.server)
                    .await
            }
        };
        let answer = self.answer(incoming, &tool_call, &call, unanswered, outcome);
        let token = tool_call.meta.progress_token.as_ref();
        let notifications = call.take_notifications();
        let outcome = McpReply {
            notifications: notifications
                .iter()
                .filter_map(|notification| notification.for_revision(*revision, token))
                .collect(),
            ..answer.into()
        };
        enforce_limit(incoming, &tool_call, outcome, &self.server)
    }

    /// Registers a call. Returns it, and the future that runs it.
    fn start(
        &self,
        incoming: &IncomingRequest<'_>,
        tool_call: &ToolCall<'_>,
        context: CallContext,
        inputs: InputRequests,
        permit: CallPermit,
    ) -> (
        Arc<ActiveCall>,
        impl Future<Output = Result<CallResult, CallError>> + Send + use<>,
    ) {
        let tool = tool_call.tool;
        let arguments = tool_call.arguments.map_or("{}", RawValue::get).to_owned();
        let limits = &self.limits;
        let deadline = limits.deadline(tool.timeout, incoming.gateway_timeout, incoming.deadline);
        let library = tool.plugin.path().file_name().unwrap_or_default();
        let state = self.state(incoming, tool_call, deadline.map(|deadline| deadline.at));
        let live = ActiveCallGuard::register(
            &tool.mcp.name,
            &library.to_string_lossy(),
            context,
            deadline.map(|deadline| deadline.at),
            CallResources {
                inputs,
                state,
                listener: incoming.notifications.clone().map(|sink| {
                    let token = tool_call.meta.progress_token.clone();
                    notification_listener(sink, incoming.record.clone(), tool_call.revision, token)
                }),
            },
        );
        let call = live.call();
        let threads = self.threads.clone();
        let run = run_and_commit(threads, Arc::clone(tool), live, arguments, deadline, permit);
        (call, run)
    }

    /// Returns the tool state that the call may read and write.
    fn state(
        &self,
        incoming: &IncomingRequest<'_>,
        tool_call: &ToolCall<'_>,
        deadline: Option<SystemTime>,
    ) -> CallState {
        let owner = Owner {
            plugin: tool_call.tool.crate_name.clone(),
            principal: incoming.caller.principal.clone(),
        };
        let commit_deadline =
            self.limits
                .deadline(None, incoming.gateway_timeout, incoming.deadline);
        let limits = StateLimits {
            ttl: self.state_config.ttl,
            deadline,
            commit_deadline: commit_deadline.map(|deadline| deadline.at),
        };
        let session = tool_call.session.id().map(|id| SessionRef {
            id,
            is_checked: self.state_config.are_sessions_checked,
        });
        CallState::new(
            self.state_config.stores.clone(),
            session,
            owner,
            limits,
            &tool_call.tool.mcp.name,
            incoming.request_id,
        )
    }

    /// Returns the response for the outcome of a call. `unanswered` is the response that sends open input requests to
    /// the client, if there are any.
    fn answer(
        &self,
        incoming: &IncomingRequest<'_>,
        tool_call: &ToolCall<'_>,
        call: &ActiveCall,
        unanswered: Option<Answer>,
        outcome: Result<CallResult, CallError>,
    ) -> Answer {
        if let Some(questions) = unanswered {
            incoming.record.set_outcome(RequestOutcome::InputRequired);
            if let Err(CallError::Failed(failure)) = outcome {
                let message = "a call failed after it asked its client for input; the client still gets the questions";
                log_failure(tool_call, call, &failure, message);
            }
            return questions;
        }
        let fault = store_fault(call, &outcome);
        incoming.record.set_outcome(match &outcome {
            Ok(result) if result.is_error => RequestOutcome::ToolError,
            Ok(_) => RequestOutcome::Ok,
            Err(CallError::TimedOut(_)) => RequestOutcome::TimedOut,
            Err(CallError::Failed(_)) => RequestOutcome::Failed,
            Err(CallError::Quarantined | CallError::NoThread(_) | CallError::CommitFailed) => {
                RequestOutcome::Unavailable
            }
        });
        let answer = match outcome {
            Ok(result) => {
                let result = result.for_revision(tool_call.revision, &self.server);
                Answer::success(&tool_call.id, &result)
            }
            Err(ended) => failure_answer(tool_call, call, ended, &self.server),
        };
        // The model cannot correct a fault of a store, so the client receives it as a JSON-RPC error.
        match fault {
            None => answer,
            Some(fault) => {
                if fault == StoreFault::Unavailable {
                    incoming.record.set_outcome(RequestOutcome::Unavailable);
                }
                store_fault_answer(&tool_call.id, fault)
            }
        }
    }
}

/// Returns the store's fault if it is the reason why a call failed.
fn store_fault(call: &ActiveCall, outcome: &Result<CallResult, CallError>) -> Option<StoreFault> {
    match outcome {
        Ok(result) if result.is_error => call.state.client_fault([result.content.get()]),
        Err(CallError::Failed(CallFailure { public, detail, .. })) => {
            let messages = [public, detail].into_iter().flatten();
            call.state.client_fault(messages.map(String::as_str))
        }
        Ok(_) | Err(_) => None,
    }
}

/// Returns a listener that sends a call's notifications to its client, in the form of the client's revision.
fn notification_listener(
    sink: NotificationSink,
    record: RequestRecord,
    revision: Revision,
    token: Option<Id>,
) -> Listener {
    Box::new(move |notification| {
        if let Some(notification) = notification.for_revision(revision, token.as_ref()) {
            record.add_bytes(notification.get().len());
            sink.send(notification);
        }
    })
}
