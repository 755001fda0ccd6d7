//! The conversion of return values to the payload of a result.

use std::{collections::BTreeMap, error::Error, fmt, io};

use plugin_sdk::{
    prelude::*,
    serde_json::{Value, json},
};

use crate::{host::call, mcp};

/// The result of a tool with this return type and body.
macro_rules! result {
    (-> $output:ty $body:block) => {{
        #[tool(description = "-")]
        fn f() -> $output $body
        let result = call::<f>("").expect("a result");
        mcp::accept_result(&result);
        result
    }};
}

fn text(text: &str) -> Value {
    json!({"type": "complete", "content": [{"type": "text", "text": text}]})
}

fn error(message: &str) -> Value {
    json!({"type": "complete", "content": [{"type": "text", "text": message}], "isError": true})
}

fn structured(value: Value) -> Value {
    json!({
        "type": "complete",
        "content": [{"type": "text", "text": value.to_string()}],
        "structuredContent": value,
    })
}

fn nothing() -> Value {
    json!({"type": "complete", "content": []})
}

#[test]
fn scalars_are_one_text() {
    for (result, expected) in [
        (
            result!(-> &'static str { "a \"b\"\n\u{0}é" }),
            "a \"b\"\n\u{0}é",
        ),
        (result!(-> String { String::new() }), ""),
        (result!(-> char { 'ß' }), "ß"),
        (result!(-> bool { false }), "false"),
        (result!(-> i8 { -128 }), "-128"),
        (result!(-> u64 { u64::MAX }), "18446744073709551615"),
        (
            result!(-> i128 { i128::MIN }),
            "-170141183460469231731687303715884105728",
        ),
        (result!(-> f32 { 0.1 }), "0.1"),
        (result!(-> f64 { 1e21 }), "1000000000000000000000"),
        (result!(-> f64 { f64::NAN }), "NaN"),
        (
            result!(-> ToolResult { ToolResult::text("made by hand") }),
            "made by hand",
        ),
    ] {
        assert_eq!(result, text(expected));
    }
}

#[test]
fn nothing_is_an_empty_content_list() {
    #[tool(description = "-")]
    fn without_return_type() {}

    assert_eq!(call::<without_return_type>(""), Ok(nothing()));
    assert_eq!(result!(-> () {}), nothing());
    assert_eq!(result!(-> Option<String> { None }), nothing());
    assert_eq!(result!(-> Result<(), String> { Ok(()) }), nothing());
    assert_eq!(result!(-> Option<Json<u8>> { None }), nothing());
}

#[test]
fn a_some_is_converted_like_its_value() {
    assert_eq!(result!(-> Option<u8> { Some(5) }), text("5"));
    assert_eq!(
        result!(-> Option<Json<u8>> { Some(Json(5)) }),
        structured(json!(5))
    );
}

#[derive(Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde", rename_all = "camelCase")]
#[schemars(crate = "plugin_sdk::schemars")]
struct Report {
    total_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[test]
fn json_is_structured_content_and_the_same_as_text() {
    assert_eq!(
        result!(-> Json<Report> { Json(Report { total_count: u64::MAX, note: None }) }),
        structured(json!({"totalCount": u64::MAX}))
    );
    for (result, value) in [
        (
            result!(-> Json<Vec<u8>> { Json(vec![1, 2]) }),
            json!([1, 2]),
        ),
        (result!(-> Json<String> { Json("x".into()) }), json!("x")),
        (result!(-> Json<Option<u8>> { Json(None) }), json!(null)),
        (
            result!(-> Result<Json<BTreeMap<u8, u8>>, ToolError> { Ok(Json([(1, 2)].into())) }),
            json!({"1": 2}),
        ),
    ] {
        assert_eq!(result, structured(value));
    }
}

#[test]
fn a_result_outside_of_json_is_an_error_for_the_operator() {
    #[tool(description = "-")]
    fn f() -> Json<BTreeMap<Option<Vec<u8>>, u8>> {
        Json([(Some(vec![1]), 2)].into())
    }

    let failure = json!({
        "kind": "unavailable",
        "detail": "the result cannot be serialized as JSON: key must be a string",
    });
    assert_eq!(call::<f>(""), Err(failure));
}

/// A failure that has a cause.
#[derive(Debug)]
struct Unreachable(io::Error);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service cannot be reached")
    }
}

impl Error for Unreachable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn unreachable() -> Unreachable {
    Unreachable(io::Error::other("connection refused"))
}

/// An error that shows its causes in the alternate form, as anyhow's does.
struct Alternate;

impl fmt::Display for Alternate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if f.alternate() { "top: cause" } else { "top" })
    }
}

#[test]
fn an_error_is_a_result_with_is_error() {
    for (result, message) in [
        (result!(-> Result<u8, &'static str> { Err("no") }), "no"),
        (result!(-> Result<(), String> { Err("no".into()) }), "no"),
        (
            result!(-> Result<u8, std::num::ParseIntError> { "x".parse() }),
            "invalid digit found in string",
        ),
        (
            result!(-> Result<u8, ToolError> { Err(ToolError::new(format_args!("{}", 1))) }),
            "1",
        ),
        (
            result!(-> Result<Json<u8>, ToolError> { Err("x".parse::<u8>().unwrap_err())? }),
            "invalid digit found in string",
        ),
        (
            result!(-> ToolResult { ToolResult::error("made by hand") }),
            "made by hand",
        ),
    ] {
        assert_eq!(result, error(message));
    }
}

#[test]
fn the_message_of_an_error_has_its_causes() {
    for (result, message) in [
        (
            result!(-> Result<u8, ToolError> { Err(unreachable())? }),
            "the service cannot be reached: connection refused",
        ),
        (
            result!(-> Result<u8, Alternate> { Err(Alternate) }),
            "top: cause",
        ),
        (
            result!(-> Result<u8, Unreachable> { Err(unreachable()) }),
            "the service cannot be reached: connection refused",
        ),
        (
            result!(-> Result<u8, Box<dyn Error>> { Err(unreachable())? }),
            "the service cannot be reached: connection refused",
        ),
        (
            result!(-> Result<u8, Box<dyn Error + Send + Sync>> { Err(unreachable())? }),
            "the service cannot be reached: connection refused",
        ),
        (
            result!(-> anyhow::Result<u8> { Err(anyhow::Error::new(unreachable()).context("no forecast")) }),
            "no forecast: the service cannot be reached: connection refused",
        ),
        (
            result!(-> Result<u8, ToolError> { Err(anyhow::anyhow!("top").context("of anyhow"))? }),
            "of anyhow: top",
        ),
        (
            result!(-> Result<u8, ToolError> { None.ok_or("a text")? }),
            "a text",
        ),
    ] {
        assert_eq!(result, error(message));
    }
}

/// An error that repeats its cause, as many do.
#[derive(Debug)]
struct Repeats(Unreachable);

impl fmt::Display for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no forecast: {}", self.0)
    }
}

impl Error for Repeats {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// An error with an empty message, caused by one with a message.
#[derive(Debug)]
struct Mute(Unreachable);

impl fmt::Display for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Error for Mute {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// A text that is no error.
struct Displayed;

impl fmt::Display for Displayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("displayed")
    }
}

#[test]
fn a_cause_contained_in_the_message_is_not_repeated() {
    let message = "no forecast: the service cannot be reached: connection refused";
    for (result, message) in [
        (
            result!(-> Result<u8, Repeats> { Err(Repeats(unreachable())) }),
            message,
        ),
        (
            result!(-> Result<u8, ToolError> { Err(Repeats(unreachable()))? }),
            message,
        ),
        (
            result!(-> Result<u8, Box<dyn Error>> { Err(Repeats(unreachable()))? }),
            message,
        ),
        (
            result!(-> Result<u8, Mute> { Err(Mute(unreachable())) }),
            "the service cannot be reached: connection refused",
        ),
        (
            result!(-> Result<u8, Displayed> { Err(Displayed) }),
            "displayed",
        ),
        (
            result!(-> Result<u8, Box<dyn Error + Send + Sync>> { Err("a text")? }),
            "a text",
        ),
        (result!(-> Result<u8, char> { Err('x') }), "x"),
        (
            result!(-> Result<u8, fmt::Error> { Err(fmt::Error) }),
            fmt::Error.to_string().as_str(),
        ),
        (
            result!(-> Option<Result<u8, Unreachable>> { Some(Err(unreachable())) }),
            "the service cannot be reached",
        ),
    ] {
        assert_eq!(result, error(message));
    }
}

#[test]
fn a_nested_result_is_converted_like_the_inner_one() {
    assert_eq!(
        result!(-> Result<Result<u8, String>, ToolError> { Ok(Err("inner".into())) }),
        error("inner")
    );
    assert_eq!(
        result!(-> Result<Option<u8>, ToolError> { Ok(Some(1)) }),
        text("1")
    );
}
