//! `initialize`: the revision that a client gets.

use mcp_protocol::{ClientRequest, Headers, Route, route};
use serde_json::{Value, json};

use crate::post::{post, request};

#[test]
fn a_client_gets_the_revision_it_asks_for_or_the_newest_with_a_handshake() {
    for (params, expected) in [
        (
            json!({ "protocolVersion": "2024-11-05" }),
            "initialize 2024-11-05 id 1",
        ),
        (
            json!({ "protocolVersion": "2025-03-26" }),
            "initialize 2025-03-26 id 1",
        ),
        (
            json!({ "protocolVersion": "2025-06-18" }),
            "initialize 2025-06-18 id 1",
        ),
        (
            json!({ "protocolVersion": "2025-11-25" }),
            "initialize 2025-11-25 id 1",
        ),
        // It has no handshake, and cannot be negotiated in one.
        (
            json!({ "protocolVersion": "2026-07-28" }),
            "initialize 2025-11-25 id 1",
        ),
        (
            json!({ "protocolVersion": "1999-01-01" }),
            "initialize 2025-11-25 id 1",
        ),
        (
            json!({ "protocolVersion": "2030-01-01" }),
            "initialize 2025-11-25 id 1",
        ),
        (
            json!({ "protocolVersion": "DRAFT-2026-v1" }),
            "initialize 2025-11-25 id 1",
        ),
        (
            json!({ "protocolVersion": " 2024-11-05" }),
            "initialize 2025-11-25 id 1",
        ),
        (
            json!({ "protocolVersion": "" }),
            "initialize 2025-11-25 id 1",
        ),
        (
            json!({ "protocolVersion": null }),
            "initialize 2025-11-25 id 1",
        ),
        (json!({}), "initialize 2025-11-25 id 1"),
        (json!({ "protocolVersion": 20241105 }), "200 -32602 id 1"),
        (
            json!({ "protocolVersion": ["2024-11-05"] }),
            "200 -32602 id 1",
        ),
        (json!(["2024-11-05"]), "200 -32602 id 1"),
        (json!("2024-11-05"), "200 -32602 id 1"),
        // Some clients write null for absent params.
        (Value::Null, "initialize 2025-11-25 id 1"),
    ] {
        let body = request("initialize", params).to_string();
        assert_eq!(post(None, &body), expected, "body: {body}");
    }
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    assert_eq!(post(None, bare), "initialize 2025-11-25 id 1");
}

#[test]
fn the_clients_description_is_kept_unchanged() {
    for (params, expected) in [
        (
            r#"{"clientInfo":{"name":"x", "version":"1"}}"#,
            Some(r#"{"name":"x", "version":"1"}"#),
        ),
        (r#"{"clientInfo":null}"#, None),
        ("{}", None),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{params}}}"#);
        let Route::Request(request) = route(Headers::default(), body.as_bytes()) else {
            panic!("no request: {body}");
        };
        let ClientRequest::Initialize { client, .. } = request.method else {
            panic!("not initialize: {body}");
        };
        assert_eq!(client.map(|client| client.get()), expected, "body: {body}");
    }
}
