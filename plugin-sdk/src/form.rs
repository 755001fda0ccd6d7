//! Makes the form of an elicitation from a type: a schema as MCP allows it for forms, a flat object of primitive
//! members.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::schema;

/// The keywords that members of a form may have. Source: PrimitiveSchemaDefinition of MCP 2026-07-28.
const KEYWORDS: [&str; 14] = [
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "title",
    "type",
];

/// The formats that clients support. Source: StringSchema of MCP 2026-07-28.
const FORMATS: [&str; 4] = ["date", "date-time", "email", "uri"];

/// Keywords of a form or of its members that are not constraints, or that decoding enforces anyway.
const ANNOTATIONS: [&str; 9] = [
    "$comment",
    "$defs",
    "additionalProperties",
    "deprecated",
    "examples",
    "format",
    "readOnly",
    "title",
    "writeOnly",
];

/// The form of a type.
#[derive(Debug, PartialEq)]
pub(crate) struct Form {
    /// The schema that clients show. Parts that forms must not have are left in it, so that the host rejects the form.
    pub(crate) shown: Value,
    /// The full schema of the type, if it has constraints that MCP's forms cannot express (such as `pattern`). The host
    /// checks answers against it.
    pub(crate) constraints: Option<Value>,
}

/// Creates the form of a type.
pub(crate) fn form_of<T: JsonSchema>() -> Form {
    let schema = schema::form_schema::<T>();
    let Value::Object(mut form) = schema.clone() else {
        return Form {
            shown: schema,
            constraints: None,
        };
    };
    form.retain(|keyword, _| keyword != "description" && !is_annotation(keyword));
    let mut has_hidden_constraints = false;
    let properties = form.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut) {
        simplify(property);
        if let Some(members) = property.as_object_mut() {
            members.retain(|keyword, _| {
                let known = KEYWORDS.contains(&keyword.as_str());
                has_hidden_constraints |= !known && !is_annotation(keyword);
                known
            });
        }
    }
    // A struct without fields has no `properties`.
    form.entry("properties")
        .or_insert_with(|| Map::new().into());
    Form {
        shown: form.into(),
        constraints: has_hidden_constraints.then_some(schema),
    }
}

fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

/// Rewrites the schema of a member, as schemars writes it, in the keywords that MCP allows in forms.
fn simplify(property: &mut Value) {
    remove_null(property);
    choices(property, "oneOf");
    if let Some(items) = property.get_mut("items") {
        choices(items, "anyOf");
    }
    let Some(members) = property.as_object_mut() else {
        return;
    };
    let known = |format: &Value| {
        format
            .as_str()
            .is_some_and(|format| FORMATS.contains(&format))
    };
    if members.get("format").is_some_and(|format| !known(format)) {
        members.remove("format");
    }
    if members.get("default").is_some_and(Value::is_null) {
        members.remove("default");
    }
    for (exclusive, inclusive, step) in [
        ("exclusiveMinimum", "minimum", 1),
        ("exclusiveMaximum", "maximum", -1),
    ] {
        show_inclusive_bound(members, exclusive, inclusive, step);
    }
}

/// Adds the equivalent inclusive bound to an integer that has an exclusive bound: forms have no exclusive bounds.
fn show_inclusive_bound(
    members: &mut Map<String, Value>,
    exclusive: &str,
    inclusive: &str,
    step: i64,
) {
    let is_integer = members.get("type").is_some_and(|name| name == "integer");
    let bound = members.get(exclusive).and_then(Value::as_i64);
    let Some(next) = bound.and_then(|bound| bound.checked_add(step)) else {
        return;
    };
    let shown = members.get(inclusive).and_then(Value::as_i64);
    let tighter = shown.is_none_or(|shown| (next - shown).signum() == step);
    if is_integer && tighter {
        members.insert(inclusive.to_owned(), next.into());
    }
}

/// Removes null from the schema of an `Option`: in a form, the user leaves the field empty instead.
fn remove_null(property: &mut Value) {
    if let Some(types) = property.get("type").and_then(Value::as_array) {
        let mut types: Vec<_> = types
            .iter()
            .filter(|name| *name != "null")
            .cloned()
            .collect();
        if let (Some(only), true) = (types.pop(), types.is_empty()) {
            property["type"] = only;
        }
    }
    // An optional enum has null among its `enum` values.
    if let Some(choices) = property.get_mut("enum").and_then(Value::as_array_mut) {
        choices.retain(|choice| !choice.is_null());
    }
    let Some(either) = property.get("anyOf").and_then(Value::as_array) else {
        return;
    };
    let mut either: Vec<_> = either
        .iter()
        .filter(|schema| schema["type"] != "null")
        .collect();
    if let (Some(Value::Object(only)), true) = (either.pop().cloned(), either.is_empty())
        && let Some(members) = property.as_object_mut()
    {
        members.remove("anyOf");
        for (keyword, value) in only {
            members.entry(keyword).or_insert(value);
        }
    }
}

/// Rewrites an enum whose variants have doc comments as choices with titles: `{"const": ..., "title": ...}`.
fn choices(schema: &mut Value, keyword: &str) {
    let Some(variants) = schema.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let mut titled = Vec::new();
    for variant in variants {
        let description = variant.get("description").or(variant.get("title"));
        let values = match (variant.get("const"), variant["enum"].as_array()) {
            (Some(value), _) => vec![value],
            // Variants without a doc comment share one schema.
            (None, Some(values)) => values.iter().collect(),
            (None, None) => return,
        };
        for value in values {
            let Some(text) = value.as_str() else { return };
            let title = description.and_then(Value::as_str).unwrap_or(text);
            titled.push(serde_json::json!({ "const": text, "title": title }));
        }
    }
    if let Some(members) = schema.as_object_mut() {
        members.remove("oneOf");
        members.insert(keyword.to_owned(), titled.into());
        match keyword {
            "oneOf" => members.insert("type".to_owned(), "string".into()),
            _ => members.remove("type"),
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Plain {
        Red,
        Green,
    }

    #[derive(JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Explained {
        /// Until noon
        Morning,
        /// Until dusk
        Afternoon,
        Night,
    }

    /// Not for the form.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Everything {
        /// Your name
        name: String,
        nickname: Option<String>,
        age: u8,
        large: i64,
        score: f64,
        #[schemars(default)]
        agreed: bool,
        color: Plain,
        other_color: Option<Plain>,
        time: Explained,
        other_time: Option<Explained>,
        colors: Vec<Plain>,
        times: Vec<Explained>,
        #[schemars(email)]
        email: String,
        #[schemars(length(min = 2, max = 5))]
        code: String,
    }

    #[test]
    fn a_form_has_what_clients_can_show() {
        let Form { shown, constraints } = form_of::<Everything>();
        assert_eq!(tool_schema::form_problems(&shown), [""; 0], "{shown:#}");
        assert_eq!(constraints, None);
        let times = json!([
            // Schemars puts those without a doc comment first.
            { "const": "night", "title": "night" },
            { "const": "morning", "title": "Until noon" },
            { "const": "afternoon", "title": "Until dusk" },
        ]);
        let expected = json!({
            "type": "object",
            "properties": {
                "name": { "description": "Your name", "type": "string" },
                "nickname": { "type": "string" },
                "age": { "type": "integer", "minimum": 0, "maximum": 255 },
                "large": { "type": "integer" },
                "score": { "type": "number" },
                "agreed": { "type": "boolean", "default": false },
                "color": { "type": "string", "enum": ["Red", "Green"] },
                "other_color": { "type": "string", "enum": ["Red", "Green"] },
                "time": { "type": "string", "oneOf": times },
                "other_time": { "type": "string", "oneOf": times },
                "colors": { "type": "array", "items": { "type": "string", "enum": ["Red", "Green"] } },
                "times": { "type": "array", "items": { "anyOf": times } },
                "email": { "type": "string", "format": "email" },
                "code": { "type": "string", "minLength": 2, "maxLength": 5 },
            },
            "required": [
                "name", "age", "large", "score", "color", "time", "colors", "times", "email", "code",
            ],
        });
        assert_eq!(shown, expected, "{shown:#}");
    }

    #[test]
    fn types_that_no_form_can_hold_are_left_for_the_host_to_refuse() {
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is looked at")]
        struct Nested {
            inner: Everything,
        }
        // One of several is to be there: clients would let people leave both out.
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is looked at")]
        struct Either {
            name: String,
            #[serde(flatten)]
            how: How,
        }
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is looked at")]
        enum How {
            Mail(String),
            Phone(String),
        }
        for form in [
            form_of::<Nested>(),
            form_of::<Either>(),
            form_of::<How>(),
            form_of::<Vec<u8>>(),
            form_of::<String>(),
            form_of::<Value>(),
        ] {
            let problems = tool_schema::form_problems(&form.shown);
            assert!(!problems.is_empty(), "{form:?}");
        }
        #[derive(JsonSchema)]
        struct Nothing {}
        assert_eq!(
            form_of::<Nothing>().shown,
            json!({ "type": "object", "properties": {} })
        );
    }

    #[test]
    fn constraints_that_forms_cannot_show_reach_the_host() {
        #[derive(JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only its schema is looked at")]
        struct Order {
            #[schemars(regex(pattern = "^[A-Z]{2}$"))]
            country: Option<String>,
            #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 10))]
            count: u8,
            #[schemars(extend("exclusiveMinimum" = 0))]
            price: f64,
        }
        let Form { shown, constraints } = form_of::<Order>();
        assert_eq!(
            shown,
            json!({
                "type": "object",
                "properties": {
                    "country": { "type": "string" },
                    "count": { "type": "integer", "minimum": 1, "maximum": 9 },
                    "price": { "type": "number" },
                },
                "required": ["count", "price"],
            })
        );
        let form = tool_schema::Form::new(&shown, constraints.as_ref()).expect("a form");
        let order = |country: Value, count: Value, price: Value| {
            json!({
                "action": "accept",
                "content": { "country": country, "count": count, "price": price },
            })
        };
        for (order, fits) in [
            (order(json!("DE"), json!(1), json!(0.5)), true),
            (order(Value::Null, json!("9"), json!(1)), true),
            (order(json!("Germany"), json!(1), json!(0.5)), false),
            (order(json!("DE"), json!(0), json!(0.5)), false),
            (order(json!("DE"), json!(10), json!(0.5)), false),
            (order(json!("DE"), json!(1), json!(0)), false),
        ] {
            assert_eq!(form.check_answer(&order).is_ok(), fits, "{order}");
        }
    }
}
