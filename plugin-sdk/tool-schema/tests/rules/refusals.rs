//! Tables of arguments, with the arguments that the tool gets and the messages for the model.

use serde_json::{Value, json};
use tool_schema::{ArgumentRules, ArgumentsError, Attempt, LazySchema, Schema};

use crate::{
    Tool,
    types::{Everything, Exact, External, Forecast, Internal, Node, Shapes},
};

#[test]
fn refusals_say_where_what_and_the_remedy() {
    let forecast = Tool::of::<Forecast>();
    let shapes = Tool::of::<Shapes>();
    let exact = Tool::of::<Exact>();
    for (tool, arguments, message) in [
        (
            &forecast,
            json!({}),
            "/city is missing (it must be a string)",
        ),
        (
            &forecast,
            json!({"citty": "Bern"}),
            "/city is missing (it must be a string); /citty is unknown (did you mean `city`? there are `city`, `days`, `unit` and `place`)",
        ),
        (
            &forecast,
            json!({"city": "Bern", "City": "Bern"}),
            "/City is unknown (there are `city`, `days`, `unit` and `place`)",
        ),
        (
            &forecast,
            json!({"city": 5}),
            "/city must be a string, not 5",
        ),
        (
            &forecast,
            json!({"city": "Bern", "days": 300}),
            "/days must be an integer from 0 to 255 or null, not 300",
        ),
        (
            &forecast,
            json!({"city": "Bern", "days": "many"}),
            r#"/days must be an integer from 0 to 255 or null, not the string "many""#,
        ),
        (
            &forecast,
            json!({"city": "Bern", "unit": "celcius"}),
            r#"/unit must be "celsius", "fahrenheit" or null, not "celcius" (did you mean "celsius"?)"#,
        ),
        (
            &forecast,
            json!({"city": "Bern", "place": {"latitude": 1.5, "longitud": 2}}),
            "/place/longitude is missing (it must be a number); /place/longitud is unknown (did you mean `longitude`? there are `latitude` and `longitude`)",
        ),
        (
            &forecast,
            json!({"city": "Bern", "place": [1]}),
            "/place must be an object with `latitude` and `longitude` or null, not [1]",
        ),
        (
            &forecast,
            json!([]),
            "must be an object with `city`, not []",
        ),
        (
            &shapes,
            json!({"external": "swim"}),
            r#"/external must be "Walk", "Stand", an object with one of `Drive`, `Fly` and `Pair` or null, not "swim""#,
        ),
        (
            &shapes,
            json!({"external": "walk"}),
            r#"/external must be "Walk", "Stand", an object with one of `Drive`, `Fly` and `Pair` or null, not "walk" (did you mean "Walk"?)"#,
        ),
        (
            &shapes,
            json!({"external": "drive"}),
            r#"/external must be "Walk", "Stand", an object with one of `Drive`, `Fly` and `Pair` or null, not "drive" (did you mean an object with `Drive`?)"#,
        ),
        (
            &shapes,
            json!({"external": {"drive": {"speed": 1}}}),
            r#"/external must be "Walk", "Stand", an object with one of `Drive`, `Fly` and `Pair` or null, not {"drive":{"speed":1}} (did you mean `Drive`?)"#,
        ),
        (
            &shapes,
            json!({"external": {"Drive": {"speed": "fast"}}}),
            r#"/external/Drive/speed must be an integer of at least 0, not the string "fast""#,
        ),
        (
            &shapes,
            json!({"external": {"Drive": {"speed": -1}}}),
            "/external/Drive/speed must be an integer from 0 to 4294967295, not -1",
        ),
        (
            &shapes,
            json!({"external": {"Pair": [1, "a", 2]}}),
            r#"/external/Pair must be an array of 2 items, not [1,"a",2]"#,
        ),
        (
            &shapes,
            json!({"internal": {"kind": "swim"}}),
            r#"/internal/kind must be "walk", "drive" or "count", not "swim""#,
        ),
        (
            &shapes,
            json!({"internal": {"kind": "drives"}}),
            r#"/internal/kind must be "walk", "drive" or "count", not "drives" (did you mean "drive"?)"#,
        ),
        (
            &shapes,
            json!({"internal": {"speed": 1}}),
            r#"/internal/kind is missing (it must be "walk", "drive" or "count")"#,
        ),
        (
            &shapes,
            json!({"internal": {"kind": "drive"}}),
            "/internal/speed is missing (it must be an integer of at least 0)",
        ),
        (
            &shapes,
            json!({"internal": {"kind": "drive", "speed": true}}),
            "/internal/speed must be an integer of at least 0, not true",
        ),
        (
            &shapes,
            json!({"adjacent": {"t": "Many", "c": [1, "x"]}}),
            r#"/adjacent/c/1 must be an integer, not the string "x""#,
        ),
        (
            &shapes,
            json!({"adjacent": {"t": "Drive"}}),
            "/adjacent/c is missing (it must be an object with `speed`)",
        ),
        (
            &shapes,
            json!({"untagged": {"a": "x"}}),
            r#"/untagged/a must be an integer, not the string "x""#,
        ),
        (
            &shapes,
            json!({"untagged": {"z": 1}}),
            r#"/untagged must be an integer, an object with `a`, an object with `b`, an array or null, not {"z":1}"#,
        ),
        (
            &shapes,
            json!({"untagged": 1e30}),
            "/untagged must be an integer from -9223372036854775808 to 9223372036854775807, not 1e+30",
        ),
        (
            &exact,
            json!({"stars": 6, "name": "", "code": "x1", "even": 3, "letter": "ab", "set": [1, 1], "nonzero": 0, "list": []}),
            r#"/stars must be an integer from 1 to 5, not 6; /name must be a string of 1 to 8 characters, not ""; /code must be a string that matches the pattern ^[a-z]+$, not "x1"; /even must be an integer that is a multiple of 2, not 3; /letter must be a string of 1 character, not "ab"; /set must not have the same item twice; /nonzero must not be 0; /list must be an array of at least 1 item, not []"#,
        ),
    ] {
        assert_eq!(
            tool.call(&arguments.to_string()).expect_err("a refusal"),
            message,
            "arguments: {arguments}"
        );
    }
}

#[test]
fn a_refusal_by_the_decoder_alone_is_in_json_terms() {
    let everything = Tool::of::<Everything>();
    let strict = Tool::strict::<Everything>();
    for (tool, arguments, message) in [
        (
            &everything,
            r#"{"int64": 9223372036854775808}"#,
            "/int64 must be an integer from -9223372036854775808 to 9223372036854775807, not 9223372036854775808",
        ),
        (
            &everything,
            r#"{"int64": 9007199254740993.0}"#,
            "/int64 must be an integer, not 9007199254740992.0 (write it without fraction and exponent)",
        ),
        (
            &everything,
            r#"{"uint64": 1e30}"#,
            "/uint64 must be an integer from 0 to 18446744073709551615, not 1e+30",
        ),
        (
            &everything,
            r#"{"float": 1e39}"#,
            "/float must be a number from -3.4028235e38 to 3.4028235e38, not 1e+39",
        ),
        (
            &strict,
            r#"{"int64": 5.0}"#,
            "/int64 must be an integer, not 5.0 (write it without fraction and exponent)",
        ),
        (
            &everything,
            r#"{"int64": 1, "int64": 2}"#,
            "duplicate field `int64`",
        ),
        // Which of the two is meant?
        (
            &everything,
            r#"{"int64": "1", "int64": "2"}"#,
            r#"/int64 must be an integer, not the string "2""#,
        ),
        (
            &everything,
            r#"{"int64": 1e400}"#,
            "they have a number that is too large for 64 bits",
        ),
        (
            &everything,
            r#"{"int64": "#,
            "they are not JSON: EOF while parsing a value",
        ),
    ] {
        assert_eq!(
            tool.call(arguments).expect_err("a refusal"),
            message,
            "arguments: {arguments}"
        );
    }
}

#[test]
fn a_tool_gets_its_arguments_as_sent_or_else_coerced() {
    let forecast = Tool::of::<Forecast>();
    let shapes = Tool::of::<Shapes>();
    let exact = Tool::of::<Exact>();
    let node = Tool::of::<Node>();
    for (tool, arguments, gets) in [
        // Unchanged, with the spaces.
        (&forecast, r#"{ "city": "5" }"#, r#"{ "city": "5" }"#),
        (
            &forecast,
            r#"{"days":"5","city":"5"}"#,
            r#"{"days":5,"city":"5"}"#,
        ),
        (
            &forecast,
            r#"{"city":"a","days":5.0}"#,
            r#"{"city":"a","days":5}"#,
        ),
        (
            &forecast,
            r#"{"city":"a","place":"{\"latitude\":\"1.5\",\"longitude\":2}"}"#,
            r#"{"city":"a","place":{"latitude":1.5,"longitude":2}}"#,
        ),
        // By the decoder, though not by the schema.
        (
            &forecast,
            r#"{"city":"a","place":[1,2]}"#,
            r#"{"city":"a","place":[1,2]}"#,
        ),
        // Other values beside it stay unchanged.
        (
            &forecast,
            r#"{"days":"5","place":{"latitude":0.1234567890123456789,"longitude":1e-7},"city":"\u00e9"}"#,
            r#"{"days":5,"place":{"latitude":0.12345678901234568,"longitude":1e-7},"city":"é"}"#,
        ),
        (
            &shapes,
            r#"{"external":{"Drive":{"speed":"30"}},"internal":{"kind":"drive","speed":30.0},"adjacent":{"t":"Many","c":["1",2.0]},"untagged":{"a":"1"}}"#,
            r#"{"external":{"Drive":{"speed":30}},"internal":{"kind":"drive","speed":30},"adjacent":{"t":"Many","c":[1,2]},"untagged":{"a":1}}"#,
        ),
        (
            &node,
            r#"{"value":1,"children":[{"value":"2","children":[{"value":3.0}]}]}"#,
            r#"{"value":1,"children":[{"value":2,"children":[{"value":3}]}]}"#,
        ),
        // With `validate` as well.
        (
            &exact,
            r#"{"stars":5.0,"name":"a","code":"x","even":"4","letter":"é","set":[1,2],"nonzero":1,"list":[1]}"#,
            r#"{"stars":5,"name":"a","code":"x","even":4,"letter":"é","set":[1,2],"nonzero":1,"list":[1]}"#,
        ),
        (
            &exact,
            r#"{"stars":5.0,"name":"a","code":"x","even":4,"letter":"é","set":[1,2],"nonzero":1,"list":[1]}"#,
            r#"{"stars":5,"name":"a","code":"x","even":4,"letter":"é","set":[1,2],"nonzero":1,"list":[1]}"#,
        ),
    ] {
        assert_eq!(
            tool.call(arguments).as_deref(),
            Ok(gets),
            "arguments: {arguments}"
        );
    }
}

#[test]
fn the_schema_is_compiled_only_when_it_is_needed() {
    let forecast = Tool::of::<Forecast>();
    forecast.call(r#"{"city": "Bern"}"#).expect("a forecast");
    assert!(!forecast.schema.is_compiled());
    forecast.call(r#"{"city": 5}"#).expect_err("a refusal");
    assert!(forecast.schema.is_compiled());
    assert!(!forecast.validate);
    assert_eq!(forecast.got.borrow().len(), 2);
}

#[test]
fn a_validated_tool_never_sees_arguments_outside_of_its_schema() {
    let exact = Tool::of::<Exact>();
    assert!(exact.validate);
    exact.call(r#"{"stars": 6}"#).expect_err("a refusal");
    assert_eq!(exact.got.borrow().len(), 0);
}

#[test]
fn a_strict_tool_sees_its_arguments_once_and_as_they_are() {
    let strict = Tool::strict::<Forecast>();
    let message = strict.call(r#"{"city": "Bern", "days": "5"}"#);
    assert_eq!(
        message.expect_err("a refusal"),
        r#"/days must be an integer from 0 to 255 or null, not the string "5""#
    );
    assert_eq!(strict.got.borrow().len(), 1);
}

#[test]
fn an_invalid_schema_is_not_blamed_on_the_arguments() {
    let rules = ArgumentRules {
        tool: "t",
        schema_text: r#"{"type": 5}"#,
        schema: &LazySchema::default(),
        validate: false,
        strict: false,
    };
    let refused = rules.call_with("{}", |_| Attempt::<()>::DecodeFailed {
        message: String::new(),
    });
    assert!(
        matches!(refused, Err(ArgumentsError::Schema(_))),
        "{refused:?}"
    );
}

#[test]
fn rare_keywords_have_messages_too() {
    for (schema, value, message) in [
        (
            json!({"dependentRequired": {"a": ["b"]}}),
            json!({"a": 1}),
            "/b is missing (`a` requires it)",
        ),
        (
            json!({"enum": ["", "a"]}),
            json!(5),
            r#"must be "" or "a", not 5"#,
        ),
        // The part that refers to the whole cannot be asked alone.
        (
            json!({"properties": {"a": {"not": {"$ref": "#"}}}}),
            json!({"a": 1}),
            "/a does not fit: {\"$ref\":\"#\"} is not allowed for it",
        ),
        (
            json!({"contains": {"type": "integer"}}),
            json!(["a"]),
            "must have at least 1 item(s) of this kind: an integer",
        ),
        (
            json!({"propertyNames": {"pattern": "^x"}}),
            json!({"a": 1}),
            "has a member with a name that is not a string that matches the pattern ^x",
        ),
        (
            json!({"patternProperties": {"^[0-9]+$": {"type": "boolean"}}, "additionalProperties": false}),
            json!({"1": 2, "x": true}),
            "/1 must be true or false, not 2; /x is unknown (names must match the pattern ^[0-9]+$)",
        ),
        (
            json!({"properties": {"city": {}}, "oneOf": [{"properties": {"k": {"const": "a"}}, "required": ["k"]}], "unevaluatedProperties": false}),
            json!({"k": "a", "citty": 1}),
            "/citty is unknown (did you mean `city`? there are `city` and `k`)",
        ),
        (
            json!({"if": {"required": ["a"]}, "then": {"required": ["b"]}}),
            json!({"a": 1}),
            "does not fit: \"b\" is a required property",
        ),
        (
            json!({"properties": {"a": false}}),
            json!({"a": 1}),
            "/a is not allowed",
        ),
        (
            json!({"oneOf": [{"type": "integer"}, {"minimum": 5}]}),
            json!(6),
            "fits more than one of the alternatives that exclude each other",
        ),
        (
            json!({"exclusiveMinimum": 0, "type": "number"}),
            json!(0),
            "must be a number greater than 0, not 0",
        ),
        (
            json!({"const": {"a": 1}}),
            json!(1),
            r#"must be {"a":1}, not 1"#,
        ),
        (
            json!({"allOf": [{"type": "integer"}, {"maximum": 5}]}),
            json!(6),
            "must be a number of at most 5, not 6",
        ),
        (
            json!({"type": "object", "additionalProperties": false}),
            json!({"a/b~c": 1}),
            "/a~1b~0c is unknown (no members are allowed)",
        ),
    ] {
        let compiled = Schema::compile(&schema.to_string()).expect("a schema");
        let problems: Vec<_> = compiled
            .problems(&value)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            problems.join("; "),
            message,
            "schema: {schema}, value: {value}"
        );
    }
}

#[test]
fn a_result_is_checked_against_its_output_schema() {
    let schema = schemars::schema_for!(Internal);
    let schema = Schema::compile(&Value::from(schema).to_string()).expect("a schema");
    let problems = schema.problems(&json!({"kind": "drive", "speed": null}));
    let messages: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        ["/speed must be an integer of at least 0, not null"]
    );
    assert_eq!(schema.problems(&json!({"kind": "walk"})), []);
    let schema = Schema::compile(&Value::from(schemars::schema_for!(External)).to_string());
    assert!(schema.expect("a schema").accepts(&json!("Walk")));
}
