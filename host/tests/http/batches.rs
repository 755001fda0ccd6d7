//! Batches: several legacy messages in one POST, which revision 2025-03-26 has.

use serde_json::{Value, json};

use crate::server::{Answered, Server, post, with_body};

/// Posts a batch, in a session and with a version if they are given.
fn batch(
    server: &Server,
    session: Option<&str>,
    version: Option<&str>,
    messages: &Value,
) -> Answered {
    let mut request = post();
    for (name, value) in [
        ("Mcp-Session-Id", session),
        ("MCP-Protocol-Version", version),
    ] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    server.answer(&with_body(request, &messages.to_string()))
}

fn request(id: Value, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn ping() -> Value {
    json!([request(json!(1), "ping", json!({}))])
}

#[test]
fn a_batch_is_taken_where_its_revision_has_it() {
    let server = Server::greeting();
    let unknown = uuid::Uuid::new_v4().to_string();
    let taken = json!([{ "jsonrpc": "2.0", "id": 1, "result": {} }]);
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let session = server.session(revision);
        let has_batches = revision == "2025-03-26";
        for (session, version) in [
            (Some(session.as_str()), None),
            (Some(session.as_str()), Some(revision)),
            (None, Some(revision)),
            (Some(unknown.as_str()), Some(revision)),
        ] {
            let answered = batch(&server, session, version, &ping());
            if has_batches {
                assert_eq!(answered.json(), taken, "{session:?} {version:?}");
            } else {
                assert_eq!(answered.outcome(), "400 -32600", "{session:?} {version:?}");
                assert_eq!(answered.json().get("id"), None);
            }
        }
    }
    // A message that names no revision is of 2025-03-26.
    for session in [None, Some(unknown.as_str())] {
        let answered = batch(&server, session, None, &ping());
        assert_eq!(answered.json(), taken, "{session:?}");
    }
    for version in ["2026-07-28", "2030-01-01"] {
        let answered = batch(&server, None, Some(version), &ping());
        assert_eq!(answered.outcome(), "400 -32600", "{version}");
    }
}

#[test]
fn every_request_of_a_batch_is_answered_and_nothing_else() {
    let server = Server::greeting();
    let session = server.session("2025-03-26");
    let messages = json!([
        request(json!("a"), "ping", json!({})),
        { "jsonrpc": "2.0", "method": "notifications/initialized" },
        { "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "a" } },
        request(json!(2), "tools/list", json!({})),
        { "jsonrpc": "2.0", "id": 99, "result": {} },
        request(json!(3), "tools/call", json!({ "name": "nope" })),
        request(json!(4), "logging/setLevel", json!({ "level": "info" })),
        request(json!(5), "prompts/list", json!({})),
        request(json!(6), "initialize", json!({ "protocolVersion": "2025-03-26" })),
        request(json!(7), "tools/call", json!({ "name": "greet" })),
        1,
    ]);
    let answered = batch(&server, Some(&session), None, &messages);
    assert_eq!(answered.status(), 200);
    assert_eq!(answered.header("mcp-session-id"), None);
    let answers = answered.json();
    let outcomes: Vec<_> = answers
        .as_array()
        .expect("an array")
        .iter()
        .map(|answer| match answer.pointer("/error/code") {
            Some(code) => format!("{} {code}", answer["id"]),
            None => answer["id"].to_string(),
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            "\"a\"",
            "2",
            "3 -32602",
            "4",
            "5 -32601",
            "6 -32600",
            "7",
            "null -32600"
        ]
    );
    assert_eq!(answers[7].get("id"), None);
    assert_eq!(answers[1]["result"]["tools"][0]["name"], "greet");
    assert_eq!(answers[6]["result"]["isError"], true);
}

#[test]
fn a_batch_that_asks_for_nothing_is_accepted_without_a_body() {
    let server = Server::greeting();
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let response = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    for messages in [
        json!([notification]),
        json!([response]),
        json!([notification, response]),
    ] {
        let answered = batch(&server, None, None, &messages);
        assert_eq!(answered.status(), 202, "{messages}");
        assert_eq!(answered.body(), b"", "{messages}");
        assert_eq!(answered.header("content-type"), None, "{messages}");
    }
}

#[test]
fn a_batch_in_an_ended_session_is_refused() {
    let server = Server::greeting();
    let session = server.session("2025-03-26");
    assert_eq!(server.delete(Some(&session)).status(), 204);
    for version in [None, Some("2025-03-26"), Some("2025-06-18")] {
        let answered = batch(&server, Some(&session), version, &ping());
        assert_eq!(answered.outcome(), "404 -32600", "{version:?}");
    }
}
