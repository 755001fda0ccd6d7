//! Results that are what their tool declared, and results that are not.

use serde_json::{Value, json};

use crate::server::tests::server::{Server, legacy, modern};

const FAILED: &str = "failed unexpectedly (request id request-1)";

#[tokio::test]
async fn a_result_that_its_output_schema_refuses_is_a_failure_of_the_tool() {
    let server = Server::start(&[]);
    for (tool, reply, sent) in [
        (
            "typed",
            json!({ "structuredContent": { "celsius": 21.5 } }),
            true,
        ),
        (
            "typed",
            json!({ "structuredContent": { "celsius": 21, "more": [] } }),
            true,
        ),
        (
            "typed",
            json!({ "structuredContent": { "celsius": "21" } }),
            false,
        ),
        ("typed", json!({ "structuredContent": {} }), false),
        ("typed", json!({ "structuredContent": [] }), false),
        ("typed", json!({ "structuredContent": null }), false),
        ("typed", json!({}), false),
        ("typed", json!({ "isError": true }), true),
        (
            "typed",
            json!({ "isError": true, "structuredContent": "anything" }),
            true,
        ),
        ("counted", json!({ "structuredContent": [1, 2] }), true),
        ("counted", json!({ "structuredContent": [] }), true),
        ("counted", json!({ "structuredContent": [1.5] }), false),
        ("counted", json!({ "structuredContent": {} }), false),
        // A schema with an unknown reference accepts nothing.
        ("outward", json!({ "structuredContent": {} }), false),
        // A result without declared schema is not checked.
        ("reply", json!({}), true),
        ("reply", json!({ "structuredContent": "anything" }), true),
        ("reply", json!({ "content": {} }), false),
        ("reply", json!({ "content": null }), false),
    ] {
        for request in [modern(tool, reply.clone()), legacy(tool, reply.clone())] {
            let result = server.answer(&request).await.json()["result"].clone();
            let failed = result["content"][0]["text"]
                .as_str()
                .is_some_and(|text| text == format!("tool {tool} {FAILED}"));
            assert_eq!(!failed, sent, "{tool} {reply}: {result}");
            let is_error = failed || reply["isError"] == true;
            assert_eq!(result["isError"] == true, is_error, "{tool} {reply}");
            if failed {
                assert_eq!(result.get("structuredContent"), None, "{tool} {reply}");
            }
        }
    }
}

#[tokio::test]
async fn structured_results_go_to_revisions_that_know_their_form() {
    let server = Server::start(&[]);
    for (revision, object, array) in [
        ("2024-11-05", false, false),
        ("2025-03-26", false, false),
        ("2025-06-18", true, false),
        ("2025-11-25", true, false),
        ("2026-07-28", true, true),
    ] {
        let sent = |tool, reply: Value| match revision {
            "2026-07-28" => modern(tool, reply),
            _ => legacy(tool, reply).header("mcp-protocol-version", revision),
        };
        for (tool, structured, told) in [
            ("typed", json!({ "celsius": 1 }), object),
            ("counted", json!([1]), array),
        ] {
            let call = sent(tool, json!({ "structuredContent": structured }));
            let result = server.answer(&call).await.json()["result"].clone();
            assert_eq!(
                result.get("structuredContent"),
                told.then_some(&structured),
                "{tool} in {revision}"
            );
            // A client expects such content of a tool with such a schema, and of no other.
            let list = sent("", json!({})).listing();
            let list = server.answer(&list).await.json();
            let tools = list["result"]["tools"].as_array().expect("tools").clone();
            let listed = tools
                .iter()
                .find(|listed| listed["name"] == tool)
                .expect("the tool");
            assert_eq!(
                listed.get("outputSchema").is_some(),
                told,
                "{tool} in {revision}"
            );
        }
    }
}
