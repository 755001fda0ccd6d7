//! Multi round-trip requests (M:mrtr): a tool sends input requests to the client before it can return a result.
//!
//! Such a call ends with an [`input_required_result`]. The client responds by repeating the call, this time with an
//! [`InputResume`].
//!
//! # What the client's response proves
//!
//! The response to an input request proves that the client sent it, and nothing more. The client asks people or a
//! model, and anybody who can write a request can also write such a response. Two consequences are easily overlooked:
//!
//! - A response without an [`InputResume::state`] is accepted for any input request with the same key. Clients may omit
//!   the state (the official suite does: `input-required-result-ignore-extra-params`), but then the server does not
//!   know to which input request the client responded. Only a state ties a response to one specific input request.
//! - A state can be used more than once. It records the responses to the input requests of one call, and it is valid
//!   until it expires, however often it is sent. An action that must happen only once, such as a payment, needs a key
//!   of its own in the tool's arguments, or a store that records that it has happened (M:mrtr: "If single use matters,
//!   enforce it server-side").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{ServerInfo, json::to_raw, meta_keys::SERVER_INFO};

/// The methods of input requests.
const METHODS: [&str; 3] = ["elicitation/create", "roots/list", "sampling/createMessage"];

/// Reports whether a client that declares this capability can receive input requests. (Capabilities of later revisions
/// are not known here.)
#[must_use]
pub fn is_input_capability(capability: &str) -> bool {
    let whole = capability.split('.').next().unwrap_or(capability);
    ["elicitation", "roots", "sampling"].contains(&whole)
}

/// One input request to a client. It is not a JSON-RPC message: it has no id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InputRequest {
    /// The method, such as `elicitation/create`.
    pub method: String,
    /// The method's parameters, a JSON object.
    pub params: Value,
}

/// The members that a client adds to `params` when it repeats a call in response to input requests.
#[derive(Clone, Debug, Default)]
pub struct InputResume<'a> {
    /// `inputResponses`: the client's responses, by the keys of the input requests.
    pub responses: BTreeMap<String, &'a RawValue>,
    /// `requestState`: a text that the server gave the client, and that the client sends back. A client can send it any
    /// number of times.
    pub state: Option<String>,
}

impl InputRequest {
    /// Returns the capabilities that a client must have declared to receive this input request.
    ///
    /// # Errors
    /// The reason why this input request is invalid for any client, as the end of a sentence.
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
                    Some(mode) if mode != "form" => {
                        Err(format!("has the mode {mode}; use \"form\" or \"url\""))
                    }
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
                // `none` needs no capability, because it is the default of `includeContext`.
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

    /// Returns the schema of the form that the client shows, if this input request has a form.
    #[must_use]
    pub fn form(&self) -> Option<&Value> {
        let is_form = self.method == "elicitation/create" && !self.has_mode("url");
        is_form.then(|| &self.params["requestedSchema"])
    }

    /// Returns the URL that the client opens for its user, if this input request has one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        let leads = self.method == "elicitation/create" && self.has_mode("url");
        self.params["url"].as_str().filter(|_| leads)
    }

    /// Reports whether a value has the form of a response to this input request. (It does not check the content of a
    /// form against the form's schema.)
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

/// Reports whether a value is one message of a conversation with a model, as sampling defines it.
fn is_message(value: &Value) -> bool {
    let content = &value["content"];
    matches!(value["role"].as_str(), Some("user" | "assistant"))
        && (content.is_object() || content.is_array())
}

/// Returns the result that asks the client for input before the call can be completed:
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
