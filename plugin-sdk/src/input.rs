//! What a tool asks its client while it works: a form for the people behind it, words of a model, the folders it works in.

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
/// A client of MCP 2026-07-28 is asked by the result of the call, and answers by calling again: the tool's body runs anew
/// from its start, and what was answered is there. So each of these methods either gives the answer or fails by
/// [`InputError::InputRequired`], which `?` hands on; whatever the tool then gives back, its call ends with the question.
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
/// - What has an effect belongs behind the last question: what stands before it runs once per round.
/// - A question is told by its key, and an answer holds for the same question only. One that says something else each time
///   (the time of day) is asked for ever.
/// - [`Context::ask`] puts several questions at once, and so takes fewer rounds.
/// - A tool that cannot work without an answer says so by `#[tool(requires(...))]`; then clients that have not declared
///   to be capable of it get an error that says so. Another tool meets [`InputError::CannotAsk`] and may go on without.
/// - Clients of older revisions cannot be asked.
impl Context {
    /// Ask the people behind the client to fill a form in: a flat struct of strings, numbers, `bool`s, and enums without
    /// fields (or `Vec`s of them), each perhaps an `Option`. Doc comments become what they read. What else a type can have
    /// is refused when it is asked, and the operator's log says so; `testing::form` finds it in a test.
    ///
    /// Constraints (`#[schemars(...)]`) hold for what they fill in, also those that clients know no way to
    /// show, such as a pattern. So do the mendings of arguments: `5.0` and `"5"` are 5. What does not fit is asked for again,
    /// with the reason; say in the field's doc comment what is wanted.
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

    /// Ask the people behind the client to do something at a URL (of `https` or `http`), such as to sign in somewhere. That
    /// they agreed does not say that they have done it.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn elicit_url(&self, key: &str, message: &str, url: &str) -> Result<(), InputError> {
        self.ask(ElicitUrl::new(key, message, url))
    }

    /// Ask the client's model, for an answer of at most `max_tokens`. [`Sample`] can say more.
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

    /// Ask which folders and files the client works with.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn roots(&self) -> Result<Vec<Root>, InputError> {
        self.ask(Roots)
    }

    /// Ask a question, or a tuple of questions at once.
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
    /// [`InputError`], of the first question that has no answer to go on with.
    pub fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, InputError> {
        let mut requests = Requests::default();
        question.put(&mut requests);
        let mut answers = requests.ask(self.host())?;
        question.read(&mut answers)
    }
}

/// What can be asked: [`Elicit`], [`ElicitUrl`], [`Sample`], [`Roots`], and tuples of these.
pub trait Question {
    /// What comes back.
    type Answer;

    #[doc(hidden)]
    fn put(&self, requests: &mut Requests);

    #[doc(hidden)]
    fn read(self, answers: &mut Answers) -> Result<Self::Answer, InputError>;
}

/// Why there is no answer to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// The client was asked, and calls again with its answer. Nothing the tool does about that has an effect.
    InputRequired,
    /// They said no, to the question of this key.
    Declined(String),
    /// They closed the form of this key without a decision.
    Cancelled(String),
    /// The client, or the host, cannot ask this: why, for the model to read.
    CannotAsk(String),
    /// The answer to the question of this key fits its form, but not the type it was made of.
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

/// Questions, by keys.
#[doc(hidden)]
#[derive(Default, Serialize)]
pub struct Requests {
    requests: BTreeMap<String, Request>,
    /// Two questions have this key.
    #[serde(skip)]
    duplicate: Option<String>,
}

#[derive(Serialize)]
struct Request {
    method: &'static str,
    params: Value,
    /// What the content of a form must satisfy beyond what clients are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
}

/// Answers, by keys.
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
            // The host has not seen them, and it is for the author to mend.
            logger::write(log::Level::Error, module_path!(), &why);
            return Err(InputError::CannotAsk(why));
        }
        host_client::request_with(host, host_op::INPUT, &self)
            .map_err(|refusal| InputError::CannotAsk(refusal_message(&refusal)))
    }
}

/// Why a host has not asked.
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
            "call_ended" => "the call is over, so that nobody is left to answer",
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

    /// What was filled in, or agreed to.
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

/// A form for the people behind the client, made from a type: see [`Context::elicit`].
#[derive(Clone, Debug)]
pub struct Elicit<T> {
    key: String,
    message: String,
    form: PhantomData<fn() -> T>,
}

impl<T> Elicit<T> {
    /// A form, and what it is about.
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

/// Something to do at a URL: see [`Context::elicit_url`].
#[derive(Clone, Debug)]
pub struct ElicitUrl {
    key: String,
    message: String,
    url: String,
}

impl ElicitUrl {
    /// A URL, and what it is about.
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
#[derive(Clone, Debug)]
pub struct Sample {
    key: String,
    messages: Vec<Value>,
    max_tokens: u32,
    more: Map<String, Value>,
}

impl Sample {
    /// A prompt, and the most tokens that the answer may have.
    pub fn new(key: impl Into<String>, prompt: impl Into<String>, max_tokens: u32) -> Self {
        let sample = Self {
            key: key.into(),
            messages: Vec::new(),
            max_tokens,
            more: Map::new(),
        };
        sample.message(Role::User, prompt)
    }

    /// The same with one more message in the conversation.
    #[must_use]
    pub fn message(mut self, role: Role, text: impl Into<String>) -> Self {
        let text: String = text.into();
        self.messages
            .push(json!({ "role": role, "content": { "type": "text", "text": text } }));
        self
    }

    /// The same with a system prompt. A client may change it.
    #[must_use]
    pub fn system_prompt(self, text: impl Into<String>) -> Self {
        self.with("systemPrompt", text.into())
    }

    /// The same with a temperature.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        self.with("temperature", temperature)
    }

    /// The same with any other parameter of `sampling/createMessage`, such as `stopSequences` or `modelPreferences`.
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

/// What a client's model has to say.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SamplingResult {
    /// The model's name.
    pub model: String,
    /// Why it ended, such as `endTurn` or `maxTokens`.
    pub stop_reason: Option<String>,
    /// A content block of MCP, or an array of them.
    pub content: Value,
}

impl SamplingResult {
    /// Its texts, one per line.
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

/// The folders and files that the client works with, under the key `roots`: see [`Context::roots`].
#[derive(Clone, Copy, Debug)]
pub struct Roots;

/// A folder or file that the client works with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Root {
    /// Where it is: so far always a `file:` URI.
    pub uri: String,
    /// Its name, for people.
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
                "the call is over, so that nobody is left to answer",
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
