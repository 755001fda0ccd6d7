//! Batches: the route of each of their messages.

use serde_json::{Value, json};

use crate::post::{line, post, request};

fn batch(messages: &[Value]) -> String {
    post(None, &json!(messages).to_string())
}

#[test]
fn each_message_is_answered_as_if_it_had_come_alone() {
    let ping = |id: Value| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    for (message, expected) in [
        (ping(json!("a")), r#"legacy ping id "a""#),
        (
            request("tools/list", json!({ "cursor": "x" })),
            r#"legacy tools/list "x" id 1"#,
        ),
        (
            request("tools/call", json!({ "name": "greet" })),
            "legacy tools/call greet id 1",
        ),
        (
            request("prompts/list", json!({})),
            "in session 200 -32601 id 1",
        ),
        (
            request("tools/call", json!({})),
            "in session 200 -32602 id 1",
        ),
        (
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
            "in session 202",
        ),
        (
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } }),
            "cancel 7",
        ),
        (
            json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
            "in session 202",
        ),
        // It must not be in a batch (2025-03-26, "Lifecycle").
        (
            request("initialize", json!({ "protocolVersion": "2025-03-26" })),
            "400 -32600 id 1",
        ),
        (json!({ "jsonrpc": "2.0", "id": 1 }), "400 -32600 id 1"),
        (ping(Value::Null), "400 -32600"),
        (json!(1), "400 -32600"),
        (json!([]), "400 -32600"),
        (json!([ping(json!(1))]), "400 -32600"),
    ] {
        let first = ping(json!(0));
        assert_eq!(
            batch(&[first, message.clone()]),
            format!("legacy [legacy ping id 0, {expected}]"),
            "{message}"
        );
    }
}

#[test]
fn a_batch_has_a_hundred_messages_and_not_one_more() {
    let ping = request("ping", json!({}));
    assert!(batch(&vec![ping.clone(); 100]).starts_with("legacy [legacy ping id 1, "));
    assert_eq!(batch(&vec![ping; 101]), "400 -32600");
    let crowd = format!("[{}1]", "1,".repeat(1_000_000));
    assert_eq!(post(None, &crowd), "400 -32600");
    let unfinished = format!("[{}", "1,".repeat(1_000_000));
    assert_eq!(post(None, &unfinished), "400 -32700");
    // The members of a message, as an array in the order of a reader, are no message.
    let members = r#"["2.0", 1, "tools/list", {}, null, null]"#;
    let refused = ["400 -32600"; 6].join(", ");
    assert_eq!(post(None, members), format!("legacy [{refused}]"));
}

#[test]
fn stdio_has_batches_as_well() {
    let ping = request("ping", json!({}));
    assert_eq!(
        line(&json!([ping, 1]).to_string()),
        "legacy [legacy ping id 1, 400 -32600]"
    );
    assert_eq!(line("[]"), "400 -32600");
}
