//! The facts about a call that a tool gets, its operations, and the reports of its failures.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugin_abi::host_op::{CANCELLED, CONTEXT, INPUT, LOG, MESSAGE, PROGRESS, STATE};
use serde_json::{Value, json};

use crate::{
    plugin::Caller,
    server::tests::server::{Server, legacy, modern},
};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn ask(ops: Value) -> Value {
    json!({ "ops": ops })
}

#[tokio::test]
async fn the_context_has_the_facts_of_a_modern_request() {
    let server = Server::start(&[("MCP_CONTEXT_HEADERS", "X-Tenant")]);
    let mut sent = modern("ask", ask(json!([[CONTEXT, null]])))
        .meta(
            "io.modelcontextprotocol/clientInfo",
            json!({ "name": "c", "version": "1" }),
        )
        .meta(
            "io.modelcontextprotocol/clientCapabilities",
            json!({ "roots": {} }),
        )
        .meta("io.modelcontextprotocol/logLevel", json!("warning"))
        .meta("progressToken", json!(7))
        .meta("traceparent", json!(TRACEPARENT))
        .meta("baggage", json!("a=b"))
        .header("traceparent", &TRACEPARENT.replace("4bf9", "ffff"))
        .header("tracestate", "of=the-header")
        .header("x-tenant", "blue")
        .header("mcp-param-region", "eu")
        .header("authorization", "Bearer secret");
    sent.caller = Caller {
        principal: Some("alice".to_owned()),
        claims: json!({ "scope": "weather" })
            .as_object()
            .cloned()
            .expect("an object"),
    };
    let seen = server.answer(&sent).await.seen();
    assert_eq!(
        seen["outcomes"][0],
        json!({
            "requestId": "request-1",
            "protocolVersion": "2026-07-28",
            "client": { "name": "c", "version": "1" },
            "capabilities": { "roots": {} },
            "principal": "alice",
            "claims": { "scope": "weather" },
            "headers": { "mcp-param-region": "eu", "x-tenant": "blue" },
            "trace": { "traceparent": TRACEPARENT, "baggage": "a=b" },
            "progress": true,
            "logLevel": "warning",
        })
    );
}

#[tokio::test]
async fn the_context_of_a_legacy_call_has_what_its_session_knows() {
    let server = Server::start(&[]);
    let session = server
        .session(json!({
            "protocolVersion": "2025-06-18",
            "clientInfo": { "name": "c", "version": "1" },
            "capabilities": { "elicitation": {} },
        }))
        .await;
    let call = || legacy("ask", ask(json!([[CONTEXT, null]])));
    let known = server
        .answer(&call().header("mcp-session-id", &session))
        .await;
    assert_eq!(
        known.seen()["outcomes"][0],
        json!({
            "requestId": "request-1",
            "protocolVersion": "2025-06-18",
            "client": { "name": "c", "version": "1" },
            "capabilities": { "elicitation": {} },
            "headers": {},
        })
    );
    let unknown = call()
        .header("traceparent", TRACEPARENT)
        .header("tracestate", "a=b")
        .header("user-agent", "curl")
        .meta("io.modelcontextprotocol/logLevel", json!("debug"))
        .meta("progressToken", json!("t"));
    assert_eq!(
        server.answer(&unknown).await.seen()["outcomes"][0],
        json!({
            "requestId": "request-1",
            "protocolVersion": "2025-03-26",
            "headers": { "user-agent": "curl" },
            "trace": { "traceparent": TRACEPARENT, "tracestate": "a=b" },
            "progress": true,
        })
    );
}

#[tokio::test]
async fn each_operation_answers_as_the_payload_document_says() {
    let server = Server::start(&[]);
    for (op, payload, expected) in [
        (CANCELLED, Value::Null, json!({ "cancelled": false })),
        (
            LOG,
            json!({ "level": "info", "message": "hello" }),
            json!({}),
        ),
        (
            LOG,
            json!({ "level": "trace", "target": "a::b", "message": "", "plugin": "p", "more": 1 }),
            json!({}),
        ),
        (
            LOG,
            json!({ "level": "warn", "message": "ü".repeat(1_000_000) }),
            json!({}),
        ),
        (PROGRESS, json!({ "progress": 1 }), json!({})),
        (
            PROGRESS,
            json!({ "progress": 1.5, "total": 2, "message": "m" }),
            json!({}),
        ),
        (
            MESSAGE,
            json!({ "level": "notice", "data": null }),
            json!({}),
        ),
        (
            LOG,
            json!({ "level": "loud", "message": "x" }),
            json!("invalid_arguments"),
        ),
        (LOG, json!({ "level": "info" }), json!("invalid_arguments")),
        (LOG, json!("{"), json!("invalid_arguments")),
        (LOG, Value::Null, json!("invalid_arguments")),
        (
            PROGRESS,
            json!({ "progress": "1" }),
            json!("invalid_arguments"),
        ),
        (
            PROGRESS,
            json!("{\"progress\": 1e999}"),
            json!("invalid_arguments"),
        ),
        (PROGRESS, json!({}), json!("invalid_arguments")),
        (
            MESSAGE,
            json!({ "level": "warn", "data": 1 }),
            json!("invalid_arguments"),
        ),
        (
            MESSAGE,
            json!({ "level": "info" }),
            json!("invalid_arguments"),
        ),
        (STATE, json!({}), json!("invalid_arguments")),
        (INPUT, json!({}), json!("invalid_arguments")),
        (99, Value::Null, json!("unknown_op")),
    ] {
        let sent = modern("ask", ask(json!([[op, payload]])));
        let outcome = server.answer(&sent).await.seen()["outcomes"][0].clone();
        let what = payload.to_string().chars().take(80).collect::<String>();
        match expected {
            Value::String(kind) => {
                assert_eq!(outcome["kind"], kind, "op {op}: {what}");
                assert!(outcome["detail"].is_string(), "op {op}: {what}: {outcome}");
            }
            expected => assert_eq!(outcome, expected, "op {op}: {what}"),
        }
    }
}

#[tokio::test]
async fn a_call_has_its_own_number_until_it_was_answered() {
    let server = Server::start(&[]);
    let sent = modern("ask", ask(json!([])));
    let first = server.answer(&sent).await.seen()["call"].clone();
    let second = server.answer(&sent).await.seen()["call"].clone();
    assert_ne!(first, second);
    let mut host = crate::plugin::process_host();
    for (call, op, kind) in [
        (first.as_u64().expect("a number"), CANCELLED, "call_ended"),
        (first.as_u64().expect("a number"), 99, "call_ended"),
        (u64::MAX, LOG, "call_ended"),
        (0, CONTEXT, "unknown_op"),
        (0, CANCELLED, "unknown_op"),
        (0, 99, "unknown_op"),
    ] {
        host.call = call;
        let outcome = super::plugin::request(host, op, &Value::Null);
        assert_eq!(outcome["kind"], kind, "call {call}, op {op}");
    }
    host.call = 0;
    let line = json!({ "level": "info", "message": "outside", "plugin": "by-hand" });
    assert_eq!(super::plugin::request(host, LOG, &line), json!({}));
}

#[tokio::test]
async fn the_deadline_of_a_call_is_the_earlier_one() {
    let server = Server::start(&[]);
    let unlimited = server.answer(&modern("ask", ask(json!([])))).await.seen();
    assert_eq!(unlimited["deadline"], 0);
    let at = SystemTime::now() + Duration::from_secs(60);
    let sent = modern("ask", ask(json!([]))).due(at);
    let milliseconds = at
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_millis();
    let limited = server.answer(&sent).await.seen();
    assert_eq!(
        limited["deadline"].as_u64().map(u128::from),
        Some(milliseconds)
    );
}

#[tokio::test]
async fn failures_are_reported_to_those_who_can_act_on_them() {
    let server = Server::start(&[]);
    let unexpected = "tool fail failed unexpectedly (request id request-1)";
    for failure in [
        json!({ "kind": "panic", "detail": "secret" }),
        json!({ "kind": "unavailable", "public": "secret" }),
        json!({ "kind": "cancelled" }),
        json!({ "kind": "smells" }),
        json!({ "public": "secret" }),
    ] {
        let answered = server.answer(&modern("fail", failure.clone())).await;
        assert_eq!(answered.text(), unexpected, "{failure}");
        assert_eq!(answered.json()["result"]["isError"], true, "{failure}");
    }
    for (failure, code, message) in [
        (json!({ "kind": "protocol" }), -32603, "the tool failed"),
        (json!({ "kind": "protocol", "public": "no" }), -32603, "no"),
        (
            json!({ "kind": "protocol", "public": "no", "code": 42 }),
            42,
            "no",
        ),
        (
            json!({ "kind": "protocol", "public": "no", "code": -32602 }),
            -32602,
            "no",
        ),
        (
            json!({ "kind": "protocol", "public": "no", "code": -32021 }),
            -32603,
            "no",
        ),
    ] {
        let answered = server.answer(&modern("fail", failure.clone())).await;
        assert_eq!(answered.status(), 200);
        let error = answered.json()["error"].clone();
        assert_eq!(
            error,
            json!({ "code": code, "message": message }),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_tool_is_not_called_for_a_client_that_cannot_do_what_it_needs() {
    let server = Server::start(&[]);
    let capable = |tool, declared: Value| {
        modern(tool, json!({})).meta("io.modelcontextprotocol/clientCapabilities", declared)
    };
    for (tool, declared, required) in [
        (
            "needy",
            json!({}),
            Some(json!({ "elicitation": { "url": {} }, "roots": {} })),
        ),
        (
            "needy",
            json!({ "roots": {}, "elicitation": {} }),
            Some(json!({ "elicitation": { "url": {} } })),
        ),
        (
            "needy",
            json!({ "roots": {}, "elicitation": { "url": {} } }),
            None,
        ),
        ("formal", json!({ "elicitation": {} }), None),
        (
            "formal",
            json!({ "elicitation": { "url": {} } }),
            Some(json!({ "elicitation": { "form": {} } })),
        ),
    ] {
        let answered = server.answer(&capable(tool, declared.clone())).await;
        let Some(required) = required else {
            assert_eq!(answered.status(), 200, "{tool} {declared}");
            assert!(answered.json().get("error").is_none(), "{tool} {declared}");
            continue;
        };
        assert_eq!(answered.status(), 400, "{tool} {declared}");
        let body = answered.json();
        assert_eq!(body["id"], 1);
        assert_eq!(body["error"]["code"], -32021, "{tool} {declared}");
        assert_eq!(
            body["error"]["data"]["requiredCapabilities"], required,
            "{tool} {declared}"
        );
    }
    let refused = "tool formal needs the client capability elicitation.form, which this client has not declared; use a client that has it";
    let answered = server.answer(&legacy("formal", json!({}))).await;
    assert_eq!(answered.text(), refused);
    assert_eq!(answered.json()["result"]["isError"], true);
    for (capabilities, called) in [(json!({ "elicitation": {} }), true), (json!({}), false)] {
        let session = server
            .session(json!({ "protocolVersion": "2025-06-18", "capabilities": capabilities }))
            .await;
        let sent = legacy("formal", json!({})).header("mcp-session-id", &session);
        let text = server.answer(&sent).await.text();
        assert_eq!(text != refused, called, "{capabilities}");
    }
}
