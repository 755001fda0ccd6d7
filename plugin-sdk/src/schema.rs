//! JSON Schemas (2020-12) of arguments and results, by schemars, in the form that MCP clients like best.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::arguments::members_of;

/// The `inputSchema` of a tool whose parameters are the fields of `T`, and whether the host has to validate arguments
/// before the call.
pub fn parameters<T: JsonSchema>() -> (Value, bool) {
    let schema = generate::<T>(SchemaSettings::draft2020_12().for_deserialize());
    let validate = has_constraints(&schema);
    (schema, validate)
}

/// The same of a tool that takes `Args<T>`: where decoding refuses unknown arguments, the schema says so.
pub fn whole<T: JsonSchema + DeserializeOwned>() -> (Value, bool) {
    let (mut schema, validate) = parameters::<T>();
    if schema == Value::Bool(true) {
        schema = Map::new().into();
    }
    let Some(root) = schema.as_object_mut() else {
        return (schema, validate);
    };
    // Of an enum or of anything schemars does not tell it, but arguments always are an object, and MCP wants it said.
    root.entry("type").or_insert_with(|| "object".into());
    if let Some(members) = members_of::<T>() {
        let properties = root.get("properties").and_then(Value::as_object);
        let declared =
            |member: &&str| properties.is_some_and(|properties| properties.contains_key(*member));
        // An alias is decoded, but not declared.
        if members.iter().all(declared) || members.is_empty() {
            root.entry("additionalProperties")
                .or_insert(Value::Bool(false));
        }
    }
    (schema, validate)
}

/// The headers that repeat arguments (MCP's `x-mcp-header`), with JSON pointers to these.
pub(crate) fn headers(input: &Value) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    collect_headers(input, "", &mut headers);
    headers
}

fn collect_headers(schema: &Value, pointer: &str, headers: &mut BTreeMap<String, String>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        if let Some(header) = property.get("x-mcp-header").and_then(Value::as_str) {
            headers.insert(header.to_owned(), pointer.clone());
        }
        collect_headers(property, &pointer, headers);
    }
}

/// The `outputSchema` of a tool that gives back `Json<T>`.
pub(crate) fn output<T: JsonSchema>() -> Value {
    generate::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn generate<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let settings = settings
        .with(|settings| {
            // No `$schema` means 2020-12 in MCP, and many clients cannot follow `$ref`; recursive types keep theirs.
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        })
        .with_transform(RecursiveTransform(bound_integers))
        .with_transform(RecursiveTransform(write_out_properties));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.into()
}

/// Give sized integers up to 32 bits their bounds. Those of 64 bits have none that every client can represent.
fn bound_integers(schema: &mut Schema) {
    let Some(bounds) = schema
        .get("format")
        .and_then(Value::as_str)
        .and_then(integer_bounds)
    else {
        return;
    };
    for (keyword, bound) in ["minimum", "maximum"].into_iter().zip(bounds) {
        if schema.get(keyword).is_none() {
            schema.insert(keyword.to_owned(), bound.into());
        }
    }
}

/// A property of any type is `{}`, not `true`: before 2026-07-28 MCP wants an object for each property.
fn write_out_properties(schema: &mut Schema) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut) {
        if let Ok(property) = <&mut Schema>::try_from(property) {
            property.ensure_object();
        }
    }
}

fn integer_bounds(format: &str) -> Option<[i64; 2]> {
    Some(match format {
        "int8" => [i8::MIN.into(), i8::MAX.into()],
        "int16" => [i16::MIN.into(), i16::MAX.into()],
        "int32" => [i32::MIN.into(), i32::MAX.into()],
        "uint8" => [0, u8::MAX.into()],
        "uint16" => [0, u16::MAX.into()],
        "uint32" => [0, u32::MAX.into()],
        _ => return None,
    })
}

/// Keywords that decoding by serde does not enforce.
const CONSTRAINTS: [&str; 18] = [
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "pattern",
    "uniqueItems",
];

fn has_constraints(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members
            .iter()
            .any(|(keyword, value)| match keyword.as_str() {
                // Property names are not keywords.
                "properties" | "$defs" | "patternProperties" => value
                    .as_object()
                    .is_some_and(|schemas| schemas.values().any(has_constraints)),
                "default" | "enum" | "const" | "examples" => false,
                "minimum" | "maximum" => !is_bound_of_its_format(members, keyword, value),
                keyword if CONSTRAINTS.contains(&keyword) => true,
                _ => has_constraints(value),
            }),
        Value::Array(values) => values.iter().any(has_constraints),
        _ => false,
    }
}

/// Is this `minimum` or `maximum` just what the integer's type says, and so enforced by decoding?
fn is_bound_of_its_format(members: &Map<String, Value>, keyword: &str, value: &Value) -> bool {
    let Some(format) = members.get("format").and_then(Value::as_str) else {
        return false;
    };
    let unsigned_minimum =
        keyword == "minimum" && format.starts_with("uint") && value.as_f64() == Some(0.0);
    let bounds = integer_bounds(format);
    let bound = bounds.map(|[minimum, maximum]| {
        if keyword == "minimum" {
            minimum
        } else {
            maximum
        }
    });
    unsigned_minimum || (bound.is_some() && value.as_i64() == bound)
}
