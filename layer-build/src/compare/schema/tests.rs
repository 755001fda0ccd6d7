//! Pairs of schemas, each compared for both sides, with the verdicts checked by values.

use serde_json::{Value, json};
use tool_schema::Schema;

use super::{difference::Direction, differences};

/// The effect of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    Narrower,
    Wider,
    Both,
}

use Verdict::{Both, Narrower, Same, Wider};

fn verdict(old: &Value, new: &Value) -> Verdict {
    let found = differences(old, new);
    let has = |direction| {
        found
            .iter()
            .any(|found| found.direction == direction || found.direction == Direction::Other)
    };
    match (has(Direction::Narrower), has(Direction::Wider)) {
        (false, false) => Same,
        (true, false) => Narrower,
        (false, true) => Wider,
        (true, true) => Both,
    }
}

/// Returns a closed object with these properties, of which these are required.
fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn pairs() -> Vec<(Value, Value, Verdict)> {
    let text = json!({ "type": "string" });
    let whole = json!({ "type": "integer" });
    let node = |value: &Value| {
        json!({
            "$ref": "#/$defs/node",
            "$defs": { "node": object(json!({ "value": value, "left": { "$ref": "#/$defs/node" }, "right": { "$ref": "#/$defs/node" } }), &[]) },
        })
    };
    vec![
        // Descriptions.
        (text.clone(), text.clone(), Same),
        (
            json!({ "type": "string", "description": "a" }),
            json!({ "type": "string", "description": "b", "default": "x" }),
            Same,
        ),
        (
            json!({ "type": "integer", "format": "int32" }),
            json!({ "type": "integer", "format": "int64" }),
            Same,
        ),
        // Types.
        (whole.clone(), json!({ "type": "number" }), Wider),
        (json!({ "type": "number" }), whole.clone(), Narrower),
        (whole.clone(), text.clone(), Both),
        (text.clone(), json!({ "type": ["string", "null"] }), Wider),
        (
            json!({ "type": ["string", "null"] }),
            text.clone(),
            Narrower,
        ),
        (json!({}), text.clone(), Narrower),
        (json!(false), text.clone(), Wider),
        (json!(true), json!({}), Same),
        // The same schema in another form.
        (
            json!({ "type": ["string", "null"] }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
            Same,
        ),
        (json!({ "enum": ["a"] }), json!({ "const": "a" }), Same),
        (
            json!({ "type": "integer", "exclusiveMinimum": 0 }),
            json!({ "type": "integer", "minimum": 1 }),
            Same,
        ),
        (
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "string" } } }),
            text.clone(),
            Same,
        ),
        // Values.
        (
            text.clone(),
            json!({ "type": "string", "enum": ["a", "b"] }),
            Narrower,
        ),
        (
            json!({ "enum": ["a", "b"] }),
            json!({ "enum": ["a", "b", "c"] }),
            Wider,
        ),
        (
            json!({ "enum": ["a", "b"] }),
            json!({ "enum": ["a", "c"] }),
            Both,
        ),
        (json!({ "const": 1 }), json!({}), Wider),
        // Numbers.
        (
            json!({ "type": "integer", "minimum": 0 }),
            json!({ "type": "integer", "minimum": 1 }),
            Narrower,
        ),
        (
            json!({ "type": "integer", "minimum": 0, "maximum": 9 }),
            json!({ "type": "integer", "maximum": 9 }),
            Wider,
        ),
        (
            json!({ "type": "number", "maximum": 9 }),
            json!({ "type": "number", "exclusiveMaximum": 9 }),
            Narrower,
        ),
        (
            json!({ "type": "number", "minimum": 0 }),
            json!({ "type": "number", "minimum": -1, "maximum": 5 }),
            Both,
        ),
        (
            json!({ "type": "integer", "multipleOf": 2 }),
            json!({ "type": "integer", "multipleOf": 4 }),
            Narrower,
        ),
        (
            json!({ "type": "integer", "multipleOf": 4 }),
            json!({ "type": "integer", "multipleOf": 2 }),
            Wider,
        ),
        (
            json!({ "type": "integer", "multipleOf": 2 }),
            json!({ "type": "integer", "multipleOf": 3 }),
            Both,
        ),
        // Texts.
        (
            json!({ "type": "string", "maxLength": 9 }),
            json!({ "type": "string", "maxLength": 5 }),
            Narrower,
        ),
        (
            json!({ "type": "string", "minLength": 1 }),
            text.clone(),
            Wider,
        ),
        (
            text.clone(),
            json!({ "type": "string", "pattern": "^a" }),
            Narrower,
        ),
        (
            json!({ "type": "string", "pattern": "^a" }),
            json!({ "type": "string", "pattern": "^b" }),
            Both,
        ),
        // Objects.
        (
            object(json!({}), &[]),
            object(json!({ "a": text }), &[]),
            Wider,
        ),
        (
            object(json!({}), &[]),
            object(json!({ "a": text }), &["a"]),
            Both,
        ),
        (
            object(json!({ "a": text }), &[]),
            object(json!({}), &[]),
            Narrower,
        ),
        (
            object(json!({ "a": text }), &[]),
            object(json!({ "a": text }), &["a"]),
            Narrower,
        ),
        (
            object(json!({ "a": text }), &["a"]),
            object(json!({ "a": text }), &[]),
            Wider,
        ),
        (
            object(json!({ "a": whole }), &[]),
            object(json!({ "a": text }), &[]),
            Both,
        ),
        (
            json!({ "type": "object", "additionalProperties": false }),
            json!({ "type": "object" }),
            Wider,
        ),
        (
            json!({ "type": "object" }),
            json!({ "type": "object", "additionalProperties": false }),
            Narrower,
        ),
        (
            json!({ "type": "object", "maxProperties": 2 }),
            json!({ "type": "object", "maxProperties": 1 }),
            Narrower,
        ),
        (
            object(json!({ "a": object(json!({ "b": whole }), &[]) }), &[]),
            object(
                json!({ "a": object(json!({ "b": { "type": "number" } }), &[]) }),
                &[],
            ),
            Wider,
        ),
        // Arrays.
        (
            json!({ "type": "array", "items": whole }),
            json!({ "type": "array", "items": { "type": "number" } }),
            Wider,
        ),
        (
            json!({ "type": "array" }),
            json!({ "type": "array", "items": text }),
            Narrower,
        ),
        (
            json!({ "type": "array", "prefixItems": [text] }),
            json!({ "type": "array", "prefixItems": [text, whole] }),
            Narrower,
        ),
        (
            json!({ "type": "array", "minItems": 1 }),
            json!({ "type": "array", "minItems": 1, "uniqueItems": true }),
            Narrower,
        ),
        // Alternatives.
        (
            json!({ "anyOf": [text, whole] }),
            json!({ "anyOf": [whole, text] }),
            Same,
        ),
        (
            json!({ "anyOf": [text, whole] }),
            json!({ "anyOf": [text, whole, { "type": "null" }] }),
            Wider,
        ),
        (json!({ "anyOf": [text, whole] }), text.clone(), Narrower),
        (
            json!({ "oneOf": [{ "const": "a", "description": "A" }, { "const": "b" }] }),
            json!({ "oneOf": [{ "const": "a" }, { "const": "b" }, { "const": "c" }] }),
            Wider,
        ),
        (
            json!({ "anyOf": [object(json!({ "a": text }), &[]), { "type": "null" }] }),
            json!({ "anyOf": [object(json!({ "a": text }), &["a"]), { "type": "null" }] }),
            Narrower,
        ),
        (
            json!({ "allOf": [{ "minLength": 1 }], "type": "string" }),
            json!({ "allOf": [{ "minLength": 1 }, { "maxLength": 3 }], "type": "string" }),
            Narrower,
        ),
        (
            text.clone(),
            json!({ "type": "string", "not": { "const": "a" } }),
            Narrower,
        ),
        (
            json!({ "not": { "const": "a" } }),
            json!({ "not": { "const": "b" } }),
            Both,
        ),
        // References.
        (
            object(json!({ "a": { "$ref": "#/$defs/x" } }), &[]),
            object(json!({ "a": text }), &[]),
            Both,
        ),
        (node(&whole), node(&json!({ "type": "number" })), Wider),
        (node(&whole), node(&whole), Same),
        // A header that has to repeat an argument.
        (
            object(json!({ "a": { "type": "string" } }), &[]),
            object(
                json!({ "a": { "type": "string", "x-mcp-header": "A" } }),
                &[],
            ),
            Narrower,
        ),
    ]
}

#[test]
fn every_pair_has_the_expected_verdict() {
    let pairs = pairs();
    assert!(pairs.len() >= 25);
    for (old, new, expected) in pairs {
        assert_eq!(
            verdict(&old, &new),
            expected,
            "{old} -> {new}: {:?}",
            differences(&old, &new)
        );
        // The reverse change has the reverse effect.
        let back = match expected {
            Narrower => Wider,
            Wider => Narrower,
            other => other,
        };
        assert_eq!(
            verdict(&new, &old),
            back,
            "{new} -> {old}: {:?}",
            differences(&new, &old)
        );
    }
}

/// An object that is open for any property accepts the same values with a new one.
#[test]
fn a_new_property_of_an_open_object_narrows_nothing() {
    let old = json!({ "type": "object", "properties": {} });
    let new = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    assert_eq!(verdict(&old, &new), Same);
    // A removed property is still accepted, and has no meaning.
    assert_eq!(verdict(&new, &old), Both);
    let required =
        json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] });
    assert_eq!(verdict(&old, &required), Narrower);
}

/// Returns values of every kind, among them some at the bounds of the schemas above.
fn values() -> Vec<Value> {
    let plain = json!([
        null,
        true,
        false,
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        9,
        10,
        -1,
        0.5,
        9.5,
        "",
        "a",
        "b",
        "c",
        "d",
        "ab",
        "abcd",
        "abcdefgh",
        "bcdefghijk",
        [],
        [1],
        ["a"],
        ["a", "a"],
        ["a", 1],
        [1, 1],
        ["a", "b"],
        [0.5],
        [null],
        {},
    ]);
    let plain = plain.as_array().unwrap();
    let inside = plain
        .iter()
        .flat_map(|value| ["a", "b", "value", "other"].map(|name| json!({ name: value })));
    let deeper = plain.iter().flat_map(|value| {
        [("a", "b"), ("left", "value")].map(|(outer, inner)| json!({ outer: { inner: value } }))
    });
    plain
        .iter()
        .cloned()
        .chain(inside)
        .chain(deeper)
        .chain([json!({ "a": "a", "b": 1 })])
        .collect()
}

/// No value may refute a verdict that nothing is lost.
#[test]
fn no_value_refutes_a_verdict() {
    let compiled = |schema: &Value| Schema::compile(&schema.to_string());
    let values = values();
    let mut seen = [0, 0];
    for (old, new, expected) in pairs() {
        // A schema with a dangling reference does not compile.
        let (Ok(before), Ok(after)) = (compiled(&old), compiled(&new)) else {
            continue;
        };
        for value in &values {
            match (before.accepts(value), after.accepts(value)) {
                (true, false) => {
                    seen[0] += 1;
                    assert!(
                        matches!(expected, Narrower | Both),
                        "{old} -> {new} loses {value}"
                    );
                }
                (false, true) => {
                    seen[1] += 1;
                    assert!(
                        matches!(expected, Wider | Both),
                        "{old} -> {new} wins {value}"
                    );
                }
                _ => {}
            }
        }
    }
    assert!(
        seen.iter().all(|count| *count > 100),
        "the values distinguish schemas: {seen:?}"
    );
}

#[test]
fn differences_name_the_place_and_the_value() {
    let old = object(
        json!({ "query": object(json!({ "days": { "type": "integer", "maximum": 7 }, "city": { "type": "string" } }), &["city"]) }),
        &[],
    );
    let new = object(
        json!({ "query": object(json!({ "days": { "type": "integer", "maximum": 5 }, "unit": { "enum": ["C", "F"] } }), &["unit"]) }),
        &[],
    );
    let found: Vec<_> = differences(&old, &new)
        .into_iter()
        .map(|found| format!("{}: {}", found.place, found.what))
        .collect();
    assert_eq!(
        found,
        [
            "query.days: has the largest number 5 now, before 7",
            "query.city: is no longer accepted",
            "query.unit: is new and required",
            "query.unit: is new",
            "query.city: may be absent now",
        ]
    );
}

#[test]
fn mutually_recursive_schemas_are_compared() {
    let defs = |kind: &str| {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let all: serde_json::Map<_, _> = names
            .iter()
            .map(|name| {
                let mut properties: serde_json::Map<_, _> = names
                    .iter()
                    .map(|name| {
                        (
                            (*name).to_owned(),
                            json!({ "$ref": format!("#/$defs/{name}") }),
                        )
                    })
                    .collect();
                properties.insert("leaf".to_owned(), json!({ "type": kind }));
                ((*name).to_owned(), object(Value::Object(properties), &[]))
            })
            .collect();
        json!({ "$ref": "#/$defs/a", "$defs": all })
    };
    assert_eq!(verdict(&defs("integer"), &defs("string")), Both);
    let endless = json!({ "$ref": "#" });
    assert_eq!(verdict(&endless, &json!({ "type": "string" })), Both);
}
