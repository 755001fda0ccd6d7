//! Forms that clients show to people: whose schemas they may have, and what fills them in. Only flat objects of simple
//! members are forms (M:elicit, "Requested Schema").

use serde_json::Value;

use crate::{Schema, SchemaError};

/// A form that clients can show.
#[derive(Debug)]
pub struct Form(Schema);

/// Why a schema is not one of a form, as the end of a sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The first of its [`form_problems`].
    #[error("that nobody can show: {0}")]
    Unshowable(String),
    /// It is no schema.
    #[error("whose schema is {0}")]
    Schema(#[from] SchemaError),
}

impl Form {
    /// The form of a schema.
    ///
    /// # Errors
    /// [`FormError`]
    pub fn new(schema: &Value) -> Result<Self, FormError> {
        match form_problems(schema).into_iter().next() {
            Some(problem) => Err(FormError::Unshowable(problem)),
            None => Ok(Self(Schema::compile(&schema.to_string())?)),
        }
    }

    /// An answer to the form, an `ElicitResult` of MCP, without what the form does not ask for: no type that it was made
    /// of knows that. `None`: what was filled in does not fit.
    #[must_use]
    pub fn filled_in(&self, answer: &Value) -> Option<Value> {
        if answer["action"] == "accept" && !self.0.accepts(&answer["content"]) {
            return None;
        }
        let mut answer = answer.clone();
        let asked = self.0.value()["properties"].as_object();
        let content = answer.get_mut("content").and_then(Value::as_object_mut);
        if let (Some(asked), Some(content)) = (asked, content) {
            content.retain(|name, _| asked.contains_key(name));
        }
        Some(answer)
    }
}

/// What is wrong with the `requestedSchema` of an elicitation: an object of strings, numbers, booleans, and choices of one
/// or of several strings.
#[must_use]
pub fn form_problems(schema: &Value) -> Vec<String> {
    if schema["type"] != "object" {
        return vec!["a form is an object: its schema needs \"type\": \"object\"".to_owned()];
    }
    let Some(properties) = schema["properties"].as_object() else {
        return vec!["a form has `properties`, at least an empty object".to_owned()];
    };
    let mut problems: Vec<String> = properties
        .iter()
        .filter(|(_, property)| !is_simple(property))
        .map(|(name, _)| {
            format!(
                "{name:?} is no string, number, boolean, or choice of strings, which is all that a form can have"
            )
        })
        .collect();
    if schema
        .get("required")
        .is_some_and(|required| !required.is_array())
    {
        problems.push("`required` is no list of names".to_owned());
    }
    let required = schema["required"].as_array().into_iter().flatten();
    problems.extend(
        required
            .filter(|name| {
                name.as_str()
                    .is_none_or(|name| !properties.contains_key(name))
            })
            .map(|name| format!("{name} is required, and not among the `properties`")),
    );
    problems
}

/// The formats that clients know. Source: StringSchema of MCP 2026-07-28.
const FORMATS: [&str; 4] = ["date", "date-time", "email", "uri"];

/// Source: PrimitiveSchemaDefinition of MCP 2026-07-28.
fn is_simple(property: &Value) -> bool {
    let has = |keyword: &str, fits: fn(&Value) -> bool| property.get(keyword).is_none_or(fits);
    let default: fn(&Value) -> bool = match property["type"].as_str() {
        Some("boolean") => Value::is_boolean,
        Some("integer" | "number") => Value::is_number,
        Some("array") => is_list_of_strings,
        _ => Value::is_string,
    };
    let fits = has("default", default)
        && ["title", "description"]
            .iter()
            .all(|keyword| has(keyword, Value::is_string))
        && ["minimum", "maximum"]
            .iter()
            .all(|keyword| has(keyword, Value::is_number))
        && ["minLength", "maxLength", "minItems", "maxItems"]
            .iter()
            .all(|keyword| has(keyword, Value::is_u64))
        && has("format", |format| {
            format
                .as_str()
                .is_some_and(|format| FORMATS.contains(&format))
        });
    fits && has_simple_type(property)
}

fn has_simple_type(property: &Value) -> bool {
    match property["type"].as_str() {
        Some("boolean" | "integer" | "number") => true,
        Some("string") => {
            let choices = property.get("enum").is_none_or(is_list_of_strings);
            let titled = property.get("oneOf").is_none_or(is_list_of_titled);
            choices && titled
        }
        Some("array") => {
            let items = &property["items"];
            match (items.get("enum"), items.get("anyOf")) {
                (Some(choices), None) => items["type"] == "string" && is_list_of_strings(choices),
                (None, Some(titled)) => is_list_of_titled(titled),
                _ => false,
            }
        }
        _ => false,
    }
}

fn is_list_of_strings(value: &Value) -> bool {
    let values = value.as_array();
    values.is_some_and(|values| values.iter().all(Value::is_string))
}

fn is_list_of_titled(value: &Value) -> bool {
    let titled = |choice: &Value| choice["const"].is_string() && choice["title"].is_string();
    value
        .as_array()
        .is_some_and(|choices| choices.iter().all(titled))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_filled_in_fits_and_has_no_more_than_was_asked_for() {
        let name = json!({ "type": "string" });
        let form =
            json!({ "type": "object", "properties": { "name": name }, "required": ["name"] });
        let form = Form::new(&form).expect("a form");
        let answer = |action: &str, content: Value| json!({ "action": action, "content": content });
        let ann = answer("accept", json!({ "name": "Ann" }));
        for (answer, expected) in [
            (ann.clone(), Some(ann.clone())),
            (
                answer("accept", json!({ "name": "Ann", "age": 5 })),
                Some(ann),
            ),
            (answer("accept", json!({ "name": 5 })), None),
            (answer("accept", json!({})), None),
            (json!({ "action": "accept" }), None),
            (
                json!({ "action": "decline" }),
                Some(json!({ "action": "decline" })),
            ),
            (
                answer("cancel", json!({ "age": 5 })),
                Some(answer("cancel", json!({}))),
            ),
        ] {
            assert_eq!(form.filled_in(&answer), expected, "{answer}");
        }
        let nested = json!({ "type": "object", "properties": { "x": { "type": "object" } } });
        let error = Form::new(&nested).expect_err("nested").to_string();
        assert!(
            error.starts_with("that nobody can show: \"x\" is no string"),
            "{error}"
        );
    }

    #[test]
    fn a_form_is_flat() {
        for (property, simple) in [
            (json!({ "type": "string" }), true),
            (json!({ "type": "string", "format": "email" }), true),
            (json!({ "type": "integer", "minimum": 0 }), true),
            (json!({ "type": "number" }), true),
            (json!({ "type": "boolean", "default": true }), true),
            (json!({ "type": "string", "enum": ["a", "b"] }), true),
            (json!({ "type": "string", "enum": ["a", 1] }), false),
            (
                json!({ "type": "string", "oneOf": [{ "const": "a", "title": "A" }] }),
                true,
            ),
            (
                json!({ "type": "string", "oneOf": [{ "const": "a" }] }),
                false,
            ),
            (
                json!({ "type": "array", "items": { "type": "string", "enum": ["a"] } }),
                true,
            ),
            (
                json!({ "type": "array", "items": { "anyOf": [{ "const": "a", "title": "A" }] } }),
                true,
            ),
            (
                json!({ "type": "array", "items": { "type": "string" } }),
                false,
            ),
            (json!({ "type": "array" }), false),
            (json!({ "type": "object" }), false),
            (json!({ "type": ["string", "null"] }), false),
            (json!({ "enum": ["a"] }), false),
            (json!({}), false),
            (json!(true), false),
            (json!({ "type": "string", "format": "ipv4" }), false),
            (json!({ "type": "string", "title": 5 }), false),
            (json!({ "type": "string", "description": null }), false),
            (json!({ "type": "string", "minLength": "2" }), false),
            (json!({ "type": "string", "default": 2 }), false),
            (json!({ "type": "integer", "maximum": "2" }), false),
            (json!({ "type": "integer", "default": 2 }), true),
            (
                json!({ "type": "array", "items": { "type": "string", "enum": ["a"] }, "default": "a" }),
                false,
            ),
        ] {
            let form = json!({ "type": "object", "properties": { "x": property } });
            assert_eq!(form_problems(&form).is_empty(), simple, "{form}");
        }
        for (form, problems) in [
            (json!({ "type": "object", "properties": {} }), 0),
            (json!({ "type": "object" }), 1),
            (json!({ "type": "string" }), 1),
            (
                json!({ "type": "object", "properties": {}, "required": "x" }),
                1,
            ),
            (json!(true), 1),
            (
                json!({ "type": "object", "properties": {}, "required": ["x", 1] }),
                2,
            ),
            (
                json!({ "type": "object", "properties": { "x": {}, "y": [] } }),
                2,
            ),
        ] {
            assert_eq!(form_problems(&form).len(), problems, "{form}");
        }
    }
}
