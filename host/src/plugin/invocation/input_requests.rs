//! What a call asks of its client: what it may ask, what is answered already, and what has yet to be.
//!
//! The host keeps account of that itself: whatever a tool makes of a question that is not answered yet, and whatever it
//! gives back, its call is not over.

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

/// The most that one call asks, all its questions together. Unit: bytes.
/// Source: ours. People fill the forms in.
const MAX_ASKED: usize = 256 * 1024;

/// The most lines that the operator reads of one call's questions. Source: ours. A tool may ask in a loop.
pub(crate) const MAX_LINES: u32 = 10;

/// The questions of one call.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Why nothing can be asked, if so.
    unavailable: Option<Unavailable>,
    /// What was asked or answered before.
    earlier: BTreeMap<String, Question>,
    now: Mutex<Now>,
    /// How many lines the operator was to read of them.
    lines: AtomicU32,
}

/// What a tool asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Asking {
    #[serde(flatten)]
    request: InputRequest,
    /// What the content of a form must satisfy, as far as its `requestedSchema` has no words for it.
    #[serde(default)]
    schema: Option<Value>,
}

/// What came of asking.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replies {
    /// What is answered, by keys.
    pub(crate) answers: Map<String, Value>,
    /// What was answered by what is no answer, and so is asked again: keys, and why. For the operator, and so without what
    /// people filled in.
    pub(crate) misfits: Vec<(String, String)>,
}

/// Why something is no answer.
struct Misfit {
    /// For the operator.
    why: String,
    /// For whoever filled a form in.
    to_mend: Option<String>,
}

/// Why a call can ask nothing. (In words only for a tool that asks.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// The client speaks this revision, which is older than such questions.
    Before(Revision),
    /// The server lacks a key.
    NoKey,
}

impl Unavailable {
    /// For the model.
    pub(crate) fn words(self, tool: &str) -> String {
        match self {
            Self::Before(revision) => format!(
                "tool {tool} has to ask its client something, which takes revision {} of MCP; this client speaks {revision}",
                Revision::MODERN
            ),
            Self::NoKey => format!(
                "tool {tool} has to ask its client something, for which this server lacks a key: its operator has to set STATE_KEY"
            ),
        }
    }
}

/// A question of an earlier round, as far as a later one has to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Question {
    /// Of what was asked; `None`: not known, so that the answer is one to whatever is asked under its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its answer, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// When that was given. Unit: seconds since 1970.
    #[serde(default)]
    pub given: u64,
}

/// Why a question was not put to the client. Nothing of what was asked together with it was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CannotAsk {
    /// This call can ask nothing.
    Nothing(Unavailable),
    /// This client is not able to answer it: in words for the model.
    Here(String),
    /// Nobody can be asked this: in words for the tool's author.
    Anyone(String),
}

/// What this run of the tool has asked, by keys: all with their digests.
#[derive(Debug, Default)]
struct Now {
    answered: BTreeMap<String, Question>,
    open: BTreeMap<String, (String, InputRequest)>,
    /// How large the open ones are. Unit: bytes.
    bytes: usize,
}

impl Inputs {
    /// Of a call that knows these questions from earlier rounds.
    #[must_use]
    pub fn after(earlier: BTreeMap<String, Question>) -> Self {
        Self {
            earlier,
            ..Self::default()
        }
    }

    /// Of a call that can ask nothing, for this reason.
    #[must_use]
    pub fn unavailable(why: Unavailable) -> Self {
        Self {
            unavailable: Some(why),
            ..Self::default()
        }
    }

    /// Ask a client of these capabilities. What is answered already comes back; the rest is what the call ends with.
    pub(crate) fn ask(
        &self,
        asked: BTreeMap<String, Asking>,
        declared: Option<&RawValue>,
    ) -> Result<Replies, CannotAsk> {
        if let Some(why) = self.unavailable {
            return Err(CannotAsk::Nothing(why));
        }
        let mut now = self.now();
        let (mut known, mut new) = (Vec::new(), Vec::new());
        let mut bytes = now.bytes;
        for (key, asking) in asked {
            let digest = digest_of(&asking);
            match now.digest(&key) {
                Some(earlier) if earlier == digest => known.push(key),
                Some(_) => {
                    return Err(CannotAsk::Anyone(format!(
                        "two different questions have the key {key:?}"
                    )));
                }
                None => {
                    let form = check(&key, &asking, declared)?;
                    let size = size(&key, &asking);
                    bytes += size;
                    new.push((key, digest, asking.request, form, size));
                }
            }
        }
        if bytes > MAX_ASKED {
            return Err(CannotAsk::Anyone(format!(
                "the questions have {bytes} bytes, more than {MAX_ASKED}"
            )));
        }
        let mut replies = Replies::default();
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
                Err(Misfit { why, to_mend }) => {
                    if let Some(to_mend) = to_mend {
                        say_why(&mut request, &to_mend);
                    }
                    replies.misfits.push((key.clone(), why));
                }
            }
            now.bytes += size;
            now.open.insert(key, (digest, request));
        }
        Ok(replies)
    }

    /// The answer of an earlier round, if it is one to this question, and when it was given.
    fn answer(
        &self,
        key: &str,
        digest: &str,
        request: &InputRequest,
        form: Option<&Form>,
    ) -> Result<Option<(Value, u64)>, Misfit> {
        let earlier = self.earlier.get(key);
        let Some((earlier, answer)) = earlier.and_then(|it| Some((it, it.answer.as_ref()?))) else {
            return Ok(None);
        };
        let no_answer = |why: String| Misfit { why, to_mend: None };
        // Whoever agreed to one thing has not agreed to another.
        if earlier
            .digest
            .as_ref()
            .is_some_and(|earlier| earlier != digest)
        {
            let why = "it answers another question that had this key".to_owned();
            return Err(no_answer(why));
        }
        if !request.is_answered_by(answer) {
            return Err(no_answer(format!("it is no result of {}", request.method)));
        }
        let answer = match form {
            None => answer.clone(),
            Some(form) => form.check_answer(answer).map_err(|unfit| {
                let places: Vec<_> = unfit.pointers().collect();
                Misfit {
                    why: format!("what was filled in does not fit: {}", places.join(", ")),
                    to_mend: Some(unfit.to_string()),
                }
            })?,
        };
        Ok(Some((answer, earlier.given)))
    }

    /// Count a line for the operator; how many were to be read before it, if that is not too much.
    pub(crate) fn count_line(&self) -> Option<u32> {
        let before = self.lines.fetch_add(1, Ordering::Relaxed);
        // It must not begin anew.
        self.lines.fetch_min(MAX_LINES, Ordering::Relaxed);
        (before < MAX_LINES).then_some(before)
    }

    /// What the client still has to answer; empty when nothing was asked that is not answered.
    #[must_use]
    pub fn open(&self) -> BTreeMap<String, InputRequest> {
        let now = self.now();
        let open = now.open.iter();
        open.map(|(key, (_, request))| (key.clone(), request.clone()))
            .collect()
    }

    /// What the next round has to know.
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

    fn now(&self) -> MutexGuard<'_, Now> {
        // Nothing is left half done under this lock.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn digest(&self, key: &str) -> Option<&str> {
        let open = || Some(&self.open.get(key)?.0);
        let answered = self.answered.get(key).and_then(|it| it.digest.as_ref());
        answered.or_else(open).map(String::as_str)
    }
}

/// May this client be asked this? If it is a form, that.
fn check(
    key: &str,
    Asking { request, schema }: &Asking,
    declared: Option<&RawValue>,
) -> Result<Option<Form>, CannotAsk> {
    let of_this = |problem: String| CannotAsk::Anyone(format!("the question {key:?} {problem}"));
    let required = request.requires().map_err(of_this)?;
    if let Some(url) = request.url() {
        check_url(url).map_err(|problem| of_this(problem.to_owned()))?;
    }
    let form = request
        .form()
        .map(|shown| Form::new(shown, schema.as_ref()));
    let form = form.transpose();
    let form = form.map_err(|error| of_this(format!("has a form {error}")))?;
    let missing = capabilities::missing(required, declared);
    if missing.is_empty() {
        return Ok(form);
    }
    Err(CannotAsk::Here(format!(
        "the client cannot be asked for {key:?}: it has not declared to be capable of {}; use a client that is",
        missing.join(" and ")
    )))
}

/// Tell the people who are asked again why. The message is all that a client shows them.
fn say_why(request: &mut InputRequest, to_mend: &str) {
    if let Some(message) = request.params["message"].as_str() {
        let message = format!("{message}\n\nThe last answer could not be taken: {to_mend}.");
        request.params["message"] = message.into();
    }
}

fn size(key: &str, Asking { request, schema }: &Asking) -> usize {
    let schema = schema.as_ref().map_or(0, |schema| schema.to_string().len());
    key.len() + request.method.len() + request.params.to_string().len() + schema
}

/// Tells one question from another.
fn digest_of(Asking { request, schema }: &Asking) -> String {
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

    fn ask(inputs: &Inputs, key: &str, request: InputRequest) -> Result<Option<Value>, CannotAsk> {
        let mut replies = replies(inputs, key, request)?;
        Ok(replies.answers.remove(key))
    }

    fn replies(inputs: &Inputs, key: &str, request: InputRequest) -> Result<Replies, CannotAsk> {
        inputs.ask(
            [(key.to_owned(), asking(request))].into(),
            Some(&everything()),
        )
    }

    fn asking(request: InputRequest) -> Asking {
        Asking {
            request,
            schema: None,
        }
    }

    fn accepted(name: &Value) -> Value {
        json!({ "action": "accept", "content": { "name": name } })
    }

    /// The round after `inputs`, with this answer.
    fn then(inputs: &Inputs, key: &str, answer: Value) -> Inputs {
        let mut questions = inputs.questions();
        if let Some(question) = questions.get_mut(key) {
            question.answer = Some(answer);
        }
        Inputs::after(questions)
    }

    #[test]
    fn what_is_answered_comes_back_and_the_rest_is_open() {
        let first = Inputs::default();
        assert_eq!(ask(&first, "a", form("A?")), Ok(None));
        assert_eq!(first.open().len(), 1);
        let ann = accepted(&json!("Ann"));
        let second = then(&first, "a", ann.clone());
        assert_eq!(ask(&second, "a", form("A?")), Ok(Some(ann.clone())));
        assert!(second.open().is_empty());
        assert_eq!(ask(&second, "b", form("B?")), Ok(None));
        assert_eq!(second.open().keys().collect::<Vec<_>>(), ["b"]);
        // Both are there in the third round.
        let bea = accepted(&json!("Bea"));
        let third = then(&second, "b", bea.clone());
        assert_eq!(ask(&third, "a", form("A?")), Ok(Some(ann)));
        assert_eq!(ask(&third, "b", form("B?")), Ok(Some(bea)));
        assert!(third.open().is_empty());
    }

    #[test]
    fn what_a_form_does_not_ask_for_is_left_out_of_its_answer() {
        let first = Inputs::default();
        assert_eq!(ask(&first, "a", form("A?")), Ok(None));
        let content = json!({ "name": "Ann", "age": 5, "more": {} });
        let second = then(
            &first,
            "a",
            json!({ "action": "accept", "content": content }),
        );
        let answer = accepted(&json!("Ann"));
        assert_eq!(ask(&second, "a", form("A?")), Ok(Some(answer)));
    }

    #[test]
    fn an_answer_that_does_not_fit_is_none() {
        for answer in [
            json!(12345),
            Value::Null,
            json!({}),
            json!({ "action": "accept" }),
            json!({ "action": "accept", "content": {} }),
            accepted(&json!(5)),
        ] {
            let first = Inputs::default();
            assert_eq!(ask(&first, "a", form("A?")), Ok(None));
            let second = then(&first, "a", answer.clone());
            assert_eq!(ask(&second, "a", form("A?")), Ok(None), "{answer}");
            assert_eq!(second.open().len(), 1, "{answer}");
        }
    }

    #[test]
    fn who_is_asked_again_is_told_why_and_the_operator_too_without_what_was_filled_in() {
        let url = json!({ "mode": "url", "message": "Go.", "url": "https://example.com" });
        let url = || request("elicitation/create", url.clone());
        for (asked, given, why, message) in [
            (
                form("A?"),
                accepted(&json!(["secret"])),
                "what was filled in does not fit: /name",
                "A?\n\nThe last answer could not be taken: /name must be a string, not [\"secret\"].",
            ),
            (
                form("A?"),
                json!("secret"),
                "it is no result of elicitation/create",
                "A?",
            ),
            (
                url(),
                json!({ "action": "secret" }),
                "it is no result of elicitation/create",
                "Go.",
            ),
        ] {
            let first = Inputs::default();
            assert_eq!(ask(&first, "a", asked.clone()), Ok(None));
            let second = then(&first, "a", given.clone());
            let replies = replies(&second, "a", asked.clone()).expect("it can be asked");
            assert_eq!(replies.misfits, [("a".to_owned(), why.to_owned())]);
            assert_eq!(second.open()["a"].params["message"], message, "{given}");
            // Once; and it is the same question still.
            let again = self::replies(&second, "a", asked.clone());
            assert_eq!(again, Ok(Replies::default()));
            assert_eq!(second.questions(), first.questions());
        }
    }

    #[test]
    fn what_was_asked_is_asked_no_more_and_its_bytes_count_once() {
        let large = |n: usize| form(&format!("{n}{}", "x".repeat(MAX_ASKED / 10)));
        let inputs = Inputs::default();
        for _ in 0..100 {
            assert_eq!(ask(&inputs, "same", large(0)), Ok(None));
        }
        for n in 1..9 {
            assert_eq!(ask(&inputs, &n.to_string(), large(n)), Ok(None), "{n}");
        }
        for _ in 0..2 {
            let refused = ask(&inputs, "9", large(9));
            assert!(matches!(refused, Err(CannotAsk::Anyone(_))), "{refused:?}");
        }
        assert_eq!(inputs.open().len(), 9);
        // Answered ones come back as often as they are asked.
        let second = then(&inputs, "same", accepted(&json!("Ann")));
        for _ in 0..2 {
            assert!(matches!(ask(&second, "same", large(0)), Ok(Some(_))));
        }
    }

    #[test]
    fn an_answer_is_one_to_its_own_question_only() {
        let first = Inputs::default();
        assert_eq!(ask(&first, "sure", form("Delete a.txt?")), Ok(None));
        let second = then(&first, "sure", accepted(&json!("yes")));
        assert_eq!(ask(&second, "sure", form("Delete b.txt?")), Ok(None));
        // Of a client that sends no state back nobody knows what it was asked.
        let earlier = Question {
            answer: Some(accepted(&json!("yes"))),
            ..Question::default()
        };
        let blind = Inputs::after([("sure".to_owned(), earlier)].into());
        assert!(matches!(
            ask(&blind, "sure", form("Delete b.txt?")),
            Ok(Some(_))
        ));
    }

    #[test]
    fn what_nobody_can_be_asked_is_the_author_s_to_mend() {
        let nested = json!({
            "message": "",
            "requestedSchema": { "type": "object", "properties": { "x": { "type": "object" } } },
        });
        for (key, request, words) in [
            ("a", request("tools/call", json!({})), "the method"),
            ("a", request("roots/list", json!([])), "no object"),
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
            ("a", form(&"x".repeat(MAX_ASKED)), "bytes"),
        ] {
            let inputs = Inputs::default();
            assert_eq!(ask(&inputs, "first", form("the first")), Ok(None));
            match ask(&inputs, key, request) {
                Err(CannotAsk::Anyone(problem)) => assert!(problem.contains(words), "{problem}"),
                other => panic!("{words}: {other:?}"),
            }
            assert_eq!(inputs.open().len(), 1, "{words}");
        }
    }

    #[test]
    fn a_client_is_asked_only_for_what_it_has_declared_and_then_for_all_or_nothing() {
        for declared in [None, Some("{}"), Some(r#"{"sampling":{}}"#)] {
            let declared =
                declared.map(|text| RawValue::from_string(text.to_owned()).expect("JSON"));
            let inputs = Inputs::default();
            let content = json!({ "type": "text", "text": "?" });
            let messages = json!([{ "role": "user", "content": content }]);
            let params = json!({ "messages": messages, "maxTokens": 10 });
            let sampling = request("sampling/createMessage", params);
            let requests = [("a", sampling), ("b", form("B?"))]
                .map(|(key, request)| (key.to_owned(), asking(request)))
                .into();
            match inputs.ask(requests, declared.as_deref()) {
                Err(CannotAsk::Here(words)) => assert!(words.contains("capable of"), "{words}"),
                other => panic!("{declared:?}: {other:?}"),
            }
            assert!(inputs.open().is_empty(), "{declared:?}");
        }
        let nothing = Inputs::unavailable(Unavailable::NoKey);
        let refused = CannotAsk::Nothing(Unavailable::NoKey);
        assert_eq!(ask(&nothing, "a", form("A?")), Err(refused));
    }
}
