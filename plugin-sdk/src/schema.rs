//! JSON Schemas (2020-12) of arguments and results. schemars makes them; this module simplifies them for MCP clients,
//! many of which support only a part of JSON Schema.

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::runtime::{arguments::members_of, failure::Failure};

/// Returns the `inputSchema` of a tool whose parameters are the fields of `T`, and whether the host must validate
/// arguments against it before the call.
///
/// # Errors
/// Never fails. It returns a `Result` only to have the same signature as [`custom_input_schema`].
pub fn parameters_schema<T: JsonSchema>() -> Result<(Value, bool), Failure> {
    Ok(input_schema(|generator| {
        root_schema(generator, T::json_schema)
    }))
}

/// Returns the `inputSchema` of a tool that takes `Args<T>`, and whether the host must validate arguments against it
/// before the call. If decoding rejects unknown arguments, the schema forbids them too.
///
/// # Errors
/// Never fails. It returns a `Result` only to have the same signature as [`custom_input_schema`].
pub fn args_schema<T: JsonSchema + DeserializeOwned>() -> Result<(Value, bool), Failure> {
    let (mut schema, validate) = input_schema(SchemaGenerator::into_root_schema_for::<T>);
    if schema == Value::Bool(true) {
        schema = Map::new().into();
    }
    let is_recursive = schema.to_string().contains(r##""$ref":"#""##);
    let Some(root) = schema.as_object_mut() else {
        return Ok((schema, validate));
    };
    // Schemars writes no `type` for an enum or for `Value`. MCP requires `"type": "object"`, and arguments always are
    // an object.
    root.entry("type").or_insert_with(|| "object".into());
    if let Some(members) = members_of::<T>() {
        let properties = root.get("properties").and_then(Value::as_object);
        let declared =
            |member: &&str| properties.is_some_and(|properties| properties.contains_key(*member));
        // Serde also accepts aliases, which the schema does not declare: forbidding undeclared members would forbid
        // them. In a recursive type, `"$ref": "#"` would apply the keyword to nested values too, for which the type
        // itself decides about unknown members.
        if members.iter().all(declared) && !is_recursive {
            root.entry("additionalProperties")
                .or_insert(Value::Bool(false));
        }
    }
    Ok((schema, validate))
}

fn input_schema(root: Root) -> (Value, bool) {
    let schema = generate(SchemaSettings::draft2020_12().for_deserialize(), root);
    let validate = has_constraints(&schema);
    (schema, validate)
}

/// Parses a custom `inputSchema`. The host always validates arguments against it, because it is unknown which of its
/// constraints decoding enforces.
///
/// # Errors
/// `unavailable` if it is not JSON.
pub fn custom_input_schema(text: &str) -> Result<(Value, bool), Failure> {
    Ok((parse_schema("input_schema", text)?, true))
}

/// Parses a custom `outputSchema`.
///
/// # Errors
/// `unavailable` if it is not JSON.
pub fn custom_output_schema(text: &str) -> Result<Option<Value>, Failure> {
    parse_schema("output_schema", text).map(as_object).map(Some)
}

fn parse_schema(attribute: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let begin: String = text.chars().take(40).collect();
        Failure::unavailable(format!("the {attribute} {begin:?} is not JSON: {error}"))
    })
}

/// Returns the `outputSchema` of a tool that returns `Json<T>`.
pub(crate) fn output_schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    as_object(generate(
        settings,
        SchemaGenerator::into_root_schema_for::<T>,
    ))
}

/// Returns the schema of a type from which the form of an elicitation is made.
pub(crate) fn form_schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    generate(settings, SchemaGenerator::into_root_schema_for::<T>)
}

/// Replaces the schema `true` by an empty object: MCP requires an object.
fn as_object(schema: Value) -> Value {
    match schema {
        Value::Bool(true) => Value::Object(Map::new()),
        schema => schema,
    }
}

/// Returns the HTTP headers in which clients repeat arguments (MCP's `x-mcp-header`), with JSON pointers to the
/// arguments: `{"Region": "/region"}`.
pub(crate) fn argument_headers(input_schema: &Value) -> Map<String, Value> {
    let mut headers = Map::new();
    collect_headers(input_schema, "", &mut headers);
    headers
}

fn collect_headers(schema: &Value, pointer: &str, headers: &mut Map<String, Value>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let mut pointer = format!("{pointer}/");
        for c in name.chars() {
            match c {
                '~' => pointer.push_str("~0"),
                '/' => pointer.push_str("~1"),
                c => pointer.push(c),
            }
        }
        collect_headers(property, &pointer, headers);
        if let Some(Value::String(header)) = property.get("x-mcp-header") {
            headers.insert(header.clone(), pointer.into());
        }
    }
}

/// A function that makes the schema of a type.
type Root = fn(SchemaGenerator) -> Schema;

/// Replaces [`SchemaGenerator::into_root_schema_for`] for the structs that `#[tool]` generates from parameters, which
/// are never recursive. That method is compiled once for each type, this function once for all.
fn root_schema(
    mut generator: SchemaGenerator,
    schema: fn(&mut SchemaGenerator) -> Schema,
) -> Schema {
    let mut schema = schema(&mut generator);
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), definitions.into());
    }
    schema
}

fn generate(settings: SchemaSettings, root: Root) -> Value {
    let settings = settings
        .with(|settings| {
            // MCP assumes 2020-12 if a schema has no `$schema`. Many clients cannot follow `$ref`, so it is used only
            // for recursive types.
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        })
        .with_transform(RecursiveTransform(|schema: &mut Schema| {
            bound_integers(schema);
            set_single_header_type(schema);
            expand_boolean_properties(schema);
        }));
    let mut schema = root(settings.into_generator());
    schema.remove("title");
    schema.into()
}

/// Adds the minimum and maximum of integer types up to 32 bits. Not every client can represent those of 64 bits.
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

/// Removes null from the types of an argument that a header repeats (MCP's `x-mcp-header`), because such an argument
/// must have a single type. Clients omit the argument instead of sending null.
fn set_single_header_type(schema: &mut Schema) {
    if schema.get("x-mcp-header").is_none() {
        return;
    }
    let types = schema.get("type").and_then(Value::as_array);
    let mut types = types.into_iter().flatten().filter(|name| *name != "null");
    if let (Some(name), None) = (types.next().cloned(), types.next()) {
        schema.insert("type".to_owned(), name);
    }
}

/// Replaces the schema `true` of a property by the equivalent `{}`: revisions of MCP before 2026-07-28 require an
/// object as the schema of each property.
fn expand_boolean_properties(schema: &mut Schema) {
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

/// Reports whether this `minimum` or `maximum` is just the smallest or largest value of the integer type, which
/// decoding enforces anyway.
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
