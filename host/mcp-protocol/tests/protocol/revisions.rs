//! Tools and results for each revision: requirements, section 7, the down-level table.

use mcp_protocol::{
    CacheHints, CacheScope, Revision, ServerInfo,
    tools::{self, CallResult, Tool},
};
use serde_json::{Value, json, value::to_raw_value};

pub(crate) fn server() -> ServerInfo {
    ServerInfo {
        name: "a-layer".to_owned(),
        version: "1.2.3".to_owned(),
    }
}

pub(crate) const CACHE: CacheHints = CacheHints {
    ttl_ms: 60_000,
    cache_scope: CacheScope::Public,
};

/// Returns a tool with all members.
pub(crate) fn everything() -> Tool {
    tool(json!({
        "name": "everything",
        "title": "Everything",
        "description": "Has everything.",
        "inputSchema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "region": { "type": "string", "x-mcp-header": "Region" },
                "days": { "$ref": "#/$defs/days" }
            },
            "required": ["region"],
            "additionalProperties": false,
            "$defs": { "days": { "$anchor": "days", "type": "integer", "minimum": 0 } },
            "allOf": [{ "if": { "required": ["days"] }, "then": {}, "else": { "not": {} } }]
        },
        "outputSchema": {
            "type": "object",
            "properties": { "celsius": { "type": "number" } },
            "required": ["celsius"]
        },
        "annotations": {
            "title": "All of it",
            "readOnlyHint": true,
            "destructiveHint": false,
            "idempotentHint": true,
            "openWorldHint": false
        },
        "icons": [{ "src": "https://example.com/i.png", "mimeType": "image/png", "sizes": ["48x48"], "theme": "dark" }],
        "_meta": { "com.example/cost": 3 }
    }))
}

pub(crate) fn tool(tool: Value) -> Tool {
    serde_json::from_value(tool).expect("a tool")
}

fn with_output(schema: Value) -> Tool {
    let mut tool = everything();
    tool.output_schema = Some(to_raw_value(&schema).expect("a schema"));
    tool
}

fn listed(revision: Revision, tool: Tool) -> Value {
    let list = tools::list_result(revision, &[tool], None, &server(), CACHE);
    serde_json::from_str(list.get()).expect("a list is JSON")
}

fn members(value: &Value) -> Vec<&str> {
    let mut members: Vec<_> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    members
}

#[test]
fn a_tool_has_the_members_that_the_revision_knows_and_they_are_unchanged() {
    let all = serde_json::to_value(everything()).expect("a tool is JSON");
    for (revision, expected) in [
        (
            Revision::V2024_11_05,
            &["description", "inputSchema", "name"][..],
        ),
        (
            Revision::V2025_03_26,
            &["annotations", "description", "inputSchema", "name"],
        ),
        (
            Revision::V2025_06_18,
            &[
                "_meta",
                "annotations",
                "description",
                "inputSchema",
                "name",
                "outputSchema",
                "title",
            ],
        ),
        (
            Revision::V2025_11_25,
            &[
                "_meta",
                "annotations",
                "description",
                "icons",
                "inputSchema",
                "name",
                "outputSchema",
                "title",
            ],
        ),
        (
            Revision::V2026_07_28,
            &[
                "_meta",
                "annotations",
                "description",
                "icons",
                "inputSchema",
                "name",
                "outputSchema",
                "title",
            ],
        ),
    ] {
        let list = listed(revision, everything());
        let tool = &list["tools"][0];
        assert_eq!(members(tool), expected, "{revision}");
        for member in expected {
            assert_eq!(tool[member], all[member], "{member} in {revision}");
        }
    }
}

#[test]
fn only_the_modern_list_says_how_long_it_may_be_kept_and_who_made_it() {
    for revision in Revision::ALL {
        let list = listed(revision, everything());
        if revision.is_modern() {
            assert_eq!(
                members(&list),
                ["_meta", "cacheScope", "resultType", "tools", "ttlMs"]
            );
            assert_eq!(list["resultType"], "complete");
            assert_eq!(list["ttlMs"], 60_000);
            assert_eq!(list["cacheScope"], "public");
            assert_eq!(
                list["_meta"]["io.modelcontextprotocol/serverInfo"],
                json!({ "name": "a-layer", "version": "1.2.3" })
            );
        } else {
            assert_eq!(members(&list), ["tools"], "{revision}");
        }
    }
}

#[test]
fn an_output_schema_that_is_not_an_objects_is_withheld_from_legacy_clients() {
    for (schema, is_object) in [
        (json!({ "type": "object" }), true),
        (json!({ "type": "array", "items": {} }), false),
        (json!({ "type": "string" }), false),
        (json!({ "type": ["object", "null"] }), false),
        (
            json!({ "anyOf": [{ "type": "object" }, { "type": "null" }] }),
            false,
        ),
        (json!({}), false),
        (json!(true), false),
        (json!(["object"]), false),
    ] {
        for revision in Revision::ALL {
            let list = listed(revision, with_output(schema.clone()));
            let expected = match revision {
                Revision::V2024_11_05 | Revision::V2025_03_26 => false,
                Revision::V2025_06_18 | Revision::V2025_11_25 => is_object,
                Revision::V2026_07_28 => true,
            };
            assert_eq!(
                list["tools"][0].get("outputSchema"),
                expected.then_some(&schema),
                "{schema} in {revision}"
            );
        }
    }
}

pub(crate) fn result(structured: Option<Value>) -> CallResult {
    CallResult {
        content: to_raw_value(&json!([{ "type": "text", "text": "21 degrees" }])).expect("JSON"),
        structured_content: structured.map(|value| to_raw_value(&value).expect("JSON")),
        is_error: false,
        meta: None,
    }
}

pub(crate) fn worded(revision: Revision, result: CallResult) -> Value {
    serde_json::from_str(result.for_revision(revision, &server()).get()).expect("a result is JSON")
}

#[test]
fn structured_content_goes_to_revisions_that_know_its_form() {
    for (structured, is_object) in [
        (json!({ "celsius": 21.0 }), true),
        (json!({}), true),
        (json!([1]), false),
        (json!("21"), false),
        (json!(21), false),
        (json!(false), false),
        (Value::Null, false),
    ] {
        for revision in Revision::ALL {
            let result = worded(revision, result(Some(structured.clone())));
            let expected = match revision {
                Revision::V2024_11_05 | Revision::V2025_03_26 => false,
                Revision::V2025_06_18 | Revision::V2025_11_25 => is_object,
                Revision::V2026_07_28 => true,
            };
            assert_eq!(
                result.get("structuredContent"),
                expected.then_some(&structured),
                "{structured} in {revision}"
            );
            assert_eq!(result["content"][0]["text"], "21 degrees", "{revision}");
        }
    }
}

#[test]
fn a_result_says_what_kind_it_is_and_who_made_it_only_in_the_modern_era() {
    for revision in Revision::ALL {
        let plain = worded(revision, result(None));
        let failed = worded(revision, CallResult::error("no such city"));
        let marked = worded(
            revision,
            CallResult {
                meta: json!({ "com.example/cost": 3 }).as_object().cloned(),
                ..result(None)
            },
        );
        assert_eq!(failed["isError"], true, "{revision}");
        assert_eq!(
            failed["content"],
            json!([{ "type": "text", "text": "no such city" }])
        );
        assert_eq!(marked["_meta"]["com.example/cost"], 3, "{revision}");
        if revision.is_modern() {
            assert_eq!(members(&plain), ["_meta", "content", "resultType"]);
            assert_eq!(plain["resultType"], "complete");
            for result in [&plain, &failed, &marked] {
                let server = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
                assert_eq!(server["name"], "a-layer");
            }
        } else {
            assert_eq!(members(&plain), ["content"], "{revision}");
            assert_eq!(members(&failed), ["content", "isError"], "{revision}");
            assert_eq!(
                marked["_meta"],
                json!({ "com.example/cost": 3 }),
                "{revision}"
            );
        }
    }
}

#[test]
fn a_tool_cannot_set_the_servers_metadata() {
    let forged = CallResult {
        meta: json!({ "io.modelcontextprotocol/serverInfo": { "name": "bank", "version": "1" } })
            .as_object()
            .cloned(),
        ..result(None)
    };
    let result = worded(Revision::MODERN, forged);
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "a-layer"
    );
}

/// Returns content of every kind.
pub(crate) fn all_content() -> CallResult {
    let blocks = json!([
        { "type": "text", "text": "21", "annotations": { "audience": ["user"], "priority": 0.5 } },
        { "type": "image", "data": "aWNvbg==", "mimeType": "image/png" },
        { "type": "resource", "resource": { "uri": "file:///a", "mimeType": "text/plain", "text": "a" } },
        { "type": "audio", "data": "c291bmQ=", "mimeType": "audio/wav" },
        { "type": "resource_link", "uri": "https://example.com/report", "name": "report", "title": "The report", "description": "All of it." },
        { "type": "resource_link", "uri": "https://example.com/data", "name": "data" }
    ]);
    CallResult {
        content: to_raw_value(&blocks).expect("JSON"),
        ..result(None)
    }
}

#[test]
fn content_that_a_revision_does_not_know_becomes_text_that_says_what_it_was() {
    for (revision, types) in [
        (
            Revision::V2024_11_05,
            ["text", "image", "resource", "text", "text", "text"],
        ),
        (
            Revision::V2025_03_26,
            ["text", "image", "resource", "audio", "text", "text"],
        ),
        (
            Revision::V2025_06_18,
            [
                "text",
                "image",
                "resource",
                "audio",
                "resource_link",
                "resource_link",
            ],
        ),
        (
            Revision::V2025_11_25,
            [
                "text",
                "image",
                "resource",
                "audio",
                "resource_link",
                "resource_link",
            ],
        ),
        (
            Revision::V2026_07_28,
            [
                "text",
                "image",
                "resource",
                "audio",
                "resource_link",
                "resource_link",
            ],
        ),
    ] {
        let result = worded(revision, all_content());
        let blocks = result["content"].as_array().expect("an array");
        let found: Vec<_> = blocks.iter().map(|block| block["type"].as_str()).collect();
        assert_eq!(found, types.map(Some), "{revision}");
    }
    let oldest = worded(Revision::V2024_11_05, all_content());
    let text = |position: usize| oldest["content"][position]["text"].clone();
    assert_eq!(text(3), "(audio, audio/wav: not part of MCP 2024-11-05)");
    assert_eq!(
        text(4),
        "The report: https://example.com/report (All of it.)"
    );
    assert_eq!(text(5), "data: https://example.com/data");
}

#[test]
fn content_that_a_revision_knows_is_passed_on_byte_by_byte() {
    let spaced = r#"[ {"type" : "text", "text":"audio and \u00fcber resource_link"} ]"#;
    for revision in Revision::ALL {
        let result = CallResult {
            content: serde_json::value::RawValue::from_string(spaced.to_owned()).expect("JSON"),
            ..result(None)
        };
        let worded = result.for_revision(revision, &server());
        assert!(worded.get().contains(spaced), "{revision}: {worded}");
    }
}
