//! The schema of a type, in the form that MCP allows for what people fill in: flat, of simple members.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::schema;

/// What members of a form keep of their schemas. Source: PrimitiveSchemaDefinition of MCP 2026-07-28.
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

/// The formats that clients know. Source: StringSchema of MCP 2026-07-28.
const FORMATS: [&str; 4] = ["date", "date-time", "email", "uri"];

/// The form for a type. What no form can have is left as it is: the host refuses it.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let schema = schema::form::<T>();
    let mut form = Map::new();
    for keyword in ["type", "properties", "required"] {
        if let Some(value) = schema.get(keyword) {
            form.insert(keyword.to_owned(), value.clone());
        }
    }
    let properties = form.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut) {
        simplify(property);
        if let Some(members) = property.as_object_mut() {
            members.retain(|keyword, _| KEYWORDS.contains(&keyword.as_str()));
        }
    }
    // Of a struct without fields.
    form.entry("properties")
        .or_insert_with(|| Map::new().into());
    form.into()
}

/// Write what schemars writes in one of the ways that MCP has.
fn simplify(property: &mut Value) {
    without_null(property);
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
}

/// An `Option`: whoever fills a form in leaves out what has no value.
fn without_null(property: &mut Value) {
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
    // Of an enum, whose null is one of the choices.
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

/// The choices of an enum whose variants have doc comments: these are what people see.
fn choices(schema: &mut Value, keyword: &str) {
    let Some(variants) = schema.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let mut titled = Vec::new();
    for variant in variants {
        let description = variant.get("description").or(variant.get("title"));
        let values = match (variant.get("const"), variant["enum"].as_array()) {
            (Some(value), _) => vec![value],
            // Variants without a doc comment stand together.
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
        let form = of::<Everything>();
        assert_eq!(tool_schema::form_problems(&form), [""; 0], "{form:#}");
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
        assert_eq!(form, expected, "{form:#}");
    }

    #[test]
    fn what_no_form_can_have_is_left_for_the_host_to_refuse() {
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is looked at")]
        struct Nested {
            inner: Everything,
        }
        for form in [of::<Nested>(), of::<Vec<u8>>(), of::<String>()] {
            assert!(!tool_schema::form_problems(&form).is_empty(), "{form}");
        }
        #[derive(JsonSchema)]
        struct Nothing {}
        assert_eq!(
            of::<Nothing>(),
            json!({ "type": "object", "properties": {} })
        );
    }
}
