//! Large, deep and wild values cost time and message length in proportion, and no stack.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tool_schema::{Schema, coerce};

use crate::{
    Tool,
    types::{Everything, External, Forecast, Node, Shapes, Untagged},
};

/// Returns the time that this thread has spent on a processor: other load on the machine does not count.
fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).expect("a time")
}

/// Runs the work on 10,000 and on 100,000 items. Ten times as many may cost 40 times as much; quadratic work costs 100 times.
#[track_caller]
fn assert_cost_in_proportion(work: impl Fn(usize)) {
    let [few, many] = [10_000, 100_000].map(|count| {
        let start = thread_time();
        work(count);
        thread_time() - start
    });
    assert!(many < few * 40, "10,000: {few:?}, 100,000: {many:?}");
}

fn list_of(item: &str, count: usize) -> String {
    let items = vec![item; count];
    format!("[{}]", items.join(","))
}

#[test]
fn a_hundred_thousand_items_are_no_problem() {
    assert_cost_in_proportion(items_are_no_problem);
}

fn items_are_no_problem(count: usize) {
    let many = |item: &str| list_of(item, count);
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
        format!("/list/{} must be an integer, not null", count - 1)
    );

    let shapes = Tool::of::<Vec<External>>();
    let list = shapes.call(&many(r#"{"Drive":{"speed":"30"}}"#));
    assert_eq!(list, Ok(many(r#"{"Drive":{"speed":30}}"#)));
    let list = shapes.call(&many(r#"{"Drive":{"speed":"fast"}}"#));
    assert_eq!(list.expect_err("a refusal").matches("must be").count(), 3);

    // Inside of alternatives the validator would word them all.
    let untagged = Tool::of::<Untagged>();
    let message = untagged.call(&many("300")).expect_err("a refusal");
    assert_eq!(message.matches("must be").count(), 3, "{message}");
    let message = untagged.call(&format!("{{{}}}", members(count)));
    let message = message.expect_err("a refusal");
    assert!(message.len() < 2000, "{message}");
}

fn members(count: usize) -> String {
    let members: Vec<_> = (0..count).map(|name| format!("\"m{name}\":1")).collect();
    members.join(",")
}

#[test]
fn a_hundred_thousand_unknown_names_make_a_short_message() {
    assert_cost_in_proportion(|count| {
        let message = Tool::of::<Forecast>().call(&format!("{{{}}}", members(count)));
        let message = message.expect_err("a refusal");
        assert_eq!(message.matches("is unknown").count(), 9, "{message}");
        assert!(message.len() < 2000, "{message}");
    });
}

/// Untagged types that contain themselves: each level tries all of them. The message says that the search was stopped.
#[test]
fn a_search_that_would_take_too_long_ends() {
    let part = |name: &str| json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a", name]});
    let schema = json!({"anyOf": [part("b"), part("c"), part("d"), {"type": "integer"}]});
    let mut value = json!("x");
    for _ in 0..13 {
        value = json!({"a": value, "b": 1, "c": 1, "d": 1});
    }
    let schema = Schema::compile(&schema.to_string()).expect("a schema");
    let message = schema.problems(&value);
    assert!(message[0].message.contains("too large"), "{message:?}");
}

#[test]
fn long_texts_are_truncated() {
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
        let message = forecast
            .call(&arguments.to_string())
            .expect_err("a refusal");
        assert!(message.len() < 2500, "{message}");
        assert!(!message.contains(char::is_control), "{message}");
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
            if let Err(message) = outcome {
                assert!(
                    message.contains("/value must be an integer, not"),
                    "{message}"
                );
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
            let message = tool.call(&arguments).expect_err("a refusal");
            assert!(!message.is_empty() && message.len() < 2500, "{message}");
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
fn the_diagnosis_survives_a_value_deeper_than_parsed_json() {
    let schema = r##"{"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]}"##;
    let schema = Schema::compile(schema).expect("a schema");
    let mut value = Value::from("x");
    for _ in 0..127 {
        value = json!([value]);
    }
    let message = schema.problems(&value);
    assert_eq!(message.len(), 1, "{message:?}");
    assert!(message[0].to_string().len() < 500, "{message:?}");
}
