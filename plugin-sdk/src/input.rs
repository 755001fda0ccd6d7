//! Input requests of a tool to its client: a form or a URL for the user, a prompt for the client's model, or a request
//! for the folders that the client works with.

use std::{collections::BTreeMap, error::Error, fmt, marker::PhantomData};

use plugin_abi::{Host, host_op};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    Context, Role, form,
    runtime::{host_client, logger},
};

/// Input requests of a tool to its client. A type that describes one implements [`Question`].
///
/// In MCP 2026-07-28 the input request is the result of the call. The client gets the answer, and calls the tool again
/// with it. The tool then runs again from its start, and this time the answer is available. So each of these methods
/// either returns the answer or fails with [`InputError::InputRequired`]. Return that error with `?`. Even if the tool
/// returns something else, the client receives the input request.
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
/// - Put code with side effects after the last input request: code before an input request runs again each time the
///   client calls with an answer.
/// - The key identifies an input request. An answer is used only if the input request is unchanged. So an input request
///   whose text is different in every run (because it contains the time of day, for example) is never answered.
/// - [`Context::ask`] sends several input requests together, so that the client has to call again only once.
/// - If a tool cannot work without an answer, declare the necessary capability with `#[tool(requires(...))]`. A client
///   without the capability then gets an error that names it. Without this declaration, the method fails with
///   [`InputError::CannotAsk`], and the tool may continue without an answer.
/// - Clients that use an older revision of MCP cannot receive input requests.
impl Context {
    /// Asks the user to fill in a form.
    ///
    /// `T` is a flat struct of strings, numbers, `bool`s, enums without fields, or `Vec`s of such enums; each may be an
    /// `Option`. Doc comments become the descriptions that the user reads. With any other type, the method fails and
    /// the operator's log has the reason; `testing::form` finds the mistake in a test.
    ///
    /// The host checks the answer against all constraints (`#[schemars(...)]`), also those that clients cannot show,
    /// such as a pattern. Answers are coerced like arguments: `5.0` and `"5"` become 5. If an answer violates a
    /// constraint, the host asks again and gives the reason. Since the user may not see a constraint, describe it in
    /// the doc comment of the field.
    ///
    /// The client receives an `elicitation/create` with these parameters:
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

    /// Asks the user to open a URL (`https` or `http`), for example to sign in. `Ok` means that the user agreed to open
    /// it, not that the user has finished there.
    ///
    /// The client receives an `elicitation/create` with `{"mode": "url", "message": MESSAGE, "url": URL}`.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn elicit_url(&self, key: &str, message: &str, url: &str) -> Result<(), InputError> {
        self.ask(ElicitUrl::new(key, message, url))
    }

    /// Sends a prompt to the client's model, and requests an answer of at most `max_tokens` tokens. [`Sample`] has more
    /// options.
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

    /// Requests the folders and files that the client works with.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn roots(&self) -> Result<Vec<Root>, InputError> {
        self.ask(Roots)
    }

    /// Sends an input request, or a tuple of input requests together.
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
    /// [`InputError`] of the first input request that has no usable answer.
    pub fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, InputError> {
        let mut requests = Requests::default();
        question.put(&mut requests);
        let mut answers = requests.ask(self.host())?;
        question.read(&mut answers)
    }
}

/// An input request to the client: [`Elicit`], [`ElicitUrl`], [`Sample`], [`Roots`], or a tuple of these.
pub trait Question {
    /// The type of the answer.
    type Answer;

    #[doc(hidden)]
    fn put(&self, requests: &mut Requests);

    #[doc(hidden)]
    fn read(self, answers: &mut Answers) -> Result<Self::Answer, InputError>;
}

/// The reason why an input request has no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// The client must answer first, and call the tool again. Whatever the tool returns now is discarded.
    InputRequired,
    /// The user declined the input request with this key.
    Declined(String),
    /// The user dismissed the input request with this key without accepting or declining it.
    Cancelled(String),
    /// The client or the host does not support the input request. The text is the reason, which the model can read.
    CannotAsk(String),
    /// The answer to the input request with this key satisfies the form, but cannot be decoded as the Rust type. The
    /// first text is the key, the second is the reason.
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

/// Input requests by their keys, in the form in which the host receives them:
/// `{"requests": {KEY: {"method", "params", "schema"}}}`.
#[doc(hidden)]
#[derive(Default, Serialize)]
pub struct Requests {
    requests: BTreeMap<String, Request>,
    /// A key that is used by two input requests.
    #[serde(skip)]
    duplicate: Option<String>,
}

#[derive(Serialize)]
struct Request {
    method: &'static str,
    params: Value,
    /// A JSON Schema with the constraints of a form that clients cannot show.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
}

/// Answers by their keys, in the form in which the host sends them: `{"answers": {KEY: ANSWER}}`. Input requests
/// without an answer have no entry.
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
            // The input requests do not reach the host, so the mistake is logged here, for the author.
            logger::write(log::Level::Error, module_path!(), &why);
            return Err(InputError::CannotAsk(why));
        }
        host_client::request_with(host, host_op::INPUT, &self)
            .map_err(|refusal| InputError::CannotAsk(refusal_message(&refusal)))
    }
}

/// Returns the reason why the host did not send the input requests.
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

    /// Removes and returns the content of an answer that the user accepted.
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

/// An input request that shows a form, made from a type, to the user; see [`Context::elicit`].
#[derive(Clone, Debug)]
pub struct Elicit<T> {
    key: String,
    message: String,
    form: PhantomData<fn() -> T>,
}

impl<T> Elicit<T> {
    /// Creates the input request from a key and a message for the user.
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

/// An input request that asks the user to open a URL; see [`Context::elicit_url`].
#[derive(Clone, Debug)]
pub struct ElicitUrl {
    key: String,
    message: String,
    url: String,
}

impl ElicitUrl {
    /// Creates the input request from a key, a message for the user, and the URL.
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

/// An input request that sends a prompt to the client's model; see [`Context::sample`].
///
/// The client receives a `sampling/createMessage` with these parameters:
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
    /// Creates the input request from a key, a prompt and the maximum number of tokens of the answer.
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

/// An input request for the folders and files that the client works with. Its key is `roots`; see [`Context::roots`].
#[derive(Clone, Copy, Debug)]
pub struct Roots;

/// A folder or file that the client works with, such as `{"uri": "file:///home/ann/project", "name": "project"}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Root {
    /// The URI. So far it is always a `file:` URI.
    pub uri: String,
    /// The name that is displayed.
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
