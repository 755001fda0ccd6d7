//! Every kind of content and result, in MCP's form.

use plugin_sdk::{
    Resource, ResourceLink, Role,
    prelude::*,
    serde_json::{Value, json, value::RawValue},
};

use crate::{
    host::{Plugin, call},
    mcp,
};

/// The payload of a tool's result, which MCP's schema accepts.
macro_rules! result {
    (-> $output:ty $body:block) => {{
        #[tool(description = "-")]
        fn f() -> $output $body
        let result = call::<f>("").expect("a result");
        mcp::accept_result(&result);
        result
    }};
}

fn link() -> ResourceLink {
    ResourceLink {
        uri: "https://example.com/data.csv".into(),
        name: "data".into(),
        ..ResourceLink::default()
    }
}

#[test]
fn every_kind_of_content_is_written_as_mcp_has_it() {
    for (content, expected) in [
        (Content::text("a"), json!({"type": "text", "text": "a"})),
        (Content::from("a"), json!({"type": "text", "text": "a"})),
        (Content::text(""), json!({"type": "text", "text": ""})),
        (
            Content::image([0xff, 0], "image/png"),
            json!({"type": "image", "data": "/wA=", "mimeType": "image/png"}),
        ),
        (
            Content::audio(b"", "audio/wav"),
            json!({"type": "audio", "data": "", "mimeType": "audio/wav"}),
        ),
        (
            Content::link(link()),
            json!({"type": "resource_link", "uri": "https://example.com/data.csv", "name": "data"}),
        ),
        (
            Content::from(ResourceLink {
                title: Some("Data".into()),
                description: Some("All of it.".into()),
                mime_type: Some("text/csv".into()),
                size: Some(9_007_199_254_740_991),
                ..link()
            }),
            json!({
                "type": "resource_link", "uri": "https://example.com/data.csv", "name": "data", "title": "Data",
                "description": "All of it.", "mimeType": "text/csv", "size": 9_007_199_254_740_991_u64,
            }),
        ),
        (
            Content::resource(
                Resource::text("file:///a.md", "# A").with_mime_type("text/markdown"),
            ),
            json!({"type": "resource", "resource": {"uri": "file:///a.md", "mimeType": "text/markdown", "text": "# A"}}),
        ),
        (
            Content::from(Resource::blob("file:///a", [1, 2, 3])),
            json!({"type": "resource", "resource": {"uri": "file:///a", "blob": "AQID"}}),
        ),
    ] {
        assert_eq!(
            plugin_sdk::serde_json::to_value(&content).ok(),
            Some(expected.clone())
        );
        mcp::accept("ContentBlock", &expected);

        let annotated = content
            .for_audience([Role::User, Role::Assistant])
            .with_priority(0.25)
            .with_last_modified("2026-01-12T15:00:58Z")
            .with_meta("example.com/source", json!([1]))
            .with_meta("example.com/source", "replaced");
        let annotated = plugin_sdk::serde_json::to_value(annotated).expect("JSON");
        mcp::accept("ContentBlock", &annotated);
        let mut both = expected;
        both["annotations"] = json!({"audience": ["user", "assistant"], "priority": 0.25, "lastModified": "2026-01-12T15:00:58Z"});
        both["_meta"] = json!({"example.com/source": "replaced"});
        assert_eq!(annotated, both);
    }
}

#[test]
fn a_priority_is_between_0_and_1_or_is_none() {
    for (given, written) in [
        (0.5, json!(0.5)),
        (-1.0, json!(0.0)),
        (7.0, json!(1.0)),
        (f64::INFINITY, json!(1.0)),
        (f64::NEG_INFINITY, json!(0.0)),
    ] {
        let content = plugin_sdk::serde_json::to_value(Content::text("a").with_priority(given));
        let content = content.expect("JSON");
        assert_eq!(
            content["annotations"]["priority"], written,
            "priority: {given}"
        );
        mcp::accept("ContentBlock", &content);
    }
    let content = Content::text("a")
        .with_priority(0.5)
        .with_priority(f64::NAN);
    assert_eq!(content, Content::text("a"));
    assert_eq!(Content::text("a").for_audience([]), Content::text("a"));
}

#[test]
fn content_alone_or_in_a_list_is_a_result() {
    let texts = |texts: &[&str]| {
        let blocks: Vec<_> = texts
            .iter()
            .map(|text| json!({"type": "text", "text": text}))
            .collect();
        json!({"type": "complete", "content": blocks})
    };
    assert_eq!(result!(-> Content { Content::text("a") }), texts(&["a"]));
    assert_eq!(
        result!(-> Vec<Content> { vec!["a".into(), "b".into()] }),
        texts(&["a", "b"])
    );
    assert_eq!(result!(-> Vec<Content> { vec![] }), texts(&[]));
    assert_eq!(
        result!(-> [Content; 2] { ["a".into(), String::from("b").into()] }),
        texts(&["a", "b"])
    );
    assert_eq!(result!(-> Option<Content> { None }), texts(&[]));
    assert_eq!(
        result!(-> Result<Content, String> { Ok("a".into()) }),
        texts(&["a"])
    );
    assert_eq!(result!(-> Box<str> { "a".into() }), texts(&["a"]));
    assert_eq!(
        result!(-> std::borrow::Cow<'static, str> { "a".into() }),
        texts(&["a"])
    );
    assert_eq!(
        result!(-> ResourceLink { link() })["content"][0]["type"],
        "resource_link"
    );
    assert_eq!(
        result!(-> Resource { Resource::blob("a:b", [0; 3000]) })["content"][0]["resource"]["blob"],
        "A".repeat(4000)
    );
}

#[test]
fn a_result_made_by_hand_has_what_it_was_given() {
    assert_eq!(
        result!(-> ToolResult { ToolResult::new() }),
        json!({"type": "complete", "content": []})
    );
    assert_eq!(
        result!(-> ToolResult {
            ToolResult::text("one")
                .with("two")
                .with(link())
                .with_structured(&json!({"a": 1}))
                .with_structured(&[1, 2])
                .with_meta("example.com/a", 1)
                .with_meta("example.com/b", json!({}))
        }),
        json!({
            "type": "complete",
            "content": [
                {"type": "text", "text": "one"},
                {"type": "text", "text": "two"},
                {"type": "resource_link", "uri": "https://example.com/data.csv", "name": "data"},
            ],
            "structuredContent": [1, 2],
            "_meta": {"example.com/a": 1, "example.com/b": {}},
        })
    );
    assert_eq!(
        result!(-> ToolResult { ToolResult::error("no").with_structured(&json!({"why": "no"})).with_meta("example.com/a", 1) }),
        json!({
            "type": "complete", "content": [{"type": "text", "text": "no"}], "structuredContent": {"why": "no"},
            "isError": true, "_meta": {"example.com/a": 1},
        })
    );
    assert_eq!(
        result!(-> ToolResult { ToolResult::text("no").as_error() })["isError"],
        true
    );
}

#[test]
fn structured_content_outside_of_json_is_an_error_for_the_operator() {
    #[tool(description = "-")]
    fn lost() -> ToolResult {
        ToolResult::text("lost").with_structured(&std::collections::BTreeMap::from([(vec![1], 1)]))
    }

    assert_eq!(
        call::<lost>(""),
        Err(json!({
            "kind": "unavailable",
            "detail": "the result cannot be serialized as JSON: key must be a string",
        }))
    );
    // A number that JSON does not have is nothing.
    assert_eq!(
        result!(-> Json<f64> { Json(f64::NAN) })["structuredContent"],
        Value::Null
    );
}

/// JSON is passed on unchanged.
#[test]
fn raw_json_is_not_read_again() {
    let raw = "{ \"b\" : 1.50, \"a\":[ ] }";
    let result = result!(-> Json<Box<RawValue>> {
        Json(RawValue::from_string("{ \"b\" : 1.50, \"a\":[ ] }".to_owned()).expect("JSON"))
    });
    assert_eq!(result["content"][0]["text"], raw);
    assert_eq!(result["structuredContent"], json!({"b": 1.5, "a": []}));
}

#[test]
fn a_protocol_error_fails_the_call_itself() {
    #[tool(description = "-")]
    fn fails(code: i32, nested: bool) -> Result<Result<u8, ToolError>, ToolError> {
        let error = ToolError::protocol(code, format_args!("code {code}"));
        if nested { Ok(Err(error)) } else { Err(error) }
    }

    #[tool(description = "-")]
    fn always() -> ToolError {
        ToolError::protocol(-32602, "always")
    }

    let plugin = Plugin::of::<fails>();
    for code in [-32602, -32603, 0, 7, i32::MIN, i32::MAX] {
        for nested in [true, false] {
            let body = json!({"code": code, "nested": nested}).to_string();
            assert_eq!(
                plugin.call("fails", &body),
                Err(json!({"kind": "protocol", "code": code, "public": format!("code {code}")})),
                "{body}"
            );
        }
    }
    assert_eq!(
        call::<always>(""),
        Err(json!({"kind": "protocol", "code": -32602, "public": "always"}))
    );
    assert_eq!(
        result!(-> ToolError { ToolError::new("a failure") }),
        json!({"type": "complete", "content": [{"type": "text", "text": "a failure"}], "isError": true})
    );
}

#[test]
fn a_protocol_error_stays_one_through_a_question_mark() {
    #[tool(description = "-")]
    fn asks() -> Result<u8, ToolError> {
        Err(ToolError::protocol(9, "passed on"))?
    }

    assert_eq!(
        call::<asks>(""),
        Err(json!({"kind": "protocol", "code": 9, "public": "passed on"}))
    );
}
