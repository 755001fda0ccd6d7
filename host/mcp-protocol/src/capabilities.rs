//! Client capabilities: what a client can do, and what tools need it to do.
//!
//! A name such as `elicitation.url` is a path into the object with a client's declared capabilities. Plain
//! `elicitation` means `elicitation.form`, in a declaration and in a requirement: a client that declares it without a
//! mode supports forms (M:elicit, "Capabilities").

use serde_json::{Map, Value, json, value::RawValue};

use crate::{Answer, Id, jsonrpc::MISSING_REQUIRED_CLIENT_CAPABILITY};

/// The capabilities that a tool may need. `sampling.context` and `sampling.tools` are parts that a client declares
/// separately.
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

/// Returns the `required` capabilities that a client did not declare. Without a declaration that is all of them.
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

/// Returns the refusal of a request that needs capabilities which the client did not declare. Its `error.data` is
/// `{"requiredCapabilities": {"elicitation": {"url": {}}}}`, the object that would declare what is missing.
#[must_use]
pub fn missing_capabilities_error(id: &Id, message: &str, missing: &[&str]) -> Answer {
    let mut required = json!({});
    for name in missing {
        let mut object = &mut required;
        for member in name.split('.') {
            // Indexing creates the member, and only objects are created here.
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
