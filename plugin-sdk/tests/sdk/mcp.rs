//! The official schema of MCP 2026-07-28, which everything that reaches a client must satisfy.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use plugin_sdk::serde_json::{self, Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/schemas/schema-2026-07-28.json");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("the schema is JSON")
});

fn validator(definition: &str) -> Arc<Validator> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> =
        LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = compiled.entry(definition.to_owned()).or_insert_with(|| {
        assert!(
            DOCUMENT["$defs"].get(definition).is_some(),
            "no {definition} is defined"
        );
        let mut document = DOCUMENT.clone();
        document["$ref"] = json!(format!("#/$defs/{definition}"));
        Arc::new(jsonschema::validator_for(&document).expect("the schema is one"))
    });
    Arc::clone(validator)
}

/// `value` is what MCP calls by this name.
pub(crate) fn accept(definition: &str, value: &Value) {
    let validator = validator(definition);
    let problems: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(
        problems.is_empty(),
        "{definition}: {problems:#?}\n{value:#}"
    );
}

/// A declared Tool is one of MCP, and its schemas are schemas (2020-12).
pub(crate) fn accept_tool(tool: &Value) {
    accept("Tool", tool);
    for schema in ["inputSchema", "outputSchema"] {
        if let Some(schema) = tool.get(schema) {
            if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
                panic!("{error}\n{schema:#}");
            }
            if let Err(error) = tool_schema::Schema::compile(&schema.to_string()) {
                panic!("{error}\n{schema:#}");
            }
        }
    }
}

/// The payload of a result is one of MCP, once the host has given it its type.
pub(crate) fn accept_result(payload: &Value) {
    let mut result = payload.clone();
    let members = result.as_object_mut().expect("an object");
    if let Some(kind) = members.remove("type") {
        members.insert("resultType".to_owned(), kind);
    }
    accept("CallToolResult", &result);
}
