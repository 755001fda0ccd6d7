//! The input requests of a call: those that the tool may send, those that the client has responded to, and those that
//! are open.
//!
//! The host itself records which input requests are open. While one is open, the call does not end with the tool's
//! result, whatever the tool returns.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use mcp_protocol::{Revision, capabilities, input::InputRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};
use tool_schema::{Form, check_url};

use crate::digest::digest;

/// The maximum size of all input requests of one call. Unit: bytes.
/// Source: ours. Forms are filled in by people, so they need not be larger.
const MAX_QUESTION_BYTES: usize = 256 * 1024;

/// The maximum number of log lines about the input requests of one call. Source: ours. A tool may try again in a loop.
pub(crate) const MAX_LOG_LINES: u32 = 10;

/// The input requests of one call.
#[derive(Debug, Default)]
pub struct InputRequests {
    /// The reason why the call cannot send input requests, if there is one.
    unavailable: Option<InputUnavailable>,
    /// The input requests of earlier rounds.
    earlier: BTreeMap<String, Question>,
    now: Mutex<CurrentRound>,
    /// The number of log lines about these input requests so far.
    log_lines: AtomicU32,
}

/// An input request as the tool describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct InputQuery {
    #[serde(flatten)]
    request: InputRequest,
    /// A JSON Schema that the submitted form must also satisfy. It holds the constraints that MCP's `requestedSchema`
    /// cannot express.
    #[serde(default)]
    schema: Option<Value>,
}

/// What the tool receives when it sends input requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct InputReplies {
    /// The accepted responses of the client, by the keys of their input requests.
    pub(crate) answers: Map<String, Value>,
    /// The keys of the responses that were rejected, with the reasons. These input requests are sent again. The reasons
    /// are for the operator, so they contain nothing that people filled in.
    pub(crate) rejected: Vec<(String, String)>,
}

/// The reason why a response of the client was rejected.
struct RejectedAnswer {
    /// The reason, for the operator.
    why: String,
    /// A hint for the person who filled in a form.
    hint: Option<String>,
}

/// The reason why a call cannot send input requests. (It is logged only if a tool tries to send one.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputUnavailable {
    /// The client's revision does not have multi round-trip requests.
    OldRevision(Revision),
    /// The server has no key to encrypt `requestState`.
    NoKey,
}

impl InputUnavailable {
    /// Returns the message for the model.
    pub(crate) fn message(self, tool: &str) -> String {
        match self {
            Self::OldRevision(revision) => format!(
                "tool {tool} asks its client for input, which needs revision {} of MCP; this client speaks {revision}",
                Revision::MODERN
            ),
            Self::NoKey => format!(
                "tool {tool} asks its client for input, but this server has no key to seal the state; its operator has to set MCP_STATE_KEY"
            ),
        }
    }
}

/// The facts about an input request that a later round needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Question {
    /// The digest of the input request. `None` if it is unknown; then the response is accepted for any input request
    /// with the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The client's response, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// When the client responded. Unit: seconds since 1970.
    #[serde(default)]
    pub given: u64,
}

/// The reason why an input request cannot be sent. None of the input requests that were to be sent together with it is
/// sent either.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CannotAsk {
    /// The call cannot send any input requests.
    Unavailable(InputUnavailable),
    /// The client lacks a capability. The message is for the model.
    Client(String),
    /// The input request is invalid for any client. The message is for the tool's author.
    Author(String),
}

/// The input requests of the current run of the tool, by their keys, each with its digest.
#[derive(Debug, Default)]
struct CurrentRound {
    answered: BTreeMap<String, Question>,
    open: BTreeMap<String, (String, InputRequest)>,
    /// The size of the open input requests. Unit: bytes.
    bytes: usize,
}

impl InputRequests {
    /// Returns the input requests of a call that continues after earlier rounds.
    #[must_use]
    pub fn resume(earlier: BTreeMap<String, Question>) -> Self {
        Self {
            earlier,
            ..Self::default()
        }
    }

    /// Returns the input requests of a call that cannot send any, for this reason.
    #[must_use]
    pub fn unavailable(why: InputUnavailable) -> Self {
        Self {
            unavailable: Some(why),
            ..Self::default()
        }
    }

    /// Asks the client for input. The client has declared the capabilities in `declared`. Returns the responses
    /// that are already known. The other input requests stay open, and are sent when the tool has returned.
    pub(crate) fn ask(
        &self,
        queries: BTreeMap<String, InputQuery>,
        declared: Option<&RawValue>,
    ) -> Result<InputReplies, CannotAsk> {
        if let Some(why) = self.unavailable {
            return Err(CannotAsk::Unavailable(why));
        }
        let mut now = self.now();
        let (mut known, mut new) = (Vec::new(), Vec::new());
        let mut bytes = now.bytes;
        for (key, query) in queries {
            let digest = digest_query(&query);
            match now.digest(&key) {
                Some(earlier) if earlier == digest => known.push(key),
                Some(_) => {
                    return Err(CannotAsk::Author(format!(
                        "two different questions have the key {key:?}"
                    )));
                }
                None => {
                    let form = check(&key, &query, declared)?;
                    let size = size(&key, &query);
                    bytes += size;
                    new.push((key, digest, query.request, form, size));
                }
            }
        }
        if bytes > MAX_QUESTION_BYTES {
            return Err(CannotAsk::Author(format!(
                "the questions have {bytes} bytes, more than {MAX_QUESTION_BYTES}"
            )));
        }
        let mut replies = InputReplies::default();
        for key in known {
            let answer = now.answered.get(&key).and_then(|it| it.answer.clone());
            replies.answers.extend(answer.map(|answer| (key, answer)));
        }
        for (key, digest, mut request, form, size) in new {
            match self.answer(&key, &digest, &request, form.as_ref()) {
                Ok(Some((answer, given))) => {
                    replies.answers.insert(key.clone(), answer.clone());
                    let question = Question {
                        digest: Some(digest),
                        answer: Some(answer),
                        given,
                    };
                    now.answered.insert(key, question);
                    continue;
                }
                Ok(None) => {}
                Err(RejectedAnswer { why, hint }) => {
                    if let Some(hint) = hint {
                        append_reason(&mut request, &hint);
                    }
                    replies.rejected.push((key.clone(), why));
                }
            }
            now.bytes += size;
            now.open.insert(key, (digest, request));
        }
        Ok(replies)
    }

    /// Returns the client's response from an earlier round and its time, if the response belongs to this input request.
    fn answer(
        &self,
        key: &str,
        digest: &str,
        request: &InputRequest,
        form: Option<&Form>,
    ) -> Result<Option<(Value, u64)>, RejectedAnswer> {
        let earlier = self.earlier.get(key);
        let Some((earlier, answer)) = earlier.and_then(|it| Some((it, it.answer.as_ref()?))) else {
            return Ok(None);
        };
        let no_answer = |why: String| RejectedAnswer { why, hint: None };
        // Consent to one input request is not consent to another.
        if earlier
            .digest
            .as_ref()
            .is_some_and(|earlier| earlier != digest)
        {
            let why = "it answers another question that had this key".to_owned();
            return Err(no_answer(why));
        }
        if !request.is_answered_by(answer) {
            return Err(no_answer(format!(
                "it is not a result of {}",
                request.method
            )));
        }
        let answer = match form {
            None => answer.clone(),
            Some(form) => form.check_answer(answer).map_err(|unfit| {
                let places: Vec<_> = unfit.pointers().collect();
                RejectedAnswer {
                    why: format!("the values do not fit the form: {}", places.join(", ")),
                    hint: Some(unfit.to_string()),
                }
            })?,
        };
        Ok(Some((answer, earlier.given)))
    }

    /// Counts a log line. Returns the number of earlier lines, or `None` if there are too many.
    pub(crate) fn count_log_line(&self) -> Option<u32> {
        let before = self.log_lines.fetch_add(1, Ordering::Relaxed);
        // This prevents the counter from wrapping around.
        self.log_lines.fetch_min(MAX_LOG_LINES, Ordering::Relaxed);
        (before < MAX_LOG_LINES).then_some(before)
    }

    /// Returns the open input requests, to which the client still has to respond.
    #[must_use]
    pub fn unanswered(&self) -> BTreeMap<String, InputRequest> {
        let now = self.now();
        let open = now.open.iter();
        open.map(|(key, (_, request))| (key.clone(), request.clone()))
            .collect()
    }

    /// Returns the facts about all input requests that the next round needs.
    #[must_use]
    pub fn questions(&self) -> BTreeMap<String, Question> {
        let now = self.now();
        let answered = now.answered.clone();
        let open = now.open.iter().map(|(key, (digest, _))| {
            let question = Question {
                digest: Some(digest.clone()),
                ..Question::default()
            };
            (key.clone(), question)
        });
        answered.into_iter().chain(open).collect()
    }

    fn now(&self) -> MutexGuard<'_, CurrentRound> {
        // A panic while this lock is held cannot leave the data inconsistent.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CurrentRound {
    fn digest(&self, key: &str) -> Option<&str> {
        let open = || Some(&self.open.get(key)?.0);
        let answered = self.answered.get(key).and_then(|it| it.digest.as_ref());
        answered.or_else(open).map(String::as_str)
    }
}

/// Checks that this input request is valid and can be sent to this client. Returns its form, if it has one.
fn check(
    key: &str,
    InputQuery { request, schema }: &InputQuery,
    declared: Option<&RawValue>,
) -> Result<Option<Form>, CannotAsk> {
    let of_this = |problem: String| CannotAsk::Author(format!("the question {key:?} {problem}"));
    let required = request.required_capabilities().map_err(of_this)?;
    if let Some(url) = request.url() {
        check_url(url).map_err(|problem| of_this(problem.to_owned()))?;
    }
    let form = request
        .form()
        .map(|shown| Form::new(shown, schema.as_ref()));
    let form = form.transpose();
    let form = form.map_err(|error| of_this(format!("has an invalid form: {error}")))?;
    let missing = capabilities::missing_capabilities(required, declared);
    if missing.is_empty() {
        return Ok(form);
    }
    Err(CannotAsk::Client(format!(
        "the client cannot be asked for {key:?}: it has not declared the capability {}; use a client that has it",
        missing.join(" and ")
    )))
}

/// Appends the reason why an input request is sent again to its message. A client shows its user nothing else in which
/// the reason could be.
fn append_reason(request: &mut InputRequest, hint: &str) {
    if let Some(message) = request.params["message"].as_str() {
        let message = format!("{message}\n\nThe last answer was not accepted: {hint}.");
        request.params["message"] = message.into();
    }
}

fn size(key: &str, InputQuery { request, schema }: &InputQuery) -> usize {
    let schema = schema.as_ref().map_or(0, |schema| schema.to_string().len());
    key.len() + request.method.len() + request.params.to_string().len() + schema
}

/// Returns a digest that differs for different input requests.
fn digest_query(InputQuery { request, schema }: &InputQuery) -> String {
    digest(&json!([request.method, request.params, schema]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(message: &str) -> InputRequest {
        let params = json!({
            "message": message,
            "requestedSchema": {
                "type": "object",
                "properties": { "name": { "type": "string" } },
                "required": ["name"],
            },
        });
        request("elicitation/create", params)
    }

    fn request(method: &str, params: Value) -> InputRequest {
        InputRequest {
            method: method.to_owned(),
            params,
        }
    }

    fn everything() -> Box<RawValue> {
        let text = r#"{"elicitation":{"form":{},"url":{}},"roots":{},"sampling":{}}"#;
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    fn ask(
        inputs: &InputRequests,
        key: &str,
        request: InputRequest,
    ) -> Result<Option<Value>, CannotAsk> {
        let mut replies = replies(inputs, key, request)?;
        Ok(replies.answers.remove(key))
    }

    fn replies(
        inputs: &InputRequests,
        key: &str,
        request: InputRequest,
    ) -> Result<InputReplies, CannotAsk> {
        inputs.ask(
            [(key.to_owned(), query(request))].into(),
            Some(&everything()),
        )
    }

    fn query(request: InputRequest) -> InputQuery {
        InputQuery {
            request,
            schema: None,
        }
    }

    fn accepted(name: &Value) -> Value {
        json!({ "action": "accept", "content": { "name": name } })
    }

    /// Returns the input requests of the round after `inputs`, with this answer.
    fn next_round(inputs: &InputRequests, key: &str, answer: Value) -> InputRequests {
        let mut questions = inputs.questions();
        if let Some(question) = questions.get_mut(key) {
            question.answer = Some(answer);
        }
        InputRequests::resume(questions)
    }

    #[test]
    fn answered_questions_return_and_others_stay_open() {
        let first = InputRequests::default();
        assert_eq!(ask(&first, "a", form("A?")), Ok(None));
        assert_eq!(first.unanswered().len(), 1);
        let ann = accepted(&json!("Ann"));
        let second = next_round(&first, "a", ann.clone());
        assert_eq!(ask(&second, "a", form("A?")), Ok(Some(ann.clone())));
        assert!(second.unanswered().is_empty());
        assert_eq!(ask(&second, "b", form("B?")), Ok(None));
        assert_eq!(second.unanswered().keys().collect::<Vec<_>>(), ["b"]);
        // The third round has both answers.
        let bea = accepted(&json!("Bea"));
        let third = next_round(&second, "b", bea.clone());
        assert_eq!(ask(&third, "a", form("A?")), Ok(Some(ann)));
        assert_eq!(ask(&third, "b", form("B?")), Ok(Some(bea)));
        assert!(third.unanswered().is_empty());
    }

    #[test]
    fn members_outside_a_form_are_removed_from_its_answer() {
        let first = InputRequests::default();
        assert_eq!(ask(&first, "a", form("A?")), Ok(None));
        let content = json!({ "name": "Ann", "age": 5, "more": {} });
        let second = next_round(
            &first,
            "a",
            json!({ "action": "accept", "content": content }),
        );
        let answer = accepted(&json!("Ann"));
        assert_eq!(ask(&second, "a", form("A?")), Ok(Some(answer)));
    }

    #[test]
    fn an_answer_of_the_wrong_form_is_not_accepted() {
        for answer in [
            json!(12345),
            Value::Null,
            json!({}),
            json!({ "action": "accept" }),
            json!({ "action": "accept", "content": {} }),
            accepted(&json!(5)),
        ] {
            let first = InputRequests::default();
            assert_eq!(ask(&first, "a", form("A?")), Ok(None));
            let second = next_round(&first, "a", answer.clone());
            assert_eq!(ask(&second, "a", form("A?")), Ok(None), "{answer}");
            assert_eq!(second.unanswered().len(), 1, "{answer}");
        }
    }

    #[test]
    fn a_repeated_question_gives_the_reason_and_the_log_omits_the_answer() {
        let url = json!({ "mode": "url", "message": "Go.", "url": "https://example.com" });
        let url = || request("elicitation/create", url.clone());
        for (asked, given, why, message) in [
            (
                form("A?"),
                accepted(&json!(["secret"])),
                "the values do not fit the form: /name",
                "A?\n\nThe last answer was not accepted: /name must be a string, not [\"secret\"].",
            ),
            (
                form("A?"),
                json!("secret"),
                "it is not a result of elicitation/create",
                "A?",
            ),
            (
                url(),
                json!({ "action": "secret" }),
                "it is not a result of elicitation/create",
                "Go.",
            ),
        ] {
            let first = InputRequests::default();
            assert_eq!(ask(&first, "a", asked.clone()), Ok(None));
            let second = next_round(&first, "a", given.clone());
            let replies = replies(&second, "a", asked.clone()).expect("it can be asked");
            assert_eq!(replies.rejected, [("a".to_owned(), why.to_owned())]);
            assert_eq!(
                second.unanswered()["a"].params["message"],
                message,
                "{given}"
            );
            // The reason is reported once, and the question stays the same.
            let again = self::replies(&second, "a", asked.clone());
            assert_eq!(again, Ok(InputReplies::default()));
            assert_eq!(second.questions(), first.questions());
        }
    }

    #[test]
    fn a_repeated_question_is_asked_and_counted_once() {
        let large = |n: usize| form(&format!("{n}{}", "x".repeat(MAX_QUESTION_BYTES / 10)));
        let inputs = InputRequests::default();
        for _ in 0..100 {
            assert_eq!(ask(&inputs, "same", large(0)), Ok(None));
        }
        for n in 1..9 {
            assert_eq!(ask(&inputs, &n.to_string(), large(n)), Ok(None), "{n}");
        }
        for _ in 0..2 {
            let refused = ask(&inputs, "9", large(9));
            assert!(matches!(refused, Err(CannotAsk::Author(_))), "{refused:?}");
        }
        assert_eq!(inputs.unanswered().len(), 9);
        // An answered question returns its answer each time.
        let second = next_round(&inputs, "same", accepted(&json!("Ann")));
        for _ in 0..2 {
            assert!(matches!(ask(&second, "same", large(0)), Ok(Some(_))));
        }
    }

    #[test]
    fn an_answer_belongs_to_its_own_question_only() {
        let first = InputRequests::default();
        assert_eq!(ask(&first, "sure", form("Delete a.txt?")), Ok(None));
        let second = next_round(&first, "sure", accepted(&json!("yes")));
        assert_eq!(ask(&second, "sure", form("Delete b.txt?")), Ok(None));
        // If a client sends no state back, the host does not know its questions.
        let earlier = Question {
            answer: Some(accepted(&json!("yes"))),
            ..Question::default()
        };
        let blind = InputRequests::resume([("sure".to_owned(), earlier)].into());
        assert!(matches!(
            ask(&blind, "sure", form("Delete b.txt?")),
            Ok(Some(_))
        ));
    }

    #[test]
    fn an_impossible_question_is_the_authors_error() {
        let nested = json!({
            "message": "",
            "requestedSchema": { "type": "object", "properties": { "x": { "type": "object" } } },
        });
        for (key, request, words) in [
            ("a", request("tools/call", json!({})), "the method"),
            ("a", request("roots/list", json!([])), "not an object"),
            ("a", request("elicitation/create", nested), "\"x\""),
            (
                "a",
                request(
                    "elicitation/create",
                    json!({ "mode": "url", "message": "", "url": "sign-in" }),
                ),
                "https://",
            ),
            ("first", form("another question"), "two different questions"),
            ("a", form(&"x".repeat(MAX_QUESTION_BYTES)), "bytes"),
        ] {
            let inputs = InputRequests::default();
            assert_eq!(ask(&inputs, "first", form("the first")), Ok(None));
            match ask(&inputs, key, request) {
                Err(CannotAsk::Author(problem)) => assert!(problem.contains(words), "{problem}"),
                other => panic!("{words}: {other:?}"),
            }
            assert_eq!(inputs.unanswered().len(), 1, "{words}");
        }
    }

    #[test]
    fn a_client_is_asked_only_for_what_it_has_declared_and_then_for_all_or_nothing() {
        for declared in [None, Some("{}"), Some(r#"{"sampling":{}}"#)] {
            let declared =
                declared.map(|text| RawValue::from_string(text.to_owned()).expect("JSON"));
            let inputs = InputRequests::default();
            let content = json!({ "type": "text", "text": "?" });
            let messages = json!([{ "role": "user", "content": content }]);
            let params = json!({ "messages": messages, "maxTokens": 10 });
            let sampling = request("sampling/createMessage", params);
            let requests = [("a", sampling), ("b", form("B?"))]
                .map(|(key, request)| (key.to_owned(), query(request)))
                .into();
            match inputs.ask(requests, declared.as_deref()) {
                Err(CannotAsk::Client(words)) => {
                    assert!(words.contains("the capability"), "{words}")
                }
                other => panic!("{declared:?}: {other:?}"),
            }
            assert!(inputs.unanswered().is_empty(), "{declared:?}");
        }
        let nothing = InputRequests::unavailable(InputUnavailable::NoKey);
        let refused = CannotAsk::Unavailable(InputUnavailable::NoKey);
        assert_eq!(ask(&nothing, "a", form("A?")), Err(refused));
    }
}
