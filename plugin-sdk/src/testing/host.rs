//! The host side of a test. It answers the requests of the plugin, and records everything that the plugin sends.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use plugin_abi::{
    Answer, Host, PluginRef,
    abi_stable::std_types::{RResult, RSlice},
    host_op,
};
use serde_json::{Map, Value, json};
use tool_schema::{Form, check_url};

use super::state_store::CallState;

/// The record of a call: the facts that the test set, and everything that the call sent to its host.
#[derive(Clone, Debug, Default)]
pub(super) struct CallRecord {
    facts: Map<String, Value>,
    cancelled: bool,
    pub(super) progress: Vec<Value>,
    pub(super) messages: Vec<Value>,
    pub(super) logs: Vec<Value>,
    /// The client's answers to input requests, by their keys.
    answers: Map<String, Value>,
    /// The state that the call reads and writes.
    state: CallState,
    /// The input requests that have no answer, by their keys.
    pub(super) input_requests: Map<String, Value>,
}

impl CallRecord {
    /// Answers input requests as the host does: returns the answers that satisfy their form. Every other input request
    /// is recorded as unanswered.
    fn ask(&mut self, requests: &Value) -> Result<Map<String, Value>, String> {
        let requests = requests.as_object().cloned().unwrap_or_default();
        let mut forms = Vec::new();
        for (key, request) in &requests {
            let declared = self.facts.get("capabilities");
            if let Some(missing) = declared.and_then(|declared| missing(request, declared)) {
                return Err(format!("the client does not have the capability {missing}"));
            }
            if let Some(url) = request["params"]["url"].as_str() {
                check_url(url).map_err(|problem| format!("the question {key:?} {problem}"))?;
            }
            let shown = request["params"].get("requestedSchema");
            let form = shown.map(|shown| Form::new(shown, request.get("schema")));
            let form = form.transpose();
            forms.push(form.map_err(|error| format!("the form {key:?} is invalid: {error}"))?);
        }
        let mut answers = Map::new();
        for ((key, request), form) in requests.into_iter().zip(forms) {
            let answer = self.answers.get(&key);
            let answer = answer.and_then(|answer| match form {
                Some(form) => form.check_answer(answer).ok(),
                None => Some(answer.clone()),
            });
            match answer {
                Some(answer) => {
                    answers.insert(key, answer);
                }
                None => {
                    self.input_requests.insert(key, request);
                }
            }
        }
        Ok(answers)
    }
}

/// Returns the capability that an input request needs, if a client that declares these capabilities does not have it.
fn missing(request: &Value, declared: &Value) -> Option<&'static str> {
    let elicitation = &declared["elicitation"];
    let (name, declared) = match (
        request["method"].as_str(),
        request["params"]["mode"].as_str(),
    ) {
        (Some("elicitation/create"), Some("url")) => ("elicitation.url", &elicitation["url"]),
        // A client that declares an empty `elicitation` supports forms.
        (Some("elicitation/create"), _) if *elicitation == json!({}) => return None,
        (Some("elicitation/create"), _) => ("elicitation.form", &elicitation["form"]),
        (Some("roots/list"), _) => ("roots", &declared["roots"]),
        _ => ("sampling", &declared["sampling"]),
    };
    (!declared.is_object()).then_some(name)
}

/// A guard for the record of a call, which is removed when the guard is dropped.
pub(super) struct RecordingGuard(pub(super) u64);

impl RecordingGuard {
    /// Starts to record a new call.
    pub(super) fn start(
        mut facts: Map<String, Value>,
        answers: Map<String, Value>,
        state: CallState,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let call = NEXT.fetch_add(1, Ordering::Relaxed);
        for (fact, default) in [
            ("requestId", json!(format!("test-{call}"))),
            ("protocolVersion", json!("2026-07-28")),
            ("progress", json!(true)),
            ("logLevel", json!("debug")),
        ] {
            facts.entry(fact).or_insert(default);
        }
        let record = CallRecord {
            facts,
            answers,
            state,
            ..CallRecord::default()
        };
        records().insert(call, record);
        Self(call)
    }

    /// Marks the call as cancelled. If the call begins only later, it asks the host and is told so.
    pub(super) fn cancel(call: u64) {
        if let Some(record) = records().get_mut(&call) {
            record.cancelled = true;
        }
    }

    /// Writes the states that the call has set, after the call has succeeded.
    ///
    /// # Errors
    /// A message for the model if another call wrote first: then this call fails after all.
    pub(super) fn commit(&self) -> Result<(), String> {
        let mut records = records();
        let record = records.get_mut(&self.0);
        record.map_or(Ok(()), |record| record.state.commit())
    }

    /// Returns the record so far.
    pub(super) fn snapshot(&self) -> CallRecord {
        records().get(&self.0).cloned().unwrap_or_default()
    }
}

impl Drop for RecordingGuard {
    fn drop(&mut self) {
        records().remove(&self.0);
    }
}

fn records() -> MutexGuard<'static, BTreeMap<u64, CallRecord>> {
    static RECORDS: Mutex<BTreeMap<u64, CallRecord>> = Mutex::new(BTreeMap::new());
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of plugins.
pub(super) extern "C" fn request(call: u64, op: u32, payload: RSlice<'_, u8>) -> Answer {
    let refuse = |kind| RResult::RErr(json!({ "kind": kind }).to_string().into_bytes().into());
    let answer = |value: Value| RResult::ROk(value.to_string().into_bytes().into());
    let payload: Value = serde_json::from_slice(&payload).unwrap_or_default();
    if call == 0 {
        if op != host_op::LOG {
            return refuse("call_ended");
        }
        // This may be a panic of the test itself. If this host rejects it, std reports it with its backtrace.
        if payload["target"] == "panic" {
            return refuse("unknown_op");
        }
        eprintln!("{payload}");
        return answer(json!({}));
    }
    let mut records = records();
    let Some(record) = records.get_mut(&call) else {
        return refuse("call_ended");
    };
    match op {
        host_op::CONTEXT => return answer(record.facts.clone().into()),
        host_op::CANCELLED => return answer(json!({ "cancelled": record.cancelled })),
        host_op::INPUT => {
            return match record.ask(&payload["requests"]) {
                Ok(answers) => answer(json!({ "answers": answers })),
                Err(why) => {
                    let refusal = json!({ "kind": "cannot_ask", "public": why });
                    RResult::RErr(refusal.to_string().into_bytes().into())
                }
            };
        }
        host_op::STATE => {
            return match record.state.answer(&payload) {
                Ok(found) => answer(found),
                Err((kind, why)) => {
                    let refusal = json!({ "kind": kind.as_str(), "public": why });
                    RResult::RErr(refusal.to_string().into_bytes().into())
                }
            };
        }
        host_op::LOG => record.logs.push(payload),
        host_op::PROGRESS => record.progress.push(payload),
        host_op::MESSAGE => record.messages.push(payload),
        _ => return refuse("unknown_op"),
    }
    answer(json!({}))
}

/// Requests an operation from the plugin, and decodes the answer.
pub(super) fn invoke(
    module: PluginRef,
    op: u32,
    target: &str,
    body: &str,
    host: Host,
) -> Result<Value, Value> {
    let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
    let answer = (module.invoke())(op, target.into(), RSlice::from_slice(body.as_bytes()), host);
    match answer {
        RResult::ROk(bytes) => Ok(json(&bytes)),
        RResult::RErr(bytes) => Err(json(&bytes)),
    }
}

/// Runs `work` outside of the async runtime of a test (`#[tokio::test]`), because an async tool blocks the thread that
/// calls it, which tokio forbids inside of a runtime.
pub(super) fn outside_runtime<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "async")]
    if tokio::runtime::Handle::try_current().is_ok() {
        return std::thread::scope(|scope| match scope.spawn(work).join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
    }
    work()
}

/// Returns the text of a JSON string; an empty text for any other value.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
