//! Checks that the default of each argument satisfies the schema of that argument: a model relies on both.

use serde_json::{Value, json};

use crate::schema::{
    diagnose,
    document::{Document, Keywords, address, properties},
    validator,
};

/// The `$id` that the whole schema gets if it has none.
const ROOT_ID: &str = "urn:tool-schema:whole";

/// Returns the problems of the defaults in an `inputSchema`: in the `properties` of the root, in the `properties` of
/// those, and so on. A default of the wrong type is a problem too, such as null for a number (infinity is written as
/// null in JSON).
///
/// ```
/// let schema = serde_json::json!({
///     "type": "object",
///     "properties": { "days": { "type": "integer", "maximum": 6, "default": 10 } },
/// });
/// assert_eq!(
///     tool_schema::default_problems(&schema),
///     ["the default of /days must be an integer of at most 6, not 10"]
/// );
/// ```
#[must_use]
pub fn default_problems(schema: &Value) -> Vec<String> {
    let mut search = DefaultSearch {
        document: Document::new(schema),
        root: schema,
        seen: Vec::new(),
        defaults: Vec::new(),
    };
    search.collect(schema, "", "");
    // Usually all defaults are right. One compiled schema checks all of them together.
    if search.defaults.is_empty() || search.refusal(&search.defaults).is_none() {
        return Vec::new();
    }
    let problems = search
        .defaults
        .iter()
        .map(|default| search.problems(default));
    problems.flatten().collect()
}

/// A default value, and the schema of the argument that it belongs to.
struct DeclaredDefault<'a> {
    value: &'a Value,
    schema: &'a Value,
    /// A JSON pointer to the schema in the whole schema.
    schema_pointer: String,
    /// A JSON pointer to the argument.
    argument: String,
}

/// The search for defaults.
struct DefaultSearch<'a> {
    document: Document<'a>,
    root: &'a Value,
    /// The addresses of the schemas that have been searched, because schemas may refer to each other in a circle.
    seen: Vec<usize>,
    defaults: Vec<DeclaredDefault<'a>>,
}

impl<'a> DefaultSearch<'a> {
    /// Collects the defaults in the properties of a schema, and of the schema that its `$ref` refers to.
    /// `schema_pointer` is a JSON pointer to the schema in the whole schema, `argument` one to its argument.
    fn collect(&mut self, schema: &'a Value, schema_pointer: &str, argument: &str) {
        let Some(keywords) = schema.as_object() else {
            return;
        };
        if self.seen.contains(&address(schema)) {
            return;
        }
        self.seen.push(address(schema));
        for (name, property) in properties(keywords).into_iter().flatten() {
            let name = name.replace('~', "~0").replace('/', "~1");
            let schema_pointer = format!("{schema_pointer}/properties/{name}");
            let argument = format!("{argument}/{name}");
            self.collect(property, &schema_pointer, &argument);
            if let Some(value) = property.get("default") {
                self.defaults.push(DeclaredDefault {
                    value,
                    schema: property,
                    schema_pointer,
                    argument,
                });
            }
        }
        if let Some(target) = self.document.referenced(keywords) {
            let schema_pointer = local_reference(keywords).unwrap_or_default();
            self.collect(target, schema_pointer, argument);
        }
    }

    fn problems(&self, default: &DeclaredDefault<'a>) -> Vec<String> {
        let Some(refusal) = self.refusal(std::slice::from_ref(default)) else {
            return Vec::new();
        };
        let argument = &default.argument;
        let problems = diagnose::part_problems(self.root, default.schema, default.value, false);
        if problems.is_empty() {
            // For rare keywords, use the validator's message.
            return vec![format!("the default of {argument} does not fit: {refusal}")];
        }
        let problems = problems.iter().map(|problem| {
            let joint = match problem.pointer.as_str() {
                "" => "",
                _ => "does not fit: ",
            };
            format!("the default of {argument} {joint}{problem}")
        });
        problems.collect()
    }

    /// Returns the reason why one of the defaults does not satisfy its schema, if there is one. The schemas are
    /// compiled as parts of the whole schema, because they may refer to it.
    fn refusal(&self, defaults: &[DeclaredDefault<'a>]) -> Option<String> {
        let mut whole = self.root.as_object()?.clone();
        let id = whole.entry("$id").or_insert_with(|| ROOT_ID.into());
        let id = id.as_str()?.to_owned();
        let parts = defaults.iter().map(|default| {
            let reference = format!("{id}#{}", to_uri_fragment(&default.schema_pointer));
            (&default.schema_pointer, json!({ "$ref": reference }))
        });
        let parts: Value = parts.collect();
        let values = defaults
            .iter()
            .map(|default| (&default.schema_pointer, default.value.clone()));
        let values: Value = values.collect();
        // If the schema cannot be compiled, that is not a problem of the defaults.
        let schema = json!({ "properties": parts, "$defs": { "whole": whole } });
        let validator = validator::validator(&schema).ok()?;
        let error = validator.validate(&values).err()?;
        Some(error.masked_with("it").to_string())
    }
}

/// Returns the JSON pointer of a `$ref` within the schema.
fn local_reference(keywords: &Keywords) -> Option<&str> {
    keywords.get("$ref")?.as_str()?.strip_prefix('#')
}

/// Escapes a JSON pointer for the fragment of a URI (RFC 6901, section 6).
fn to_uri_fragment(pointer: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/~-._$".contains(&byte);
    let bytes = pointer.bytes();
    bytes
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_what_their_schemas_accept() {
        let defs = json!({
            "Place": {
                "type": "object",
                "properties": {
                    "lat": { "type": "number", "default": 0 },
                    "near": { "$ref": "#/$defs/Place" },
                },
                "required": ["lat"],
            },
            "Wrong": { "properties": { "a": { "type": "boolean", "default": "yes" } } },
            "Kind": { "enum": ["a", "b"] },
            "a b/%é": { "type": "string" },
        });
        for (property, problems) in [
            (json!({ "type": "integer", "maximum": 6 }), &[][..]),
            (
                json!({ "type": "integer", "maximum": 6, "default": 6 }),
                &[],
            ),
            (json!({ "type": ["integer", "null"], "default": null }), &[]),
            (json!({ "$ref": "#/$defs/Kind", "default": "b" }), &[]),
            (
                json!({ "$ref": "#/$defs/Place", "default": { "lat": 1 } }),
                &[],
            ),
            (
                json!({ "anyOf": [{ "$ref": "#" }, { "type": "null" }], "default": null }),
                &[],
            ),
            (json!({ "items": { "$ref": "#" }, "default": [{}] }), &[]),
            (
                json!({ "properties": { "default": { "type": "object" } } }),
                &[],
            ),
            (json!({ "format": "date", "default": "someday" }), &[]),
            (json!(true), &[]),
            (
                json!({ "type": "integer", "minimum": 0, "maximum": 6, "default": 10 }),
                &["the default of /x~1y é must be an integer from 0 to 6, not 10"],
            ),
            (
                json!({ "type": "number", "default": null }),
                &["the default of /x~1y é must be a number, not null"],
            ),
            (
                json!({ "$ref": "#/$defs/Kind", "default": "c" }),
                &["the default of /x~1y é must be \"a\" or \"b\", not \"c\""],
            ),
            (
                json!({ "$ref": "#/$defs/Place", "default": {} }),
                &["the default of /x~1y é does not fit: /lat is missing (it must be a number)"],
            ),
            (
                json!({ "$ref": "#/$defs/a%20b~1%25%C3%A9", "default": 1 }),
                &["the default of /x~1y é does not fit: it is not of type \"string\""],
            ),
            (
                json!({ "items": { "$ref": "#" }, "default": [1] }),
                &["the default of /x~1y é does not fit: /0 must be an object, not 1"],
            ),
            (
                json!({ "$ref": "#/$defs/Wrong" }),
                &["the default of /x~1y é/a must be true or false, not the string \"yes\""],
            ),
            (
                json!({ "properties": { "n": { "maxItems": 1, "default": [1, 2] } } }),
                &["the default of /x~1y é/n must be an array of at most 1 item, not [1,2]"],
            ),
            (
                json!({ "if": true, "then": { "type": "string" }, "default": 1 }),
                &["the default of /x~1y é does not fit: it is not of type \"string\""],
            ),
        ] {
            for id in [None, Some("https://example.com/tool")] {
                let mut schema = json!({
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": { "x/y é": property },
                    "$defs": defs,
                });
                if let Some(id) = id {
                    schema["$id"] = id.into();
                }
                assert_eq!(default_problems(&schema), problems, "{id:?}: {property}");
            }
        }
    }
}
