//! Input that a tool requests from its client: a form for the user, an answer of the model, the folders that the
//! client works with.

use std::{collections::BTreeMap, error::Error, fmt, marker::PhantomData};

use plugin_abi::{Host, host_op};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    Context, Role, form,
    runtime::{host_client, logger},
};

/// Questions of a tool to its client.
///
/// In MCP 2026-07-28 the result of a call carries the question, and the client answers by a second call. The tool then runs
/// again from its start, and the answer is there. So each of these methods either returns the answer or fails with
/// [`InputError::InputRequired`]. Pass that error on with `?`: the call ends with the question, whatever the tool returns.
///
/// ```
/// use plugin_sdk::{prelude::*, InputError};
///
/// #[data]
/// struct Confirmation {
///     /// Delete it?
///     sure: bool,
/// }
///
/// /// Delete a file.
/// #[tool(destructive, requires("elicitation.form"))]
/// fn delete(path: String, context: Context) -> Result<String, ToolError> {
///     let question = format!("{path} will be gone.");
///     match context.elicit::<Confirmation>("confirmation", &question) {
///         Ok(Confirmation { sure: true }) => {}
///         Ok(_) | Err(InputError::Declined(_)) => return Ok("It was left alone.".to_owned()),
///         Err(error) => return Err(error.into()),
///     }
///     // Only now does anything happen.
///     Ok(format!("{path} is deleted"))
/// }
///
/// export_tools!(delete);
///
/// # fn main() {
/// # use plugin_sdk::{serde_json::json, testing::plugin};
/// let delete = plugin().tool("delete");
/// let asked = delete.call(json!({ "path": "a.txt" }));
/// assert_eq!(asked.input_requests()["confirmation"]["params"]["message"], "a.txt will be gone.");
/// let done = delete.with_answer("confirmation", json!({ "sure": true }));
/// assert_eq!(done.call(json!({ "path": "a.txt" })).text(), "a.txt is deleted");
/// # }
/// ```
///
/// - Code with effects belongs after the last question. Code before a question runs once per round.
/// - The key identifies a question, and an answer is valid for the same question only. A question with a text that changes
///   each time (the time of day) is asked forever.
/// - [`Context::ask`] asks several questions at once, and needs fewer rounds.
/// - A tool that cannot work without an answer declares it by `#[tool(requires(...))]`. Clients without the capability then
///   get an error that names it. Other tools get [`InputError::CannotAsk`] and may continue without an answer.
/// - Clients of older revisions cannot be asked.
impl Context {
    /// Asks the user to fill in a form.
    ///
    /// `T` is a flat struct of strings, numbers, `bool`s, enums without fields, or `Vec`s of such enums; each may be
    /// an `Option`. Doc comments become the descriptions that the user reads. Other types are refused when the tool
    /// asks, and the operator's log has the reason; `testing::form` finds them in a test.
    ///
    /// The host checks all constraints (`#[schemars(...)]`) of the answer, also those that clients cannot show, such
    /// as a pattern. Answers are coerced like arguments: `5.0` and `"5"` become 5. If an answer does not fit, the
    /// host asks again and gives the reason. Describe in the doc comment of a field what you expect.
    ///
    /// The client receives an `elicitation/create`:
    ///
    /// ```json
    /// {"message": "a.txt will be gone.", "requestedSchema": {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}}
    /// ```
    ///
    /// # Errors
    /// [`InputError`]
    pub fn elicit<T: JsonSchema + DeserializeOwned>(
        &self,
        key: &str,
        message: &str,
    ) -> Result<T, InputError> {
        self.ask(Elicit::new(key, message))
    }

    /// Asks the user to open a URL (`https` or `http`), for example to sign in. The answer says that the user agreed,
    /// not that the user has done it.
    ///
    /// The client receives an `elicitation/create` with `{"mode": "url", "message": MESSAGE, "url": URL}`.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn elicit_url(&self, key: &str, message: &str, url: &str) -> Result<(), InputError> {
        self.ask(ElicitUrl::new(key, message, url))
    }

    /// Asks the client's model, for an answer of at most `max_tokens`. [`Sample`] has more options.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn sample(
        &self,
        key: &str,
        prompt: &str,
        max_tokens: u32,
    ) -> Result<SamplingResult, InputError> {
        self.ask(Sample::new(key, prompt, max_tokens))
    }

    /// Asks for the folders and files that the client works with.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn roots(&self) -> Result<Vec<Root>, InputError> {
        self.ask(Roots)
    }

    /// Asks a question, or a tuple of questions at once.
    ///
    /// ```
    /// use plugin_sdk::{Elicit, Roots, Sample, prelude::*};
    ///
    /// #[data]
    /// struct Name {
    ///     name: String,
    /// }
    ///
    /// /// Greet whoever is there.
    /// #[tool]
    /// fn welcome(context: Context) -> Result<String, ToolError> {
    ///     let (who, greeting, folders) = context.ask((
    ///         Elicit::<Name>::new("who", "What is your name?"),
    ///         Sample::new("greeting", "A greeting, please.", 50).system_prompt("Be brief."),
    ///         Roots,
    ///     ))?;
    ///     Ok(format!("{} {} ({} folders)", greeting.text(), who.name, folders.len()))
    /// }
    ///
    /// export_tools!(welcome);
    /// ```
    ///
    /// # Errors
    /// [`InputError`] of the first question without an answer.
    pub fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, InputError> {
        let mut requests = Requests::default();
        question.put(&mut requests);
        let mut answers = requests.ask(self.host())?;
        question.read(&mut answers)
    }
}

/// A question to the client: [`Elicit`], [`ElicitUrl`], [`Sample`], [`Roots`], or a tuple of these.
pub trait Question {
    /// The type of the answer.
    type Answer;

    #[doc(hidden)]
    fn put(&self, requests: &mut Requests);

    #[doc(hidden)]
    fn read(self, answers: &mut Answers) -> Result<Self::Answer, InputError>;
}

/// The reason why a tool has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// The client has to answer first, and then calls again. The result that the tool returns now has no effect.
    InputRequired,
    /// The user declined the question with this key.
    Declined(String),
    /// The user closed the form with this key without a decision.
    Cancelled(String),
    /// The client or the host does not support the question. The text is the reason, for the model.
    CannotAsk(String),
    /// The answer to the question with this key fits the form, but cannot be decoded as its type. The second text is
    /// the reason.
    Unreadable(String, String),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InputRequired => f.write_str("the client has to answer first"),
            Self::Declined(key) => write!(f, "the user declined to answer {key:?}"),
            Self::Cancelled(key) => write!(f, "the user dismissed {key:?}"),
            Self::CannotAsk(why) => f.write_str(why),
            Self::Unreadable(key, why) => write!(f, "the answer to {key:?} cannot be used: {why}"),
        }
    }
}

impl Error for InputError {}

/// Questions by their keys, as the host receives them: `{"requests": {KEY: {"method", "params", "schema"}}}`.
#[doc(hidden)]
#[derive(Default, Serialize)]
pub struct Requests {
    requests: BTreeMap<String, Request>,
    /// A key that two questions have.
    #[serde(skip)]
    duplicate: Option<String>,
}

#[derive(Serialize)]
struct Request {
    method: &'static str,
    params: Value,
    /// The constraints of a form that clients cannot show.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
}

/// Answers by their keys, as the host sends them: `{"answers": {KEY: ANSWER}}`. A key without an answer is missing.
#[doc(hidden)]
#[derive(Default, Deserialize)]
pub struct Answers {
    answers: Map<String, Value>,
}

impl Requests {
    fn insert(&mut self, key: &str, method: &'static str, params: Value) {
        self.insert_with(key, method, params, None);
    }

    fn insert_with(
        &mut self,
        key: &str,
        method: &'static str,
        params: Value,
        schema: Option<Value>,
    ) {
        let request = Request {
            method,
            params,
            schema,
        };
        if self.requests.insert(key.to_owned(), request).is_some() {
            self.duplicate = Some(key.to_owned());
        }
    }

    fn ask(self, host: Host) -> Result<Answers, InputError> {
        if let Some(key) = self.duplicate {
            let why = format!("the tool asks two questions under the key {key:?}");
            // The host has not seen the questions, and the author has to correct them.
            logger::write(log::Level::Error, module_path!(), &why);
            return Err(InputError::CannotAsk(why));
        }
        host_client::request_with(host, host_op::INPUT, &self)
            .map_err(|refusal| InputError::CannotAsk(refusal_message(&refusal)))
    }
}

/// Returns the reason why the host did not ask.
fn refusal_message(refusal: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        kind: String,
        public: Option<String>,
    }
    let Refusal { kind, public } = serde_json::from_slice(refusal).unwrap_or_default();
    public.unwrap_or_else(|| {
        let why = match kind.as_str() {
            "call_ended" => "the call has ended, so the client can no longer answer",
            "unknown_op" => "this host has no way to ask the client",
            _ => "the host did not understand the question",
        };
        why.to_owned()
    })
}

impl Answers {
    fn take(&mut self, key: &str) -> Result<Value, InputError> {
        self.answers.remove(key).ok_or(InputError::InputRequired)
    }

    fn read<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, InputError> {
        decode(key, self.take(key)?)
    }

    /// Takes the content of an accepted answer.
    fn accepted(&mut self, key: &str) -> Result<Value, InputError> {
        let mut answer = self.take(key)?;
        match answer["action"].as_str() {
            Some("decline") => Err(InputError::Declined(key.to_owned())),
            Some("cancel") => Err(InputError::Cancelled(key.to_owned())),
            _ => Ok(answer["content"].take()),
        }
    }
}

fn decode<T: DeserializeOwned>(key: &str, value: Value) -> Result<T, InputError> {
    serde_json::from_value(value)
        .map_err(|error| InputError::Unreadable(key.to_owned(), error.to_string()))
}

/// A form for the user, made from a type; see [`Context::elicit`].
#[derive(Clone, Debug)]
pub struct Elicit<T> {
    key: String,
    message: String,
    form: PhantomData<fn() -> T>,
}

impl<T> Elicit<T> {
    /// Creates a form with a key and a message for the user.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            form: PhantomData,
        }
    }
}

impl<T: JsonSchema + DeserializeOwned> Question for Elicit<T> {
    type Answer = T;

    fn put(&self, requests: &mut Requests) {
        let form = form::form_of::<T>();
        let params = json!({ "message": self.message, "requestedSchema": form.shown });
        requests.insert_with(&self.key, "elicitation/create", params, form.constraints);
    }

    fn read(self, answers: &mut Answers) -> Result<T, InputError> {
        decode(&self.key, answers.accepted(&self.key)?)
    }
}

/// A URL for the user to open; see [`Context::elicit_url`].
#[derive(Clone, Debug)]
pub struct ElicitUrl {
    key: String,
    message: String,
    url: String,
}

impl ElicitUrl {
    /// Creates a request to open a URL, with a key and a message for the user.
    pub fn new(key: impl Into<String>, message: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            url: url.into(),
        }
    }
}

impl Question for ElicitUrl {
    type Answer = ();

    fn put(&self, requests: &mut Requests) {
        let params = json!({ "mode": "url", "message": self.message, "url": self.url });
        requests.insert(&self.key, "elicitation/create", params);
    }

    fn read(self, answers: &mut Answers) -> Result<(), InputError> {
        answers.accepted(&self.key).map(drop)
    }
}

/// A question to the client's model.
///
/// The client receives a `sampling/createMessage`:
///
/// ```json
/// {"messages": [{"role": "user", "content": {"type": "text", "text": "A greeting, please."}}], "maxTokens": 50}
/// ```
#[derive(Clone, Debug)]
pub struct Sample {
    key: String,
    messages: Vec<Value>,
    max_tokens: u32,
    more: Map<String, Value>,
}

impl Sample {
    /// Creates a question with a key, a prompt and the maximum number of tokens of the answer.
    pub fn new(key: impl Into<String>, prompt: impl Into<String>, max_tokens: u32) -> Self {
        let sample = Self {
            key: key.into(),
            messages: Vec::new(),
            max_tokens,
            more: Map::new(),
        };
        sample.message(Role::User, prompt)
    }

    /// Adds a message to the conversation.
    #[must_use]
    pub fn message(mut self, role: Role, text: impl Into<String>) -> Self {
        let text: String = text.into();
        self.messages
            .push(json!({ "role": role, "content": { "type": "text", "text": text } }));
        self
    }

    /// Sets the system prompt. A client may change it.
    #[must_use]
    pub fn system_prompt(self, text: impl Into<String>) -> Self {
        self.with("systemPrompt", text.into())
    }

    /// Sets the temperature.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        self.with("temperature", temperature)
    }

    /// Sets any other parameter of `sampling/createMessage`, such as `stopSequences` or `modelPreferences`.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Into<Value>) -> Self {
        self.more.insert(parameter.to_owned(), value.into());
        self
    }
}

impl Question for Sample {
    type Answer = SamplingResult;

    fn put(&self, requests: &mut Requests) {
        let mut params = self.more.clone();
        params.insert("messages".to_owned(), self.messages.clone().into());
        params.insert("maxTokens".to_owned(), self.max_tokens.into());
        requests.insert(&self.key, "sampling/createMessage", params.into());
    }

    fn read(self, answers: &mut Answers) -> Result<SamplingResult, InputError> {
        answers.read(&self.key)
    }
}

/// The answer of the client's model.
///
/// ```json
/// {"role": "assistant", "model": "some-model", "stopReason": "endTurn", "content": {"type": "text", "text": "Hello!"}}
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SamplingResult {
    /// The name of the model.
    pub model: String,
    /// The reason why the answer ended, such as `endTurn` or `maxTokens`.
    pub stop_reason: Option<String>,
    /// A content block of MCP, or an array of blocks.
    pub content: Value,
}

impl SamplingResult {
    /// Returns the texts of the answer, one per line.
    #[must_use]
    pub fn text(&self) -> String {
        let blocks = match &self.content {
            Value::Array(blocks) => blocks.as_slice(),
            block => std::slice::from_ref(block),
        };
        let texts: Vec<_> = blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect();
        texts.join("\n")
    }
}

/// A question for the folders and files that the client works with, under the key `roots`; see [`Context::roots`].
#[derive(Clone, Copy, Debug)]
pub struct Roots;

/// A folder or file that the client works with, such as `{"uri": "file:///home/ann/project", "name": "project"}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Root {
    /// The URI. So far it is always a `file:` URI.
    pub uri: String,
    /// The name, for display.
    pub name: Option<String>,
}

impl Question for Roots {
    type Answer = Vec<Root>;

    fn put(&self, requests: &mut Requests) {
        requests.insert("roots", "roots/list", json!({}));
    }

    fn read(self, answers: &mut Answers) -> Result<Vec<Root>, InputError> {
        #[derive(Deserialize)]
        struct ListRootsResult {
            roots: Vec<Root>,
        }
        let result: ListRootsResult = answers.read("roots")?;
        Ok(result.roots)
    }
}

macro_rules! impl_question_for_tuple {
    ($($question:ident)*) => {
        impl<$($question: Question),*> Question for ($($question,)*) {
            type Answer = ($($question::Answer,)*);

            fn put(&self, requests: &mut Requests) {
                #[expect(non_snake_case, reason = "named like their types")]
                let ($($question,)*) = self;
                $($question.put(requests);)*
            }

            fn read(self, answers: &mut Answers) -> Result<Self::Answer, InputError> {
                #[expect(non_snake_case, reason = "named like their types")]
                let ($($question,)*) = self;
                Ok(($($question.read(answers)?,)*))
            }
        }
    };
}

impl_question_for_tuple!(A B);
impl_question_for_tuple!(A B C);
impl_question_for_tuple!(A B C D);
impl_question_for_tuple!(A B C D E);
impl_question_for_tuple!(A B C D E F);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_a_refused_question_is_passed_on() {
        for (refusal, message) in [
            (
                r#"{"kind": "cannot_ask", "public": "the client cannot"}"#,
                "the client cannot",
            ),
            (
                r#"{"kind": "call_ended", "detail": "call 5 is over"}"#,
                "the call has ended, so the client can no longer answer",
            ),
            (
                r#"{"kind": "unknown_op"}"#,
                "this host has no way to ask the client",
            ),
            (
                r#"{"kind": "invalid_arguments"}"#,
                "the host did not understand the question",
            ),
            ("", "the host did not understand the question"),
        ] {
            assert_eq!(refusal_message(refusal.as_bytes()), message, "{refusal}");
        }
    }
}
