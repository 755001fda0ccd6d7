//! The era of a POST: rules D2 to D8, each with its consequences.

use serde_json::{Value, json};

use crate::post::{CAPABILITIES, VERSION, claiming, modern, post, request};

const MODERN: Option<&str> = Some("2026-07-28");
const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

fn check(rows: impl IntoIterator<Item = (Option<&'static str>, Value, &'static str)>) {
    for (version, body, expected) in rows {
        let body = body.to_string();
        assert_eq!(
            post(version, &body),
            expected,
            "MCP-Protocol-Version: {version:?}, body: {body}"
        );
    }
}

#[test]
fn d2_a_batch_is_legacy_and_no_modern_message_may_be_in_it() {
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let list = |params: Value| request("tools/list", params);
    for claim in [
        modern(),
        claiming(json!("2025-11-25")),
        claiming(Value::Null),
        claiming(json!(1)),
    ] {
        for version in [None, Some("2025-03-26"), MODERN] {
            check([
                (version, json!([list(claim.clone())]), "400 -32600"),
                (version, json!([ping, list(claim.clone())]), "400 -32600"),
                (version, json!([1, list(claim.clone())]), "400 -32600"),
                (
                    version,
                    json!([{ "jsonrpc": "2.0", "method": "notifications/progress", "params": claim.clone() }]),
                    "400 -32600",
                ),
            ]);
        }
    }
    for version in [MODERN, Some("2030-01-01"), Some("")] {
        check([(version, json!([ping]), "400 -32600")]);
    }
    for version in [Some("2024-11-05"), Some("2025-06-18"), Some("2025-11-25")] {
        check([(version, json!([ping]), "in session 400 -32600")]);
    }
    for version in [None, Some("2025-03-26"), MODERN] {
        check([(version, json!([]), "400 -32600")]);
    }
    check([
        (None, json!([ping]), "legacy [legacy ping id 1]"),
        (
            Some("2025-03-26"),
            json!([ping]),
            "2025-03-26 [2025-03-26 ping id 1]",
        ),
    ]);
}

#[test]
fn d3_initialize_is_legacy_unless_its_meta_names_a_modern_version() {
    let initialize = |meta: Option<Value>| {
        let mut params = json!({ "protocolVersion": "2025-06-18", "capabilities": {} });
        if let Some(meta) = meta {
            params["_meta"] = meta;
        }
        request("initialize", params)
    };
    let claiming = |version: Value| initialize(Some(json!({ VERSION: version, CAPABILITIES: {} })));
    for version in LEGACY {
        check([(
            Some(version),
            initialize(None),
            "initialize 2025-06-18 id 1",
        )]);
    }
    check([
        (None, initialize(None), "initialize 2025-06-18 id 1"),
        (
            None,
            initialize(Some(json!({}))),
            "initialize 2025-06-18 id 1",
        ),
        (
            None,
            initialize(Some(json!(1))),
            "initialize 2025-06-18 id 1",
        ),
        // Not a modern version, or not one at all.
        (
            None,
            claiming(json!("2025-11-25")),
            "initialize 2025-06-18 id 1",
        ),
        (
            None,
            claiming(json!("2030-01-01")),
            "initialize 2025-06-18 id 1",
        ),
        (
            None,
            claiming(json!(20260728)),
            "initialize 2025-06-18 id 1",
        ),
        (None, claiming(Value::Null), "initialize 2025-06-18 id 1"),
        // The header says modern, the message is the legacy handshake.
        (MODERN, initialize(None), "400 -32020 id 1"),
        (MODERN, claiming(json!("2025-11-25")), "400 -32020 id 1"),
        (Some("2030-01-01"), initialize(None), "400 -32020 id 1"),
        (Some(""), initialize(None), "400 -32020 id 1"),
        // Modern, where there is no such method.
        (MODERN, claiming(json!("2026-07-28")), "404 -32601 id 1"),
        (None, claiming(json!("2026-07-28")), "400 -32020 id 1"),
        (
            Some("2025-11-25"),
            claiming(json!("2026-07-28")),
            "400 -32020 id 1",
        ),
    ]);
}

#[test]
fn d4_a_claim_is_answered_as_modern_whatever_the_header_says() {
    let list = |version: Value| request("tools/list", claiming(version));
    check([
        (
            MODERN,
            list(json!("2026-07-28")),
            "2026-07-28 tools/list id 1",
        ),
        (
            MODERN,
            request("server/discover", modern()),
            "2026-07-28 server/discover id 1",
        ),
        (None, list(json!("2026-07-28")), "400 -32020 id 1"),
        (
            Some("2025-11-25"),
            list(json!("2026-07-28")),
            "400 -32020 id 1",
        ),
        (
            Some("2030-01-01"),
            list(json!("2026-07-28")),
            "400 -32020 id 1",
        ),
        // A legacy version is not allowed in `_meta`.
        (
            Some("2025-11-25"),
            list(json!("2025-11-25")),
            "400 -32022 id 1",
        ),
        (None, list(json!("2025-11-25")), "400 -32020 id 1"),
        (MODERN, list(json!("2030-01-01")), "400 -32020 id 1"),
        (
            Some("2030-01-01"),
            list(json!("2030-01-01")),
            "400 -32022 id 1",
        ),
        // A bad declaration is a modern error, never a fallback to legacy.
        (None, list(Value::Null), "400 -32602 id 1"),
        (None, list(json!(20260728)), "400 -32602 id 1"),
        (
            Some("2025-11-25"),
            list(json!(["2026-07-28"])),
            "400 -32602 id 1",
        ),
        (
            None,
            request("tools/list", json!({ "_meta": { VERSION: "2026-07-28" } })),
            "400 -32602 id 1",
        ),
    ]);
}

#[test]
fn d4_a_claim_is_seen_beside_values_that_no_number_or_string_can_hold() {
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for value in ["1e999", r#""\ud800""#, &nested] {
        for (place, body) in [
            (
                "_meta",
                format!(
                    r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{{"{VERSION}":"2026-07-28","{CAPABILITIES}":{{}},"progressToken":{value}}}}}}}"#
                ),
            ),
            (
                "params",
                format!(
                    r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"x":{value},"_meta":{{"{VERSION}":"2026-07-28","{CAPABILITIES}":{{}}}}}}}}"#
                ),
            ),
        ] {
            assert_eq!(post(None, &body), "400 -32020 id 1", "{value} in {place}");
        }
    }
}

#[test]
fn d4_methods_of_the_handshake_era_are_not_found_in_the_modern_one() {
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "prompts/list",
        "subscriptions/listen",
        "tasks/get",
        "",
    ] {
        let mut params = modern();
        params["uri"] = json!("file:///x");
        check([(MODERN, request(method, params), "404 -32601 id 1")]);
    }
}

#[test]
fn d5_a_header_that_is_not_legacy_demands_the_envelope() {
    for version in ["2026-07-28", "2030-01-01", "banana", ""] {
        for body in [
            request("tools/list", json!({})),
            request("tools/list", json!({ "_meta": {} })),
            request("tools/list", json!({ "_meta": { "progressToken": 1 } })),
            request("tools/list", json!({ "_meta": null })),
            request("tools/list", json!({ "_meta": [VERSION] })),
            request("tools/list", json!([])),
            request("tools/list", Value::Null),
            request("ping", json!({})),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }),
        ] {
            check([(Some(version), body, "400 -32602 id 1")]);
        }
    }
}

#[test]
fn d6_a_legacy_header_or_none_means_legacy() {
    check([
        (
            None,
            request("tools/list", json!({})),
            "legacy tools/list id 1",
        ),
        (
            None,
            json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }),
            "legacy ping id 1",
        ),
        (
            None,
            request("tools/list", json!({ "_meta": { "progressToken": 1 } })),
            "legacy tools/list id 1",
        ),
        (
            None,
            request("tools/list", json!({ "_meta": null })),
            "legacy tools/list id 1",
        ),
        (
            Some("2024-11-05"),
            request("ping", json!({})),
            "2024-11-05 ping id 1",
        ),
        (
            Some("2025-03-26"),
            request("ping", json!({})),
            "2025-03-26 ping id 1",
        ),
        (
            Some("2025-06-18"),
            request("ping", json!({})),
            "2025-06-18 ping id 1",
        ),
        (
            Some("2025-11-25"),
            request("ping", json!({})),
            "2025-11-25 ping id 1",
        ),
        (
            Some(" \t2025-11-25\t "),
            request("ping", json!({})),
            "2025-11-25 ping id 1",
        ),
    ]);
}

#[test]
fn d7_a_notification_is_accepted_and_only_a_legacy_one_asks_for_its_session() {
    let notification = |params: Value| json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
    check([
        (None, notification(json!({})), "in session 202"),
        (
            Some("2025-11-25"),
            notification(json!({})),
            "in session 202",
        ),
        (
            None,
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
            "in session 202",
        ),
        // A modern client hangs up instead.
        (None, notification(json!({ "requestId": 1 })), "cancel 1"),
        (
            Some("2025-11-25"),
            notification(json!({ "requestId": "a" })),
            r#"cancel "a""#,
        ),
        (MODERN, notification(json!({ "requestId": 1 })), "202"),
        (MODERN, notification(json!({})), "202"),
        (Some("2030-01-01"), notification(json!({})), "202"),
        (None, notification(modern()), "202"),
        (Some("2025-11-25"), notification(modern()), "202"),
        // A notification asks for nothing, so nothing is started.
        (
            None,
            json!({ "jsonrpc": "2.0", "method": "initialize" }),
            "in session 202",
        ),
        (
            None,
            json!({ "jsonrpc": "2.0", "method": "tools/call" }),
            "in session 202",
        ),
    ]);
}

#[test]
fn d8_a_response_is_refused_in_the_modern_era_and_dropped_in_the_legacy_one() {
    let result = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    let error = json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -1, "message": "no" } });
    for response in [result, error] {
        check([
            (MODERN, response.clone(), "400 -32600"),
            (Some("2030-01-01"), response.clone(), "400 -32600"),
            (None, response.clone(), "in session 202"),
            (Some("2025-06-18"), response, "in session 202"),
        ]);
    }
}

#[test]
fn an_unknown_legacy_method_has_status_200_since_404_means_an_ended_session() {
    for method in [
        "prompts/list",
        "completion/complete",
        "server/discover",
        "tools/Call",
        "",
    ] {
        check([
            (
                None,
                request(method, json!({})),
                "in session 200 -32601 id 1",
            ),
            (
                Some("2025-06-18"),
                request(method, json!({})),
                "in session 200 -32601 id 1",
            ),
        ]);
    }
}
