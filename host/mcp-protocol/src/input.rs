//! Multi round-trip requests (M:mrtr): questions that a server asks its client before it can give a result.
//!
//! The call ends with an [`input_required_result`]. The client answers by repeating the request with an [`InputResume`]
//! in it.
//!
//! # What an answer proves
//!
//! An answer proves that the client sent it, and nothing more. The client asks people or a model, and anybody who can
//! write a request can write an answer. Two consequences are easily overlooked:
//!
//! - Answers without an [`InputResume::state`] are accepted for whatever question has their key. Clients may send them
//!   so (the official suite does: `input-required-result-ignore-extra-params`), but then the question is not
//!   known. Only a state ties an answer to this very question.
//! - A state can be used more than once. It records the answers to the questions of one call, and it is valid until it
//!   expires, however often it is sent. An action that must happen once, such as a payment, needs a key of its own in
//!   the tool's arguments, or a store that remembers it (M:mrtr: "If single use matters, enforce it server-side").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{ServerInfo, json::to_raw, meta_keys::SERVER_INFO};

/// The methods for asking a client.
const METHODS: [&str; 3] = ["elicitation/create", "roots/list", "sampling/createMessage"];

/// Reports whether a client with this capability can be asked something. (Capabilities of later revisions are unknown.)
#[must_use]
pub fn is_input_capability(capability: &str) -> bool {
    let whole = capability.split('.').next().unwrap_or(capability);
    ["elicitation", "roots", "sampling"].contains(&whole)
}

/// One question to a client. It is no JSON-RPC message: it has no id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InputRequest {
    /// The method of the question.
    pub method: String,
    /// The method's parameters, an object.
    pub params: Value,
}

/// The members of `params` that a client adds when it repeats a request.
#[derive(Clone, Debug, Default)]
pub struct InputResume<'a> {
    /// `inputResponses`: the client's answers, by the keys of the questions.
    pub responses: BTreeMap<String, &'a RawValue>,
    /// `requestState`: the text that the server gave the client to send back. Its holder can send it any number of
    /// times.
    pub state: Option<String>,
}

impl InputRequest {
    /// Returns the capabilities that a client must have declared to be asked this.
    ///
    /// # Errors
    /// The reason why no client can be asked this, as the end of a sentence.
    pub fn required_capabilities(&self) -> Result<Vec<&'static str>, String> {
        if !self.params.is_object() {
            return Err("has `params` that are not an object".to_owned());
        }
        let text = |member: &str| match self.params[member].is_string() {
            true => Ok(()),
            false => Err(format!("needs a string as its {member:?}")),
        };
        match self.method.as_str() {
            "elicitation/create" if self.has_mode("url") => {
                text("message")?;
                text("url")?;
                Ok(vec!["elicitation.url"])
            }
            "elicitation/create" => {
                text("message")?;
                match self.params.get("mode") {
                    Some(mode) if mode != "form" => Err(format!("has the mode {mode}")),
                    _ => Ok(vec!["elicitation.form"]),
                }
            }
            "roots/list" => Ok(vec!["roots"]),
            "sampling/createMessage" => {
                if !self.params["maxTokens"].is_u64() {
                    return Err("needs an integer as its \"maxTokens\"".to_owned());
                }
                let messages = self.params["messages"].as_array();
                if !messages.is_some_and(|messages| messages.iter().all(is_message)) {
                    return Err("needs \"messages\", each with a role and a content".to_owned());
                }
                let mut required = vec!["sampling"];
                let has = |member: &str| self.params.get(member).is_some();
                if has("tools") || has("toolChoice") {
                    required.push("sampling.tools");
                }
                // `none` needs no capability: it is the client's default.
                if matches!(
                    self.params["includeContext"].as_str(),
                    Some("thisServer" | "allServers")
                ) {
                    required.push("sampling.context");
                }
                Ok(required)
            }
            method => Err(format!(
                "has the method {method:?}; use one of {}",
                METHODS.join(", ")
            )),
        }
    }

    /// Returns the schema of the form that a client shows, if this question has a form.
    #[must_use]
    pub fn form(&self) -> Option<&Value> {
        let is_form = self.method == "elicitation/create" && !self.has_mode("url");
        is_form.then(|| &self.params["requestedSchema"])
    }

    /// Returns the URL to which the client sends its user, if this question has one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        let leads = self.method == "elicitation/create" && self.has_mode("url");
        self.params["url"].as_str().filter(|_| leads)
    }

    /// Reports whether a value has the form of an answer. (It does not compare the content of a form with its schema.)
    #[must_use]
    pub fn is_answered_by(&self, answer: &Value) -> bool {
        match self.method.as_str() {
            "elicitation/create" => match answer["action"].as_str() {
                Some("accept") => self.form().is_none() || answer["content"].is_object(),
                Some("decline" | "cancel") => true,
                _ => false,
            },
            "roots/list" => answer["roots"]
                .as_array()
                .is_some_and(|roots| roots.iter().all(|root| root["uri"].is_string())),
            "sampling/createMessage" => is_message(answer) && answer["model"].is_string(),
            _ => false,
        }
    }

    fn has_mode(&self, mode: &str) -> bool {
        self.params["mode"] == mode
    }
}

/// Reports whether a value is one message of a conversation with a model.
fn is_message(value: &Value) -> bool {
    let content = &value["content"];
    matches!(value["role"].as_str(), Some("user" | "assistant"))
        && (content.is_object() || content.is_array())
}

/// Returns the result of a request that needs its client's answers:
///
/// ```json
/// {"resultType": "input_required", "inputRequests": {"KEY": {"method": "elicitation/create", "params": {}}}, "requestState": "..."}
/// ```
#[must_use]
pub fn input_required_result(
    requests: &BTreeMap<String, InputRequest>,
    state: &str,
    server: &ServerInfo,
) -> Box<RawValue> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct InputRequiredResult<'a> {
        result_type: &'static str,
        input_requests: &'a BTreeMap<String, InputRequest>,
        request_state: &'a str,
        #[serde(rename = "_meta")]
        meta: Value,
    }
    to_raw(&InputRequiredResult {
        result_type: "input_required",
        input_requests: requests,
        request_state: state,
        meta: json!({ SERVER_INFO: server }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, params: Value) -> InputRequest {
        InputRequest {
            method: method.to_owned(),
            params,
        }
    }

    /// The parameters of a question to a model, with these members in their place.
    fn sampling(other: Value) -> Value {
        let content = json!({ "type": "text", "text": "?" });
        let messages = json!([{ "role": "user", "content": content }]);
        let mut params = json!({ "messages": messages, "maxTokens": 10 });
        for (member, value) in other.as_object().into_iter().flatten() {
            params[member] = value.clone();
        }
        params
    }

    #[test]
    fn each_question_needs_what_its_client_must_declare() {
        for (method, params, expected) in [
            (
                "elicitation/create",
                json!({ "message": "?" }),
                &["elicitation.form"][..],
            ),
            (
                "elicitation/create",
                json!({ "message": "?", "mode": "form" }),
                &["elicitation.form"],
            ),
            (
                "elicitation/create",
                json!({ "message": "?", "mode": "url", "url": "https://example.com" }),
                &["elicitation.url"],
            ),
            ("roots/list", json!({}), &["roots"]),
            ("sampling/createMessage", sampling(json!({})), &["sampling"]),
            (
                "sampling/createMessage",
                sampling(json!({ "includeContext": "none" })),
                &["sampling"],
            ),
            (
                "sampling/createMessage",
                sampling(json!({ "includeContext": "thisServer", "tools": [] })),
                &["sampling", "sampling.tools", "sampling.context"],
            ),
        ] {
            let request = request(method, params);
            assert_eq!(
                request.required_capabilities().as_deref(),
                Ok(expected),
                "{request:?}"
            );
        }
        for (method, params) in [
            ("tools/call", json!({})),
            ("", json!({})),
            ("roots/list", json!([])),
            ("roots/list", Value::Null),
            ("elicitation/create", json!({})),
            ("elicitation/create", json!({ "message": [] })),
            ("elicitation/create", json!({ "message": "?", "mode": "x" })),
            (
                "elicitation/create",
                json!({ "message": "?", "mode": null }),
            ),
            (
                "elicitation/create",
                json!({ "message": "?", "mode": "url" }),
            ),
            ("elicitation/create", json!({ "mode": "url", "url": "x" })),
            ("sampling/createMessage", json!({})),
            (
                "sampling/createMessage",
                sampling(json!({ "maxTokens": 1.5 })),
            ),
            (
                "sampling/createMessage",
                sampling(json!({ "messages": "hello" })),
            ),
            (
                "sampling/createMessage",
                sampling(json!({ "messages": [{ "role": "system", "content": {} }] })),
            ),
            (
                "sampling/createMessage",
                sampling(json!({ "messages": [{ "role": "user", "content": "x" }] })),
            ),
        ] {
            let request = request(method, params);
            assert!(request.required_capabilities().is_err(), "{request:?}");
        }
    }

    #[test]
    fn all_capabilities_of_today_are_for_questions() {
        assert!(
            crate::capabilities::CAPABILITIES
                .iter()
                .all(|name| is_input_capability(name))
        );
        assert!(!is_input_capability("extensions") && !is_input_capability(""));
    }

    #[test]
    fn an_answer_has_the_form_of_its_method_s_result() {
        let form = request(
            "elicitation/create",
            json!({ "message": "", "requestedSchema": {} }),
        );
        let url = request(
            "elicitation/create",
            json!({ "mode": "url", "message": "", "url": "" }),
        );
        let roots = request("roots/list", json!({}));
        let sampling = request("sampling/createMessage", json!({}));
        let text = json!({ "type": "text", "text": "" });
        for (request, answer, expected) in [
            (
                &form,
                json!({ "action": "accept", "content": { "x": 1 } }),
                true,
            ),
            (&form, json!({ "action": "accept" }), false),
            (&form, json!({ "action": "accept", "content": [] }), false),
            (&form, json!({ "action": "decline" }), true),
            (&form, json!({ "action": "cancel" }), true),
            (&form, json!({ "action": "perhaps" }), false),
            (&form, json!({}), false),
            (&form, json!(12345), false),
            (&form, Value::Null, false),
            (&form, json!({ "roots": [] }), false),
            (&url, json!({ "action": "accept" }), true),
            (&url, json!({ "content": {} }), false),
            (&roots, json!({ "roots": [] }), true),
            (&roots, json!({ "roots": [{ "uri": "file:///x" }] }), true),
            (&roots, json!({ "roots": [{ "name": "x" }] }), false),
            (&roots, json!({ "roots": {} }), false),
            (&roots, json!([]), false),
            (
                &sampling,
                json!({ "role": "assistant", "model": "m", "content": text }),
                true,
            ),
            (
                &sampling,
                json!({ "role": "assistant", "model": "m", "content": [text] }),
                true,
            ),
            (
                &sampling,
                json!({ "role": "system", "model": "m", "content": text }),
                false,
            ),
            (
                &sampling,
                json!({ "role": "assistant", "content": text }),
                false,
            ),
            (
                &sampling,
                json!({ "role": "assistant", "model": "m", "content": "" }),
                false,
            ),
        ] {
            let fits = request.is_answered_by(&answer);
            assert_eq!(fits, expected, "{request:?} answered by {answer}");
        }
    }
}
