//! Messages over stdio: `_meta` decides the era, and no header is missing.

use serde_json::{Value, json};

use crate::post::{CAPABILITIES, LOG_LEVEL, VERSION, claiming, line, modern, request};

#[test]
fn meta_decides_the_era() {
    let with = |mut params: Value, members: Value| {
        for (name, value) in members.as_object().expect("members") {
            params[name] = value.clone();
        }
        params
    };
    for (message, expected) in [
        (
            request("server/discover", modern()),
            "2026-07-28 server/discover id 1",
        ),
        (
            request("tools/list", modern()),
            "2026-07-28 tools/list id 1",
        ),
        (
            request("tools/call", with(modern(), json!({ "name": "greet" }))),
            "2026-07-28 tools/call greet id 1",
        ),
        (request("initialize", modern()), "404 -32601 id 1"),
        (request("ping", modern()), "404 -32601 id 1"),
        (
            request("tools/call", with(modern(), json!({ "name": 1 }))),
            "200 -32602 id 1",
        ),
        (
            request("tools/list", claiming(json!("2030-01-01"))),
            "400 -32022 id 1",
        ),
        (
            request("tools/list", claiming(json!("2025-11-25"))),
            "400 -32022 id 1",
        ),
        (
            request("tools/list", claiming(Value::Null)),
            "400 -32602 id 1",
        ),
        (
            request("tools/list", json!({ "_meta": { VERSION: "2026-07-28" } })),
            "400 -32602 id 1",
        ),
        (
            request(
                "tools/list",
                json!({ "_meta": { VERSION: "2026-07-28", CAPABILITIES: {}, LOG_LEVEL: "loud" } }),
            ),
            "400 -32602 id 1",
        ),
        (
            request("initialize", json!({ "protocolVersion": "2025-06-18" })),
            "initialize 2025-06-18 id 1",
        ),
        (request("ping", json!({})), "legacy ping id 1"),
        (request("tools/list", json!({})), "legacy tools/list id 1"),
        (
            request("logging/setLevel", json!({ "level": "info" })),
            "legacy logging/setLevel info id 1",
        ),
        (
            request("server/discover", json!({})),
            "in session 200 -32601 id 1",
        ),
        (
            json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
            "in session 202",
        ),
        (json!({}), "400 -32600"),
    ] {
        assert_eq!(line(&message.to_string()), expected, "{message}");
    }
    assert_eq!(line("hello"), "400 -32700");
    assert_eq!(line(""), "400 -32700");
}

#[test]
fn a_request_can_be_cancelled_in_both_eras() {
    let cancelled = |mut params: Value, id: Value| {
        params["requestId"] = id;
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params })
    };
    for (id, expected) in [
        (json!(7), "cancel 7"),
        (json!("7"), r#"cancel "7""#),
        (json!(null), "in session 202"),
        (json!(1.5), "in session 202"),
    ] {
        for params in [json!({}), modern()] {
            let message = cancelled(params, id.clone()).to_string();
            assert_eq!(line(&message), expected, "{message}");
        }
    }
    for message in [
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized", "params": { "requestId": 7 } }),
    ] {
        assert_eq!(line(&message.to_string()), "in session 202", "{message}");
    }
}
