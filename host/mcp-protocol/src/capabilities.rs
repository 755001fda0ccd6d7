//! Client capabilities: what a client can do, and what a tool needs the client to be able to do.
//!
//! A name such as `elicitation.url` is a path into the JSON object in which a client declares its capabilities. Plain
//! `elicitation` means `elicitation.form`, both in a client's declaration and in a tool's requirement: a client that
//! declares `elicitation` without a mode supports forms (M:elicit, "Capabilities").

use serde_json::{Map, Value, json, value::RawValue};

use crate::{Answer, Id, jsonrpc::MISSING_REQUIRED_CLIENT_CAPABILITY};

/// The client capabilities that a tool can require. A client declares `sampling.context` and `sampling.tools`
/// separately from `sampling`.
/// Source: ClientCapabilities of 2026-07-28.
pub const CAPABILITIES: [&str; 7] = [
    "elicitation",
    "elicitation.form",
    "elicitation.url",
    "roots",
    "sampling",
    "sampling.context",
    "sampling.tools",
];

/// Returns those of the `required` capabilities that the client did not declare. Returns all of them if `declared` is
/// `None`.
#[must_use]
pub fn missing_capabilities<'a>(
    required: impl IntoIterator<Item = &'a str>,
    declared: Option<&RawValue>,
) -> Vec<&'a str> {
    let mut required = required.into_iter().peekable();
    if required.peek().is_none() {
        return Vec::new();
    }
    let declared = declared.and_then(|declared| serde_json::from_str(declared.get()).ok());
    let declared = declared.unwrap_or(Value::Null);
    required.filter(|name| !has(&declared, name)).collect()
}

fn has(declared: &Value, name: &str) -> bool {
    let name = match name {
        "elicitation" => "elicitation.form",
        name => name,
    };
    let part = name.split('.').try_fold(declared, |object, member| {
        object.get(member).filter(|member| member.is_object())
    });
    let means_forms = || {
        let parts = declared.get("elicitation").and_then(Value::as_object);
        parts.is_some_and(Map::is_empty)
    };
    part.is_some() || (name == "elicitation.form" && means_forms())
}

/// Returns the error response that rejects a request because the client did not declare the capabilities in `missing`.
/// Its `error.data` is `{"requiredCapabilities": {"elicitation": {"url": {}}}}`: the object that would declare the
/// missing capabilities.
#[must_use]
pub fn missing_capabilities_error(id: &Id, message: &str, missing: &[&str]) -> Answer {
    let mut required = json!({});
    for name in missing {
        let mut object = &mut required;
        for member in name.split('.') {
            // Indexing creates a missing member with the value null. Every value on the path is an object, so indexing
            // cannot panic.
            object = &mut object[member];
            if object.is_null() {
                *object = json!({});
            }
        }
    }
    let data = json!({ "requiredCapabilities": required });
    let code = MISSING_REQUIRED_CLIENT_CAPABILITY;
    Answer::error_with(400, Some(id), code, message, Some(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_declared_by_an_object_in_its_place() {
        for (name, declared, expected) in [
            ("elicitation", r#"{"elicitation":{}}"#, true),
            ("elicitation", r#"{"elicitation":{"form":{}}}"#, true),
            ("elicitation", r#"{"elicitation":{"url":{}}}"#, false),
            ("elicitation", r#"{"elicitation":null}"#, false),
            ("elicitation", r#"{"elicitation":true}"#, false),
            ("elicitation", "{}", false),
            ("elicitation", "[]", false),
            ("elicitation.form", r#"{"elicitation":{}}"#, true),
            ("elicitation.form", r#"{"elicitation":{"form":{}}}"#, true),
            ("elicitation.form", r#"{"elicitation":{"url":{}}}"#, false),
            ("elicitation.form", "{}", false),
            ("elicitation.url", r#"{"elicitation":{}}"#, false),
            ("elicitation.url", r#"{"elicitation":{"url":{}}}"#, true),
            ("sampling.tools", r#"{"sampling":{"tools":{}}}"#, true),
            ("sampling.tools", r#"{"sampling":{}}"#, false),
            // A newer layer may name this: the rule is the same.
            ("smelling.far", r#"{"smelling":{"far":{"miles":3}}}"#, true),
            ("smelling.far", "{}", false),
        ] {
            let raw = RawValue::from_string(declared.to_owned()).expect("JSON");
            let missing = missing_capabilities([name], Some(&raw));
            assert_eq!(missing.is_empty(), expected, "{name} in {declared}");
        }
        assert_eq!(missing_capabilities(CAPABILITIES, None), CAPABILITIES);
        assert_eq!(missing_capabilities([], None), [""; 0]);
    }

    #[test]
    fn missing_capabilities_are_listed_as_the_object_that_declares_them() {
        for (missing, expected) in [
            (&["roots"][..], json!({ "roots": {} })),
            (
                &["elicitation.url"],
                json!({ "elicitation": { "url": {} } }),
            ),
            (
                &[
                    "sampling",
                    "sampling.tools",
                    "elicitation.form",
                    "elicitation",
                ],
                json!({ "sampling": { "tools": {} }, "elicitation": { "form": {} } }),
            ),
        ] {
            let answer = missing_capabilities_error(&Id::Number(1.into()), "words", missing);
            assert_eq!(answer.status, 400);
            let body: Value = serde_json::from_slice(&answer.body.expect("a body")).expect("JSON");
            assert_eq!(body["error"]["code"], -32021);
            assert_eq!(body["error"]["data"]["requiredCapabilities"], expected);
        }
    }
}
