//! Large, deep and wild values cost time and words in proportion, and no stack.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tool_schema::{Schema, coerce};

use crate::{
    Tool,
    types::{Everything, External, Forecast, Node, Shapes, Untagged},
};

/// Far from what it takes, in an unoptimised build on a busy machine, and far below what quadratic work would.
const LONG: Duration = Duration::from_secs(20);

fn many(item: &str) -> String {
    let items = vec![item; 100_000];
    format!("[{}]", items.join(","))
}

#[test]
fn a_hundred_thousand_items_are_no_problem() {
    let start = Instant::now();
    let everything = Tool::of::<Everything>();
    let list = everything.call(&format!(r#"{{"list":{}}}"#, many("\"1\"")));
    assert_eq!(list, Ok(format!(r#"{{"list":{}}}"#, many("1"))));
    let list = everything.call(&format!(r#"{{"list":{}}}"#, many("\"x\"")));
    assert_eq!(list.expect_err("a refusal").matches("must be").count(), 3);
    // As text in a string.
    let list = everything.call(&format!(r#"{{"list":"{}"}}"#, many("1")));
    assert_eq!(list, Ok(format!(r#"{{"list":{}}}"#, many("1"))));
    // A wrong one at the end, after many that are right.
    let list = everything.call(&format!(
        r#"{{"list":{}}}"#,
        many("1").replace("1]", "null]")
    ));
    assert_eq!(
        list.expect_err("a refusal"),
        "/list/99999 must be an integer, not null"
    );

    let shapes = Tool::of::<Vec<External>>();
    let list = shapes.call(&many(r#"{"Drive":{"speed":"30"}}"#));
    assert_eq!(list, Ok(many(r#"{"Drive":{"speed":30}}"#)));
    let list = shapes.call(&many(r#"{"Drive":{"speed":"fast"}}"#));
    assert_eq!(list.expect_err("a refusal").matches("must be").count(), 3);

    // Inside of alternatives the validator would word them all.
    let untagged = Tool::of::<Untagged>();
    let told = untagged.call(&many("300")).expect_err("a refusal");
    assert_eq!(told.matches("must be").count(), 3, "{told}");
    let told = untagged.call(&format!("{{{}}}", members(100_000)));
    let told = told.expect_err("a refusal");
    assert!(told.len() < 2000, "{told}");
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

fn members(count: usize) -> String {
    let members: Vec<_> = (0..count).map(|name| format!("\"m{name}\":1")).collect();
    members.join(",")
}

#[test]
fn a_hundred_thousand_unknown_names_are_told_in_a_few_words() {
    let start = Instant::now();
    let told = Tool::of::<Forecast>().call(&format!("{{{}}}", members(100_000)));
    let told = told.expect_err("a refusal");
    assert_eq!(told.matches("is unknown").count(), 9, "{told}");
    assert!(told.len() < 2000, "{told}");
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

/// Untagged types that contain themselves: each level tries all of them.
#[test]
fn a_search_that_would_take_too_long_ends() {
    let start = Instant::now();
    let part = |name: &str| json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a", name]});
    let schema = json!({"anyOf": [part("b"), part("c"), part("d"), {"type": "integer"}]});
    let mut value = json!("x");
    for _ in 0..13 {
        value = json!({"a": value, "b": 1, "c": 1, "d": 1});
    }
    let schema = Schema::compile(&schema.to_string()).expect("a schema");
    let told = schema.problems(&value);
    assert!(told[0].message.contains("too large"), "{told:?}");
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

#[test]
fn texts_are_cut() {
    let long = "ü".repeat(1_000_000);
    let forecast = Tool::of::<Forecast>();
    for arguments in [
        json!({"city": {&long: 1}}),
        json!({"city": "a", "unit": long}),
        json!({"city": "a", &long: 1}),
        json!({"city": "a", "days": long}),
        json!({"city": "a", "days": [long]}),
        json!({"city": "a", "\u{0}\n\u{7}": 1}),
        json!({"city": "a", "place": {"latitude": {&long: {&long: 1}}}}),
        json!([long]),
    ] {
        let told = forecast
            .call(&arguments.to_string())
            .expect_err("a refusal");
        assert!(told.len() < 2500, "{told}");
        assert!(!told.contains(char::is_control), "{told}");
    }
}

#[test]
fn depth_costs_no_stack() {
    // serde_json reads 127 levels.
    let node = Tool::of::<Node>();
    for (inner, is_taken) in [(r#""1""#, true), ("true", false)] {
        for depth in [1, 30, 31, 61, 62, 63] {
            let text = format!(
                r#"{}{{"value":{inner}}}{}"#,
                r#"{"value":1,"children":["#.repeat(depth - 1),
                "]}".repeat(depth - 1)
            );
            // Coercion follows 64 levels, two of them for each node.
            let outcome = node.call(&text);
            assert_eq!(
                outcome.is_ok(),
                is_taken && depth <= 32,
                "depth: {depth}, {outcome:?}"
            );
            if let Err(told) = outcome {
                assert!(told.contains("/value must be an integer, not"), "{told}");
            }
        }
    }
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    for tool in [
        Tool::of::<Everything>(),
        Tool::of::<Shapes>(),
        Tool::of::<Untagged>(),
    ] {
        for arguments in [
            deep.clone(),
            "[".repeat(100_000),
            format!("{}1{}", r#"{"a":"#.repeat(127), "}".repeat(127)),
            format!(r#"{{"nested":{:?}}}"#, deep),
        ] {
            let told = tool.call(&arguments).expect_err("a refusal");
            assert!(!told.is_empty() && told.len() < 2500, "{told}");
        }
    }
}

#[test]
fn recursive_schemas_end() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#/allOf/0"}]}),
        json!({"items": {"$ref": "#"}, "anyOf": [{"$ref": "#"}, {"type": "integer"}]}),
        json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"type": "null"}]}}}),
    ] {
        let mut value = json!("1");
        for _ in 0..60 {
            value = json!({"a": value, "b": [1]});
        }
        assert!(!coerce(&schema, &mut value), "schema: {schema}");
    }
}

#[test]
fn a_value_deeper_than_json_that_was_read_is_no_problem_for_the_search() {
    let schema = r##"{"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]}"##;
    let schema = Schema::compile(schema).expect("a schema");
    let mut value = Value::from("x");
    for _ in 0..127 {
        value = json!([value]);
    }
    let told = schema.problems(&value);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].to_string().len() < 500, "{told:?}");
}
