//! Calls of several rounds, in which a tool sends input requests to its client (M:mrtr). This module restores the
//! responses of earlier rounds, and ends each round except the last. The server stores nothing between two rounds:
//! everything is in the encrypted `requestState` that the client sends back.
//!
//! The client has `MCP_STATE_TTL_SECONDS` to respond to the latest input requests. Its response stays valid for the
//! same time in all later rounds. After that, the input request is sent again.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mcp_protocol::{
    Answer, ServerInfo,
    input::{input_required_result, is_input_capability},
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS},
    tools::CallResult,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use tokio::sync::OnceCell;

use crate::{
    config::{Config, StateKeys},
    digest::digest,
    plugin::{ActiveCall, CatalogTool, InputRequests, InputUnavailable, Question},
    server::{
        call::{context::ToolCall, deadline::CallLimits},
        request::IncomingRequest,
    },
    store::{
        dynamodb::Table,
        seal::{StateKey, open, seal},
        session::StoreError,
    },
};

/// The maximum size of the client's responses from all rounds together. Unit: bytes.
/// Source: ours. The client sends all of them back in every round, in requests of at most six megabytes.
const MAX_ANSWERS: usize = 1024 * 1024;

/// The keys and settings for `requestState`, which connects the rounds of a call.
pub(crate) struct InputRounds {
    /// The keys. The first one encrypts, and each of them can decrypt. Without a key, no tool can send input requests.
    keys: OnceCell<Vec<StateKey>>,
    /// The table that contains the key, if the key has to be read from it.
    table: Option<Arc<Table>>,
    /// The time limits for reading the table.
    limits: CallLimits,
    /// How long the client has to respond, and how long its response is valid.
    ttl: Duration,
    /// The name of the Lambda function, if the host runs in one.
    function: Option<String>,
}

/// The content of a `requestState` before encryption.
#[derive(Deserialize, Serialize)]
struct SealedState {
    /// When the state expires. Unit: seconds since 1970.
    expires: u64,
    questions: BTreeMap<String, Question>,
}

impl InputRounds {
    pub(crate) fn new(config: &Config, table: Option<Arc<Table>>, limits: CallLimits) -> Self {
        let keys = match &config.state_keys {
            StateKeys::Configured(keys) => OnceCell::new_with(Some(keys.clone())),
            StateKeys::Ephemeral => OnceCell::new_with(Some(vec![StateKey::random()])),
            StateKeys::FromTable => OnceCell::new(),
            StateKeys::Unavailable => OnceCell::new_with(Some(Vec::new())),
        };
        Self {
            keys,
            table,
            limits,
            ttl: config.state_ttl,
            function: config.function.clone(),
        }
    }

    /// Returns the keys. A key in the table is read only once.
    async fn keys(&self) -> Result<&[StateKey], StoreError> {
        let keys = self.keys.get_or_try_init(async || match &self.table {
            // Boxed, because the futures of the AWS SDK are large.
            Some(table) => Ok(vec![Box::pin(table.state_key()).await?]),
            None => Ok(Vec::new()),
        });
        keys.await.map(Vec::as_slice)
    }

    /// Reports whether input requests may be possible. (A key in the table may not have been read yet.)
    fn can_ask(&self) -> bool {
        self.keys.get().is_none_or(|keys| !keys.is_empty())
    }

    /// Logs that no tool can send input requests, if there is no key. It is a warning if a tool requires a capability
    /// for input requests. Other tools may send them as well, but that is not known before they do.
    pub(crate) fn warn_if_keyless(&self, tools: &[Arc<CatalogTool>]) {
        if self.can_ask() {
            return;
        }
        let words = "neither MCP_STATE_KEY nor MCP_SESSION_TABLE is set: tools cannot ask clients for input; set MCP_STATE_KEY to a secret, such as the output of `openssl rand -hex 32`";
        let asks =
            |tool: &&Arc<CatalogTool>| tool.requires.iter().any(|name| is_input_capability(name));
        match tools.iter().find(asks) {
            Some(tool) => tracing::warn!(tool = tool.mcp.name, "{words}"),
            None => tracing::info!("{words}"),
        }
    }

    /// Returns the identity of the call to which a state is bound: the same tool of the same plugin, the same arguments
    /// and the same caller. It also contains the name of the function, because consent in a test environment is not
    /// consent in production.
    fn call_binding(&self, incoming: &IncomingRequest<'_>, tool_call: &ToolCall<'_>) -> Vec<u8> {
        let arguments = tool_call.arguments.map_or("{}", RawValue::get);
        // The arguments are compared as text. If they were parsed with a number type less precise than the tool's, two
        // different values could look equal.
        let arguments = Value::from(arguments);
        let call = json!([
            "requestState 2",
            self.function,
            tool_call.tool.plugin.file(),
            tool_call.tool.mcp.name,
            incoming.caller.principal,
            digest(&arguments),
        ]);
        call.to_string().into_bytes()
    }

    /// Decrypts a state that this server issued for this call and that has not expired. Removes expired responses from
    /// it.
    async fn open(
        &self,
        binding: &[u8],
        sealed: &str,
        now: SystemTime,
    ) -> Result<Option<SealedState>, StoreError> {
        let state = open(self.keys().await?, binding, sealed);
        let state = state.and_then(|state| serde_json::from_slice::<SealedState>(&state).ok());
        let Some(mut state) = state.filter(|state| state.expires > unix_seconds(now)) else {
            return Ok(None);
        };
        for question in state.questions.values_mut() {
            let expires = question.given.saturating_add(self.ttl.as_secs());
            question.answer = question
                .answer
                .take()
                .filter(|_| expires > unix_seconds(now));
        }
        Ok(Some(state))
    }

    async fn seal(
        &self,
        binding: &[u8],
        questions: BTreeMap<String, Question>,
        now: SystemTime,
    ) -> Result<Option<String>, StoreError> {
        let expires = unix_seconds(now).saturating_add(self.ttl.as_secs());
        let state = serde_json::to_vec(&SealedState { expires, questions }).unwrap_or_default();
        Ok(seal(self.keys().await?, binding, &state))
    }

    /// Returns the input requests of earlier rounds with the client's responses, for the tool to continue from.
    ///
    /// # Errors
    /// The error response to a client whose `requestState` is not valid for this call.
    pub(crate) async fn inputs(
        &self,
        incoming: &IncomingRequest<'_>,
        tool_call: &ToolCall<'_>,
    ) -> Result<InputRequests, Answer> {
        let ToolCall {
            revision, resume, ..
        } = tool_call;
        if !revision.is_modern() {
            return Ok(InputRequests::unavailable(InputUnavailable::OldRevision(
                *revision,
            )));
        }
        // This check must come first: without a key no state can be decrypted, and that must not be reported as the
        // client's mistake.
        if !self.can_ask() {
            return Ok(InputRequests::unavailable(InputUnavailable::NoKey));
        }
        let mut questions = match &resume.state {
            // Without a state, a response is accepted for any input request with the same key.
            None => {
                let keys = resume.responses.keys().cloned();
                keys.map(|key| (key, Question::default())).collect()
            }
            Some(sealed) => self.open_request_state(incoming, tool_call, sealed).await?,
        };
        let now = unix_seconds(SystemTime::now());
        for (key, question) in &mut questions {
            if let (None, Some(answer)) = (&question.answer, resume.responses.get(key)) {
                question.answer = serde_json::from_str(answer.get()).ok();
                question.given = now;
            }
        }
        let answers = questions
            .values()
            .filter_map(|question| question.answer.as_ref());
        let bytes: usize = answers.map(|answer| answer.to_string().len()).sum();
        if bytes > MAX_ANSWERS {
            let message = format!(
                "the answers to the tool's questions have {bytes} bytes, more than {MAX_ANSWERS}"
            );
            return Err(Answer::error(
                200,
                Some(&tool_call.id),
                INVALID_PARAMS,
                &message,
            ));
        }
        Ok(InputRequests::resume(questions))
    }

    /// Returns the input requests of earlier rounds from the client's `requestState`.
    async fn open_request_state(
        &self,
        incoming: &IncomingRequest<'_>,
        tool_call: &ToolCall<'_>,
        sealed: &str,
    ) -> Result<BTreeMap<String, Question>, Answer> {
        let binding = self.call_binding(incoming, tool_call);
        let state = self.open(&binding, sealed, SystemTime::now());
        let state = incoming.with_deadline(&self.limits, state).await;
        let state = state.map_err(|error| key_unavailable(incoming, tool_call, &error))?;
        if let Some(state) = state {
            return Ok(state.questions);
        }
        let (tool, request_id) = (&tool_call.tool.mcp.name, incoming.request_id);
        let principal = incoming.caller.principal.as_deref();
        tracing::warn!(request_id, tool, principal, "a requestState was rejected");
        let message = format!(
            "the requestState is not valid for this call of {tool}: it belongs to another tool, other arguments, another caller or another server, was changed, or has expired; call the tool again without it"
        );
        Err(Answer::error(
            200,
            Some(&tool_call.id),
            INVALID_PARAMS,
            &message,
        ))
    }

    /// Returns the response that sends a call's open input requests to the client; `None` if there are none.
    pub(crate) async fn input_required(
        &self,
        incoming: &IncomingRequest<'_>,
        tool_call: &ToolCall<'_>,
        call: &ActiveCall,
        server: &ServerInfo,
    ) -> Option<Answer> {
        let open = call.inputs.unanswered();
        if open.is_empty() {
            return None;
        }
        let binding = self.call_binding(incoming, tool_call);
        let questions = call.inputs.questions();
        let sealed = self.seal(&binding, questions, SystemTime::now());
        let result = match incoming.with_deadline(&self.limits, sealed).await {
            Ok(Some(state)) => input_required_result(&open, &state, server),
            Ok(None) => CallResult::error("the state of the call cannot be stored")
                .for_revision(tool_call.revision, server),
            Err(error) => return Some(key_unavailable(incoming, tool_call, &error)),
        };
        Some(Answer::success(&tool_call.id, &result))
    }
}

/// Logs the error. Returns the response, which tells the client to try again.
fn key_unavailable(
    incoming: &IncomingRequest<'_>,
    tool_call: &ToolCall<'_>,
    error: &StoreError,
) -> Answer {
    let (request_id, tool) = (incoming.request_id, &tool_call.tool.mcp.name);
    tracing::error!(request_id, tool, %error, "the key that seals requestState cannot be read from the table");
    let message = "tools cannot ask clients for input at the moment; try again";
    Answer::error(503, Some(&tool_call.id), INTERNAL_ERROR, message)
}

fn unix_seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plugin::Catalog, process::log::captured_log::CapturedLog, server::tests::plugin::module,
    };

    /// Returns the rounds of a process with a key of its own. A state is valid for a minute.
    fn rounds() -> InputRounds {
        InputRounds {
            keys: OnceCell::new_with(Some(vec![StateKey::random()])),
            table: None,
            limits: CallLimits::default(),
            ttl: Duration::from_secs(60),
            function: None,
        }
    }

    #[test]
    fn a_missing_key_is_logged_at_the_start_and_as_a_warning_if_a_tool_needs_it() {
        let catalog = Catalog::linked(module()).expect("a catalogue");
        let keyless = InputRounds {
            keys: OnceCell::new_with(Some(Vec::new())),
            ..rounds()
        };
        for (rounds, tools, level) in [
            (&keyless, catalog.tools(), Some("WARN")),
            (&keyless, &[][..], Some("INFO")),
            (&rounds(), catalog.tools(), None),
        ] {
            let operator = CapturedLog::new("INFO");
            rounds.warn_if_keyless(tools);
            let lines = operator.lines();
            let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str()).collect();
            assert_eq!(levels, Vec::from_iter(level.map(Some)), "{lines:?}");
        }
    }

    #[tokio::test]
    async fn a_state_is_good_until_it_expires() {
        let rounds = rounds();
        let now = SystemTime::now();
        let sealed = rounds.seal(b"a call", BTreeMap::new(), now).await;
        let sealed = sealed.expect("no store").expect("there is a key");
        for (seconds, good) in [(0, true), (59, true), (60, false), (3600, false)] {
            let later = now + Duration::from_secs(seconds);
            let opened = rounds.open(b"a call", &sealed, later).await;
            assert_eq!(
                opened.expect("no store").is_some(),
                good,
                "after {seconds} s"
            );
        }
    }

    #[tokio::test]
    async fn an_answer_is_good_until_it_expires_however_many_rounds_there_are() {
        let rounds = rounds();
        let begun = SystemTime::now();
        let question = Question {
            digest: Some("a question".to_owned()),
            answer: Some(json!("an answer")),
            given: unix_seconds(begun),
        };
        let mut questions = BTreeMap::from([("a".to_owned(), question)]);
        for (seconds, good) in [(0, true), (30, true), (59, true), (60, false), (90, false)] {
            let now = begun + Duration::from_secs(seconds);
            let sealed = rounds.seal(b"a call", questions, now).await;
            let sealed = sealed.expect("no store").expect("there is a key");
            let opened = rounds
                .open(b"a call", &sealed, now)
                .await
                .expect("no store");
            questions = opened.expect("the state is fresh").questions;
            let question = &questions["a"];
            assert_eq!(question.answer.is_some(), good, "after {seconds} s");
            // The question is the same, whatever its answer.
            assert_eq!(question.digest.as_deref(), Some("a question"));
        }
    }
}
