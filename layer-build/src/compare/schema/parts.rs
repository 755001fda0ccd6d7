//! Lookups in one schema: references, alternatives, and the keywords that constrain nothing.

use serde_json::{Map, Value, json};

pub(super) type Schema = Map<String, Value>;

/// Keywords that do not change which values are accepted. (`format` is never checked.)
const ANNOTATIONS: [&str; 12] = [
    "$comment",
    "$id",
    "$schema",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "description",
    "examples",
    "format",
    "readOnly",
    "title",
];

/// The maximum length of a chain of references. Source: ours.
const MAX_REFERENCES: usize = 32;

/// Returns a schema as an object, with its `$ref` replaced by the target.
pub(super) fn resolve(schema: &Value, root: &Value) -> Option<Schema> {
    let mut schema = match schema {
        Value::Object(schema) => schema.clone(),
        Value::Bool(true) => Schema::new(),
        // `false` accepts no value: write it as a schema with an empty list of types.
        _ => [("type".to_owned(), json!([]))].into_iter().collect(),
    };
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = schema.shift_remove("$ref") else {
            return Some(schema);
        };
        let target = root.pointer(reference.as_str()?.strip_prefix('#')?)?;
        let mut target = match target {
            Value::Object(target) => target.clone(),
            Value::Bool(true) => Schema::new(),
            _ => return None,
        };
        // The keywords next to a `$ref` apply too. If the target has the same keyword, the schema cannot be compared.
        for (keyword, value) in schema {
            if target.contains_key(&keyword) && !is_annotation(&keyword) {
                return None;
            }
            target.insert(keyword, value);
        }
        schema = target;
    }
    None
}

pub(super) fn has_references(schema: &Schema) -> bool {
    fn within(value: &Value) -> bool {
        match value {
            Value::Object(members) => has_references(members),
            Value::Array(items) => items.iter().any(within),
            _ => false,
        }
    }
    schema.contains_key("$ref") || schema.values().any(within)
}

/// Returns the alternatives, if the schema consists only of alternatives.
pub(super) fn choices(schema: &Schema) -> Option<&Vec<Value>> {
    let is_besides =
        |keyword: &str| is_annotation(keyword) || matches!(keyword, "$defs" | "definitions");
    ["anyOf", "oneOf"].into_iter().find_map(|keyword| {
        let all = schema.get(keyword)?.as_array()?;
        let is_only = schema.keys().all(|key| key == keyword || is_besides(key));
        is_only.then_some(all)
    })
}

/// Returns the alternatives of any schema. Several types count as alternatives too.
pub(super) fn alternatives(schema: &Schema) -> Vec<Value> {
    if let Some(all) = choices(schema) {
        return all.clone();
    }
    match schema.get("type") {
        Some(Value::Array(types)) if types.len() > 1 && !schema.contains_key("enum") => {
            let of = |kind: &Value| {
                let mut one = schema.clone();
                one.insert("type".to_owned(), kind.clone());
                Value::Object(one)
            };
            types.iter().map(of).collect()
        }
        _ => vec![Value::Object(schema.clone())],
    }
}

pub(super) fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || (keyword.starts_with("x-") && keyword != "x-mcp-header")
}

/// Returns the schema of the members that `properties` does not list.
pub(super) fn additional_properties(schema: &Schema) -> Value {
    schema
        .get("additionalProperties")
        .cloned()
        .unwrap_or(json!(true))
}
