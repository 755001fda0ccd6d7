//! One call: from what the client asks for to what its three readers are told.

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
        outcome::{End, Outcome},
        record::Record,
        request::{Incoming, Reached, Tell},
    },
    store::tool_state::{CallState, Owner, SessionRef, StateLimits, StoreFault, Stores},
};

use self::{
    answer::{crowded_out, failed, fitting, lacking, log_failure, store_fault_answer},
    concurrency_limit::{Crowd, Place},
    context::{Asked, context},
    deadline::TimeLimits,
    input_rounds::Rounds,
    run::{CancelOnDrop, Ended, ToItsEnd, host_failed, run_and_keep},
    thread_pool::Threads,
};

/// Runs calls.
pub(crate) struct CallRunner {
    server: ServerInfo,
    limits: TimeLimits,
    crowd: Crowd,
    threads: Threads,
    rounds: Rounds,
    context_headers: Vec<HeaderName>,
    kept: Kept,
}

/// What calls keep for later ones.
pub(crate) struct Kept {
    /// `None`: nothing.
    pub(crate) stores: Option<Stores>,
    /// How long it lives after it was last written.
    pub(crate) ttl: Duration,
    /// Was the session of a call looked up where all hosts know of it?
    pub(crate) are_sessions_checked: bool,
}

impl CallRunner {
    pub(crate) fn new(
        config: &Config,
        server: ServerInfo,
        limits: TimeLimits,
        rounds: Rounds,
        kept: Kept,
    ) -> Self {
        Self {
            server,
            limits,
            crowd: Crowd::new(config.calls_at_once),
            threads: Threads::default(),
            rounds,
            context_headers: config.context_headers.clone(),
            kept,
        }
    }

    /// How many calls run at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.crowd.most()
    }

    /// Tells the operator if no tool can ask its client anything.
    pub(crate) fn tell_of_no_key(&self, tools: &[Arc<CatalogTool>]) {
        self.rounds.tell_of_no_key(tools);
    }

    /// Answers a call.
    pub(crate) async fn call(&self, incoming: &Incoming<'_>, asked: Asked<'_>) -> Outcome {
        let Asked { revision, tool, .. } = &asked;
        let context = context(incoming, &asked, &self.context_headers);
        incoming.record.calls(tool, *revision, &context);
        let required = tool.requires.iter().map(String::as_str);
        let missing = capabilities::missing_capabilities(required, context.capabilities.as_deref());
        if !missing.is_empty() {
            incoming.record.ends(End::Refused);
            return lacking(&asked, &missing, &self.server).into();
        }
        let inputs = match self.rounds.inputs(incoming, &asked).await {
            Ok(inputs) => inputs,
            Err(refused) => return refused.into(),
        };
        let place = match self.crowd.enter() {
            Ok(place) => place,
            Err(why) => return crowded_out(incoming, &asked, &why).into(),
        };
        let (call, kept) = self.begin(incoming, &asked, context, inputs, place);
        // A modern client that hangs up wants the call no more, a legacy one may only have lost its connection. Who started
        // the program has said so.
        let drops = revision.is_modern() || incoming.reached == Reached::Pipe;
        let abandoned = drops.then(|| CancelOnDrop::new(&call, tool));
        // Its time limit holds as well when nobody waits any more, or reads what was told so far.
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
            Ok(_) | Err(Ended::Failed(_)) => {
                let rounds = &self.rounds;
                rounds
                    .input_required(incoming, &asked, &call, &self.server)
                    .await
            }
        };
        let answer = self.answer(incoming, &asked, &call, unanswered, outcome);
        let token = asked.meta.progress_token.as_ref();
        let notifications = call.take_notifications();
        let outcome = Outcome {
            notifications: notifications
                .iter()
                .filter_map(|notification| notification.for_revision(*revision, token))
                .collect(),
            ..answer.into()
        };
        fitting(incoming, &asked, outcome, &self.server)
    }

    /// Registers a call, and makes ready what runs it.
    fn begin(
        &self,
        incoming: &Incoming<'_>,
        asked: &Asked<'_>,
        context: CallContext,
        inputs: InputRequests,
        place: Place,
    ) -> (
        Arc<ActiveCall>,
        impl Future<Output = Result<CallResult, Ended>> + Send + use<>,
    ) {
        let tool = asked.tool;
        let arguments = asked.arguments.map_or("{}", RawValue::get).to_owned();
        let limits = &self.limits;
        let deadline = limits.deadline(tool.timeout, incoming.ceiling, incoming.deadline);
        let library = tool.plugin.path().file_name().unwrap_or_default();
        let state = self.state(incoming, asked, deadline.map(|deadline| deadline.at));
        let live = ActiveCallGuard::register(
            &tool.mcp.name,
            &library.to_string_lossy(),
            context,
            deadline.map(|deadline| deadline.at),
            CallResources {
                inputs,
                state,
                listener: incoming.tell.clone().map(|tell| {
                    let token = asked.meta.progress_token.clone();
                    in_words(tell, incoming.record.clone(), asked.revision, token)
                }),
            },
        );
        let call = live.call();
        let threads = self.threads.clone();
        let kept = run_and_keep(threads, Arc::clone(tool), live, arguments, deadline, place);
        (call, kept)
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
        let commit_deadline = self
            .limits
            .deadline(None, incoming.ceiling, incoming.deadline);
        let limits = StateLimits {
            ttl: self.kept.ttl,
            deadline,
            commit_deadline: commit_deadline.map(|deadline| deadline.at),
        };
        let session = asked.session.id().map(|id| SessionRef {
            id,
            is_checked: self.kept.are_sessions_checked,
        });
        CallState::new(
            self.kept.stores.clone(),
            session,
            owner,
            limits,
            &asked.tool.mcp.name,
            incoming.request_id,
        )
    }

    /// The answer, by what has come of the call; `unanswered` are questions to the client.
    fn answer(
        &self,
        incoming: &Incoming<'_>,
        asked: &Asked<'_>,
        call: &ActiveCall,
        unanswered: Option<Answer>,
        outcome: Result<CallResult, Ended>,
    ) -> Answer {
        if let Some(questions) = unanswered {
            incoming.record.ends(End::InputRequired);
            if let Err(Ended::Failed(failure)) = outcome {
                let words = "a call failed that asks its client, who is asked all the same";
                log_failure(asked, call, &failure, words);
            }
            return questions;
        }
        let fault = store_fault(call, &outcome);
        incoming.record.ends(match &outcome {
            Ok(result) if result.is_error => End::ToolError,
            Ok(_) => End::Ok,
            Err(Ended::GivenUp(_)) => End::GivenUp,
            Err(Ended::Failed(_)) => End::Failed,
            Err(Ended::Quarantined | Ended::NoThread(_) | Ended::NotKept) => End::Unavailable,
        });
        let answer = match outcome {
            Ok(result) => {
                let result = result.for_revision(asked.revision, &self.server);
                Answer::success(&asked.id, &result)
            }
            Err(ended) => failed(asked, call, ended, &self.server),
        };
        // What the model cannot mend is the client's.
        match fault {
            None => answer,
            Some(fault) => {
                if fault == StoreFault::Unavailable {
                    incoming.record.ends(End::Unavailable);
                }
                store_fault_answer(&asked.id, fault)
            }
        }
    }
}

/// The trouble with its state for which a call has failed, if it has.
fn store_fault(call: &ActiveCall, outcome: &Result<CallResult, Ended>) -> Option<StoreFault> {
    match outcome {
        Ok(result) if result.is_error => call.state.client_fault([result.content.get()]),
        Err(Ended::Failed(CallFailure { public, detail, .. })) => {
            let words = [public, detail].into_iter().flatten();
            call.state.client_fault(words.map(String::as_str))
        }
        Ok(_) | Err(_) => None,
    }
}

/// Passes a call's notifications on, in the words of its client.
fn in_words(tell: Tell, record: Record, revision: Revision, token: Option<Id>) -> Listener {
    Box::new(move |notification| {
        if let Some(notification) = notification.for_revision(revision, token.as_ref()) {
            record.tells(notification.get().len());
            tell.tell(notification);
        }
    })
}
