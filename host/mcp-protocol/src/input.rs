//! Multi round-trip requests (M:mrtr): what a server wants to know of its client before it can give a result.
//!
//! The call ends as [`input_required`]; the client answers by making the same request again, with [`Retry`] in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{ServerInfo, modern::SERVER_INFO};

/// The methods by which a client can be asked.
const METHODS: [&str; 3] = ["elicitation/create", "roots/list", "sampling/createMessage"];

/// One question to a client. It is no JSON-RPC message: it has no id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InputRequest {
    /// The method by which the client is asked.
    pub method: String,
    /// Its parameters, an object.
    pub params: Value,
}

/// What a client sends when it makes a request again.
#[derive(Clone, Debug, Default)]
pub struct Retry<'a> {
    /// Its answers, by the keys of the questions.
    pub responses: BTreeMap<String, &'a RawValue>,
    /// What the server gave it to send back.
    pub state: Option<String>,
}

impl InputRequest {
    /// The capabilities that a client must have declared to be asked this.
    ///
    /// # Errors
    /// Nobody can be asked this, and why, as the end of a sentence.
    pub fn requires(&self) -> Result<Vec<&'static str>, String> {
        if !self.params.is_object() {
            return Err("has `params` that are no object".to_owned());
        }
        match self.method.as_str() {
            "elicitation/create" if self.is_of_mode("url") => Ok(vec!["elicitation.url"]),
            "elicitation/create" => Ok(vec!["elicitation.form"]),
            "roots/list" => Ok(vec!["roots"]),
            "sampling/createMessage" => {
                let mut required = vec!["sampling"];
                let has = |member: &str| self.params.get(member).is_some();
                if has("tools") || has("toolChoice") {
                    required.push("sampling.tools");
                }
                // Not for `none`, which is what a client takes for granted.
                if matches!(
                    self.params["includeContext"].as_str(),
                    Some("thisServer" | "allServers")
                ) {
                    required.push("sampling.context");
                }
                Ok(required)
            }
            method => Err(format!(
                "has the method {method:?}; clients are asked by {}",
                METHODS.join(", ")
            )),
        }
    }

    /// The schema of the form that a client shows, if this asks for one.
    #[must_use]
    pub fn form(&self) -> Option<&Value> {
        let is_form = self.method == "elicitation/create" && !self.is_of_mode("url");
        is_form.then(|| &self.params["requestedSchema"])
    }

    /// Does this have the form of an answer? (Whether what fills a form in fits its schema, is not looked at.)
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
            "sampling/createMessage" => {
                matches!(answer["role"].as_str(), Some("user" | "assistant"))
                    && answer["model"].is_string()
                    && (answer["content"].is_object() || answer["content"].is_array())
            }
            _ => false,
        }
    }

    fn is_of_mode(&self, mode: &str) -> bool {
        self.params["mode"] == mode
    }
}

/// The result of a request that cannot go on without its client's answers.
#[must_use]
pub fn input_required(
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
    crate::tools::raw(&InputRequiredResult {
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

    #[test]
    fn each_question_needs_what_its_client_must_declare() {
        for (method, params, expected) in [
            ("elicitation/create", json!({}), &["elicitation.form"][..]),
            (
                "elicitation/create",
                json!({ "mode": "form" }),
                &["elicitation.form"],
            ),
            (
                "elicitation/create",
                json!({ "mode": "url" }),
                &["elicitation.url"],
            ),
            ("roots/list", json!({}), &["roots"]),
            ("sampling/createMessage", json!({}), &["sampling"]),
            (
                "sampling/createMessage",
                json!({ "includeContext": "none" }),
                &["sampling"],
            ),
            (
                "sampling/createMessage",
                json!({ "includeContext": "thisServer", "tools": [] }),
                &["sampling", "sampling.tools", "sampling.context"],
            ),
        ] {
            let request = request(method, params);
            assert_eq!(request.requires().as_deref(), Ok(expected), "{request:?}");
        }
        for (method, params) in [
            ("tools/call", json!({})),
            ("", json!({})),
            ("roots/list", json!([])),
            ("roots/list", Value::Null),
        ] {
            let request = request(method, params);
            assert!(request.requires().is_err(), "{request:?}");
        }
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
