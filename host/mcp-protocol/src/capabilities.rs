//! What clients can do, and what tools need them to.
//!
//! A name such as `elicitation.url` leads into the object by which a client declares its capabilities. Plain `elicitation`
//! is `elicitation.form`, whoever says it: what declares it without a mode means forms (M:elicit, "Capabilities").

use serde_json::{Map, Value, json, value::RawValue};

use crate::{Answer, Id, jsonrpc::MISSING_REQUIRED_CLIENT_CAPABILITY};

/// The capabilities that a tool may need. Source: ClientCapabilities of 2026-07-28; `sampling.context` and
/// `sampling.tools` are parts of it that a client declares on their own.
pub const CAPABILITIES: [&str; 7] = [
    "elicitation",
    "elicitation.form",
    "elicitation.url",
    "roots",
    "sampling",
    "sampling.context",
    "sampling.tools",
];

/// Those of the `required` capabilities that a client did not declare; of a client about which nothing is known, all.
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

/// The refusal of a request that needs capabilities which the client did not declare.
#[must_use]
pub fn missing_capabilities_error(id: &Id, message: &str, missing: &[&str]) -> Answer {
    let mut required = json!({});
    for name in missing {
        let mut object = &mut required;
        for member in name.split('.') {
            // Indexing makes the member, and what is made here are objects only.
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
            // What a newer layer may name: the rule is the same.
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
