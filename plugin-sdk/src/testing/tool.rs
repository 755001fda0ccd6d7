//! A tool under test: the facts of the request that calls it, and the call.

use std::{
    panic,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use plugin_abi::{Host, PluginRef, op};
use serde_json::{Map, Value, json};
use tool_schema::{ArgumentRules, Attempt, LazySchema, Schema};

use super::{
    host::{RecordingGuard, invoke, outside_runtime, request, text},
    outcome::Outcome,
    state_store::{self, CallState},
};
use crate::StateErrorKind;

/// A tool, and the facts of the request that calls it. Methods that set something return a changed copy.
#[derive(Clone)]
pub struct Tool {
    module: PluginRef,
    /// The declaration of the plugin.
    plugin: Arc<Value>,
    position: usize,
    facts: Map<String, Value>,
    answers: Map<String, Value>,
    session: Option<String>,
    state_error: Option<StateErrorKind>,
    timeout: Option<Duration>,
}

impl Tool {
    pub(super) fn new(module: PluginRef, plugin: Arc<Value>, position: usize) -> Self {
        Self {
            module,
            plugin,
            position,
            facts: Map::new(),
            answers: Map::new(),
            session: None,
            state_error: None,
            timeout: None,
        }
    }

    /// Returns the declaration of the tool, in the form that `PAYLOADS.md` of plugin-abi defines. Its member `tool` is
    /// MCP's `Tool`.
    #[must_use]
    pub fn declaration(&self) -> &Value {
        &self.plugin["tools"][self.position]
    }

    /// Returns the schema of the arguments.
    #[must_use]
    pub fn input_schema(&self) -> &Value {
        &self.declaration()["tool"]["inputSchema"]
    }

    /// Returns the schema of the structured result.
    #[must_use]
    pub fn output_schema(&self) -> Option<&Value> {
        self.declaration()["tool"].get("outputSchema")
    }

    /// Sets a fact of the request.
    fn with_fact(mut self, fact: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(fact.to_owned(), value.into());
        self
    }

    /// Sets the name and the version of the client.
    #[must_use]
    pub fn with_client(self, name: &str, version: &str) -> Self {
        self.with_fact("client", json!({ "name": name, "version": version }))
    }

    /// Sets the capabilities of the client, such as `{"elicitation": {}}`.
    #[must_use]
    pub fn with_capabilities(self, capabilities: Value) -> Self {
        self.with_fact("capabilities", capabilities)
    }

    /// Sets the principal and its claims, such as `{"scope": "all"}`.
    #[must_use]
    pub fn with_principal(self, name: &str, claims: Value) -> Self {
        self.with_fact("principal", name)
            .with_fact("claims", claims)
    }

    /// Adds a header to the request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let headers = self.facts.entry("headers").or_insert_with(|| json!({}));
        headers[name.to_ascii_lowercase()] = value.into();
        self
    }

    /// Sets the trace context: `{"traceparent": "...", "tracestate": "...", "baggage": "..."}`.
    #[must_use]
    pub fn with_trace(self, trace: Value) -> Self {
        self.with_fact("trace", trace)
    }

    /// Sets the session of the call, by a name that the test chooses. Otherwise the call has no session, as in MCP
    /// 2026-07-28.
    ///
    /// All tests of a process share the stored states; use different names to separate them. A session or a handle
    /// belongs to the principal that first stores something under it.
    #[must_use]
    pub fn in_session(mut self, name: &str) -> Self {
        self.session = Some(name.to_owned());
        self
    }

    /// Sets the session of the call, and stores a value in it, for example one that an older release would have
    /// written. The session belongs to the principal: call [`with_principal`](Self::with_principal) first.
    #[must_use]
    pub fn in_session_with_state(self, name: &str, value: Value) -> Self {
        state_store::put(name, self.facts.get("principal").map(text), value);
        self.in_session(name)
    }

    /// Makes every operation on stored state fail with an error of this kind: for example `Unavailable`, as if the
    /// store could not be reached, or `SessionEnded`.
    ///
    /// If a tool returns an error of one of these two kinds, the host responds with status 503 or 404. A test sees the
    /// error that the tool returned.
    ///
    /// ```
    /// use plugin_sdk::{StateErrorKind, prelude::*};
    ///
    /// /// What was said last.
    /// #[tool]
    /// fn last(context: Context) -> String {
    ///     let last: Option<String> = context.state().get().unwrap_or_default();
    ///     last.unwrap_or_else(|| "nothing".to_owned())
    /// }
    ///
    /// export_tools!(last);
    ///
    /// # fn main() {
    /// # use plugin_sdk::{serde_json::json, testing::plugin};
    /// let last = plugin().tool("last").in_session("any");
    /// let last = last.with_state_error(StateErrorKind::Unavailable);
    /// assert_eq!(last.call(json!({})).text(), "nothing");
    /// # }
    /// ```
    #[must_use]
    pub fn with_state_error(mut self, kind: StateErrorKind) -> Self {
        self.state_error = Some(kind);
        self
    }

    /// Sets what the user enters in the form with this key. If it does not satisfy the form, the input request counts
    /// as unanswered, as in the host.
    #[must_use]
    pub fn with_answer(self, key: &str, content: Value) -> Self {
        self.with_result(key, json!({ "action": "accept", "content": content }))
    }

    /// Sets the client's answer to the input request with this key, as MCP's result: `{"action": "decline"}`,
    /// `{"roots": [...]}`, `{"role": "assistant", "model": "...", "content": {...}}`.
    #[must_use]
    pub fn with_result(mut self, key: &str, result: Value) -> Self {
        self.answers.insert(key.to_owned(), result);
        self
    }

    /// Sets the time limit of the call, instead of the one that the tool declares.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Calls the tool with a JSON object of arguments. They are coerced, validated and rejected as by the host. The
    /// simulated client requests progress and log messages of every level.
    ///
    /// A call that exceeds its time limit is cancelled as by the host: the tool can see that, and a result that it
    /// returns within another 100 ms still counts. After that, the outcome's [`failure`](Outcome::failure) has the kind
    /// `cancelled`. A tool that ignores the cancellation runs on until it returns or the test process ends, and its
    /// result is discarded.
    ///
    /// # Panics
    /// If the structured result does not satisfy the `outputSchema` of the tool.
    pub fn call(&self, arguments: Value) -> Outcome {
        let declared = || self.declaration()["timeoutMs"].as_u64();
        let timeout = self
            .timeout
            .or_else(|| declared().map(Duration::from_millis));
        let deadline = timeout.and_then(|timeout| SystemTime::now().checked_add(timeout));
        let recording = Arc::new(RecordingGuard::start(
            self.facts.clone(),
            self.answers.clone(),
            CallState::new(
                &text(&self.declaration()["tool"]["name"]),
                self.session.clone(),
                self.facts.get("principal").map(text),
                self.state_error,
            ),
        ));
        let host = Host {
            call: recording.0,
            deadline_unix_ms: deadline.map_or(0, unix_ms),
            request,
        };
        let answer = match timeout {
            Some(timeout) => self.call_within(timeout, arguments, host, &recording),
            None => self.call_tool(&arguments, host),
        };
        let mut outcome = Outcome {
            answer,
            record: recording.snapshot(),
        };
        let is_over = outcome.answer.is_ok() && outcome.input_requests().is_empty();
        if is_over
            && !outcome.is_error()
            && let Err(message) = recording.commit()
        {
            outcome.answer = Ok(error(&message));
        }
        self.check(&outcome);
        outcome
    }

    /// Calls the tool on a separate thread, which continues if the call times out.
    fn call_within(
        &self,
        timeout: Duration,
        arguments: Value,
        host: Host,
        recording: &Arc<RecordingGuard>,
    ) -> Result<Value, Value> {
        let (sender, receiver) = mpsc::channel();
        let (tool, recording) = (self.clone(), Arc::clone(recording));
        let running = thread::spawn(move || {
            let answer = tool.call_tool(&arguments, host);
            // The record of the call is kept until the tool returns, even if that is after the time limit.
            drop(recording);
            let _ = sender.send(answer);
        });
        match receiver.recv_timeout(timeout) {
            Ok(answer) => return answer,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => rethrow(running),
        }
        RecordingGuard::cancel(host.call);
        let module = self.module;
        thread::spawn(move || {
            let body = json!({ "call": host.call }).to_string();
            invoke(module, op::CANCEL, "", &body, host)
        });
        match receiver.recv_timeout(tool_rules::CANCEL_GRACE) {
            Ok(Ok(result)) => Ok(result),
            Err(mpsc::RecvTimeoutError::Disconnected) => rethrow(running),
            Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Timeout) => {
                let milliseconds = timeout.as_millis();
                let detail = format!("the call timed out: its time limit is {milliseconds} ms");
                Err(json!({ "kind": "cancelled", "detail": detail }))
            }
        }
    }

    /// Calls the tool by the rules of the host. If the arguments are rejected, it returns a result with an error, as
    /// the host does.
    fn call_tool(&self, arguments: &Value, host: Host) -> Result<Value, Value> {
        let name = text(&self.declaration()["tool"]["name"]);
        let flag = |name: &str| self.declaration()[name] == true;
        let module = self.module;
        let call =
            |arguments: &str| outside_runtime(|| invoke(module, op::CALL, &name, arguments, host));
        let rules = ArgumentRules {
            tool: &name,
            schema_text: &self.input_schema().to_string(),
            schema: &LazySchema::default(),
            validate: flag("validate"),
            strict: flag("strict"),
        };
        let result = rules.call_with(&arguments.to_string(), |json| match call(json) {
            Err(failure) if failure["kind"] == "invalid_arguments" => Attempt::DecodeFailed {
                message: text(&failure["public"]),
            },
            answer => Attempt::Accepted(answer),
        });
        result.unwrap_or_else(|refusal| Ok(error(&refusal.to_string())))
    }

    /// Checks the structured result against the output schema.
    fn check(&self, outcome: &Outcome) {
        let Some(schema) = self.output_schema() else {
            return;
        };
        if outcome.answer.is_err() || !outcome.input_requests().is_empty() || outcome.is_error() {
            return;
        }
        let Some(structured) = outcome.structured() else {
            panic!("the tool declares an outputSchema, but returned no structured result");
        };
        let schema = match Schema::compile(&schema.to_string()) {
            Ok(schema) => schema,
            Err(error) => panic!("the outputSchema is {error}"),
        };
        let problems: Vec<_> = schema
            .problems(structured)
            .into_iter()
            .map(|problem| problem.to_string())
            .collect();
        assert!(
            problems.is_empty(),
            "the structured result is not what the outputSchema says: {}",
            problems.join("; ")
        );
    }
}

/// Returns a result with an error for the model.
fn error(message: &str) -> Value {
    let content = json!([{ "type": "text", "text": message }]);
    json!({ "type": "complete", "content": content, "isError": true })
}

/// Continues a panic of the thread of a call in this thread. It is not a panic of the tool, which the plugin catches.
fn rethrow(running: thread::JoinHandle<()>) -> ! {
    match running.join() {
        Err(panic) => panic::resume_unwind(panic),
        Ok(()) => unreachable!("the thread sends its answer before it ends"),
    }
}

fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}
