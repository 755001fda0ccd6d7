//! The rules for elicitation: for forms, for the answers to them, and for URLs. A form is a flat object with primitive
//! members (M:elicit, "Requested Schema").

use std::fmt;

use serde_json::{Map, Value};

use crate::{Problem, Schema, SchemaError, arguments::join_problems, coerce};

/// A form that clients can show, such as `{"type": "object", "properties": {"sure": {"type": "boolean"}}, "required":
/// ["sure"]}`.
#[derive(Debug)]
pub struct Form {
    shown: Schema,
    /// A JSON Schema that answers must also satisfy. Clients do not get it.
    constraints: Option<Schema>,
}

/// The reason why a schema cannot be used as a form. Its message is a clause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// Clients cannot show the form. The text is the first of its [`form_problems`].
    #[error("clients cannot show it: {0}")]
    Unshowable(String),
    /// The schema is invalid.
    #[error("its schema is {0}")]
    Schema(#[from] SchemaError),
}

/// The problems of an answer to a form. The message is for the user.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidAnswer(Vec<Problem>);

impl InvalidAnswer {
    /// Returns JSON pointers to the wrong members. They contain no text that the user has entered.
    pub fn pointers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|problem| problem.pointer.as_str())
    }
}

impl fmt::Display for InvalidAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join_problems(&self.0))
    }
}

impl Form {
    /// Creates a form from the schema that clients show, and from an optional JSON Schema that answers must also
    /// satisfy. The second holds the constraints that MCP's forms cannot express, such as `pattern`.
    ///
    /// # Errors
    /// [`FormError`]
    pub fn new(shown: &Value, constraints: Option<&Value>) -> Result<Self, FormError> {
        if let Some(problem) = form_problems(shown).into_iter().next() {
            return Err(FormError::Unshowable(problem));
        }
        let compile = |schema: &Value| Schema::compile(&schema.to_string());
        Ok(Self {
            shown: compile(shown)?,
            constraints: constraints.map(compile).transpose()?,
        })
    }

    /// Checks an answer to the form, and returns it in a form that the tool's type can decode.
    ///
    /// `answer` is an `ElicitResult` of MCP: `{"action": "accept", "content": {"sure": "true"}}`. Members that are not
    /// in the form are removed, and so are optional fields that are `null`. The rest is [coerced](coerce) like
    /// arguments of tools.
    ///
    /// # Errors
    /// [`InvalidAnswer`] if the answer does not satisfy the form.
    pub fn check_answer(&self, answer: &Value) -> Result<Value, InvalidAnswer> {
        let mut answer = answer.clone();
        if let Some(content) = answer.get_mut("content").and_then(Value::as_object_mut) {
            self.drop_unrequested(content);
        }
        match answer["action"].as_str() {
            Some("accept") => {}
            Some("decline" | "cancel") => return Ok(answer),
            _ => {
                return Err(InvalidAnswer(vec![Problem {
                    pointer: "/action".to_owned(),
                    message: "must be \"accept\", \"decline\" or \"cancel\"".to_owned(),
                }]));
            }
        }
        let content = &mut answer["content"];
        coerce(self.shown.value(), content);
        for schema in [Some(&self.shown), self.constraints.as_ref()]
            .into_iter()
            .flatten()
        {
            let mut problems = schema.problems(content);
            if problems.is_empty() {
                problems = schema.decoding_problems(content);
            }
            if !problems.is_empty() {
                return Err(InvalidAnswer(problems));
            }
        }
        Ok(answer)
    }

    fn drop_unrequested(&self, content: &mut Map<String, Value>) {
        let schema = self.shown.value();
        let required = schema["required"].as_array();
        let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|it| it == name));
        content.retain(|name, value| {
            let asked = schema["properties"].get(name).is_some();
            asked && (!value.is_null() || is_required(name))
        });
    }
}

/// Checks the URL of an elicitation, which a browser must be able to open.
///
/// # Errors
/// The problem, as the end of a sentence, if this is not an absolute `https` or `http` URL.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if !["https", "http"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err("has a URL that does not begin with https:// or http://");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err("has a URL without a host");
    }
    // A URL must not contain these characters (RFC 3986, section 2), although browsers accept them. (This check allows
    // characters outside of ASCII.)
    let harmful = |c: char| c.is_whitespace() || c.is_control() || r#"<>"{}|\^`"#.contains(c);
    if url.contains(harmful) {
        return Err("has a URL with an invalid character; percent-encode it");
    }
    Ok(())
}

/// The keywords that a form may have. Source: ElicitRequestFormParams of MCP 2026-07-28; in addition, keywords that
/// constrain nothing.
const FORM_KEYWORDS: [&str; 7] = [
    "$schema",
    "additionalProperties",
    "description",
    "properties",
    "required",
    "title",
    "type",
];

/// Returns the problems of the `requestedSchema` of an elicitation. It must be an object of strings, numbers,
/// booleans, and choices of one or several strings, without constraints on the object as a whole.
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
        .filter(|(_, property)| !is_primitive(property))
        .map(|(name, _)| {
            format!(
                "{name:?} is not a string, number, boolean, or choice of strings, and a form can have only those"
            )
        })
        .collect();
    let members = schema.as_object().into_iter().flat_map(Map::keys);
    problems.extend(
        members
            .filter(|keyword| !FORM_KEYWORDS.contains(&keyword.as_str()))
            .map(|keyword| {
                format!("`{keyword}` applies to the whole form, and clients do not show that")
            }),
    );
    if schema
        .get("required")
        .is_some_and(|required| !required.is_array())
    {
        problems.push("`required` is not a list of names".to_owned());
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

/// The formats that clients support. Source: StringSchema of MCP 2026-07-28.
const FORMATS: [&str; 4] = ["date", "date-time", "email", "uri"];

/// Reports whether a member is a PrimitiveSchemaDefinition. Source: MCP 2026-07-28.
fn is_primitive(property: &Value) -> bool {
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
    fits && has_primitive_type(property)
}

fn has_primitive_type(property: &Value) -> bool {
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

    fn answer(action: &str, content: Value) -> Value {
        json!({ "action": action, "content": content })
    }

    fn form(properties: Value, required: Value) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    #[test]
    fn an_answer_fits_the_form_and_has_only_its_fields() {
        let name = json!({ "type": "string" });
        let form = form(json!({ "name": name }), json!(["name"]));
        let form = Form::new(&form, None).expect("a form");
        let ann = answer("accept", json!({ "name": "Ann" }));
        let more = answer("accept", json!({ "name": "Ann", "age": 5 }));
        let refused = json!({ "action": "decline" });
        for (answer, expected) in [
            (ann.clone(), Ok(ann.clone())),
            (more, Ok(ann)),
            (
                answer("accept", json!({ "name": 5 })),
                Err("/name must be a string, not 5"),
            ),
            (
                answer("accept", json!({ "name": null })),
                Err("/name must be a string, not null"),
            ),
            (
                answer("accept", json!({})),
                Err("/name is missing (it must be a string)"),
            ),
            (
                json!({ "action": "accept" }),
                Err("must be an object with `name`, not null"),
            ),
            (refused.clone(), Ok(refused)),
            (
                json!({ "action": "perhaps" }),
                Err("/action must be \"accept\", \"decline\" or \"cancel\""),
            ),
            (
                json!(5),
                Err("/action must be \"accept\", \"decline\" or \"cancel\""),
            ),
            (
                answer("cancel", json!({ "age": 5 })),
                Ok(answer("cancel", json!({}))),
            ),
        ] {
            let checked = form
                .check_answer(&answer)
                .map_err(|invalid| invalid.to_string());
            assert_eq!(checked, expected.map_err(str::to_owned), "{answer}");
        }
        let nested = json!({ "type": "object", "properties": { "x": { "type": "object" } } });
        let error = Form::new(&nested, None).expect_err("nested").to_string();
        assert!(
            error.starts_with("clients cannot show it: \"x\" is not a string"),
            "{error}"
        );
    }

    #[test]
    fn answers_are_coerced_like_arguments() {
        let properties = json!({
            "stars": { "type": "integer" }, "sure": { "type": "boolean" }, "name": { "type": "string" },
        });
        let form = Form::new(&form(properties, json!(["stars"])), None).expect("a form");
        for (content, expected) in [
            (json!({ "stars": 5.0 }), Some(json!({ "stars": 5 }))),
            (
                json!({ "stars": "5", "sure": "true" }),
                Some(json!({ "stars": 5, "sure": true })),
            ),
            // Fields without a value.
            (
                json!({ "stars": 5, "sure": null, "name": null }),
                Some(json!({ "stars": 5 })),
            ),
            (
                json!({ "stars": 5, "name": "5" }),
                Some(json!({ "stars": 5, "name": "5" })),
            ),
            (json!({ "stars": null }), None),
            (json!({ "stars": 5.5 }), None),
            // No integer type holds it.
            (json!({ "stars": 1e30 }), None),
        ] {
            let checked = form.check_answer(&answer("accept", content.clone()));
            let expected = expected.map(|content| answer("accept", content));
            assert_eq!(checked.ok(), expected, "{content}");
        }
    }

    #[test]
    fn hidden_constraints_are_checked() {
        let shown = form(json!({ "code": { "type": "string" } }), json!([]));
        let code = json!({ "type": ["string", "null"], "pattern": "^[a-z]+$" });
        let constraints = form(json!({ "code": code }), json!([]));
        let form = Form::new(&shown, Some(&constraints)).expect("a form");
        for (content, fits) in [
            (json!({ "code": "abc" }), true),
            (json!({ "code": null }), true),
            (json!({}), true),
            (json!({ "code": "ABC" }), false),
        ] {
            let checked = form.check_answer(&answer("accept", content.clone()));
            assert_eq!(checked.is_ok(), fits, "{content}");
        }
        let invalid = form.check_answer(&answer("accept", json!({ "code": "a secret" })));
        let invalid = invalid.expect_err("it has a blank");
        assert_eq!(invalid.pointers().collect::<Vec<_>>(), ["/code"]);
        let message = invalid.to_string();
        assert!(
            message.starts_with("/code must ") && message.contains("^[a-z]+$"),
            "{message}"
        );
        let wrong = json!({ "type": 5 });
        assert!(Form::new(&shown, Some(&wrong)).is_err());
    }

    #[test]
    fn a_url_is_one_that_a_browser_opens() {
        for (url, fits) in [
            ("https://example.com", true),
            ("https://example.com/sign-in?for=a%20b#top", true),
            ("HTTP://localhost:3000/", true),
            ("https://[::1]:8443/x", true),
            ("https://größe.example/", true),
            ("", false),
            ("example.com/sign-in", false),
            ("/sign-in", false),
            ("javascript:alert(1)", false),
            ("javascript://example.com/%0aalert(1)", false),
            ("file:///etc/passwd", false),
            ("https:example.com", false),
            ("https://", false),
            ("https:///path", false),
            ("https://:443/", false),
            ("https://user@/", false),
            ("https://example.com/a b", false),
            ("https://example.com/\n", false),
            (" https://example.com/", false),
            ("https://example.com/<script>", false),
        ] {
            assert_eq!(check_url(url).is_ok(), fits, "{url:?}");
        }
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
                json!({ "type": "object", "properties": {}, "title": "T", "additionalProperties": false }),
                0,
            ),
            (
                json!({ "type": "object", "properties": {}, "oneOf": [], "minProperties": 1 }),
                2,
            ),
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
