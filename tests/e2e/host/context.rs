//! The context of a call: the information for a tool, and the notifications from it.

use serde_json::{Value, json};
use tests::{Client, FrontDoor, Host, Layer};

/// Returns the notifications of a call, and its response.
fn told(client: &Client<'_>, tool: &str, arguments: &Value, meta: &Value) -> (Vec<Value>, Value) {
    let mut events = client.call_modern(tool, arguments, meta).events();
    let answer = events.pop().expect("the answer comes last");
    (events, answer)
}

#[test]
fn progress_comes_in_order_before_the_answer_in_one_body() {
    let layer = Layer::of(["notifies"]);
    for host in [
        Host::serve(&layer),
        Host::lambda(&layer, FrontDoor::rest_api("prod")),
        Host::lambda(&layer, FrontDoor::http_api("$default")),
    ] {
        let client = host.connect();
        for token in [json!("a token"), json!(7)] {
            let meta = json!({ "progressToken": token });
            let (events, answer) = told(&client, "count", &json!({ "to": 3 }), &meta);
            let expected: Vec<_> = (1..=3)
                .map(|done| {
                    json!({
                        "jsonrpc": "2.0",
                        "method": "notifications/progress",
                        "params": {
                            "progressToken": token, "progress": f64::from(done), "total": 3.0,
                            "message": format!("{done} of 3"),
                        },
                    })
                })
                .collect();
            assert_eq!(events, expected);
            assert_eq!(answer["id"], 1);
            assert_eq!(answer["result"]["content"][0]["text"], "3");
        }
        // Without a token there is no progress.
        let answer = client.call_modern("count", &json!({ "to": 3 }), &json!({}));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn a_legacy_client_gets_progress_as_well() {
    let host = Host::serve(&Layer::of(["notifies"]));
    let params =
        json!({ "name": "count", "arguments": { "to": 2 }, "_meta": { "progressToken": "t" } });
    let message = json!({ "jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": params });
    let both = ("Accept", "application/json, text/event-stream");
    let events = host.connect().post(&[both], &message).events();
    let methods: Vec<_> = events.iter().map(|event| &event["method"]).collect();
    assert_eq!(
        methods,
        ["notifications/progress", "notifications/progress", ""]
            .map(|method| match method {
                "" => Value::Null,
                method => json!(method),
            })
            .iter()
            .collect::<Vec<_>>()
    );
    // A client that accepts no stream gets only the response.
    let answer = host
        .connect()
        .post(&[("Accept", "application/json")], &message);
    assert_eq!(answer.json()["result"]["content"][0]["text"], "2");
}

#[test]
fn messages_reach_the_client_that_asks_for_them_from_the_level_it_asks_for() {
    let host = Host::serve(&Layer::of(["notifies"]));
    let client = host.connect();
    for (level, expected) in [
        ("debug", vec!["Debug", "Info", "Warning", "Error"]),
        ("notice", vec!["Warning", "Error"]),
    ] {
        let meta = json!({ "io.modelcontextprotocol/logLevel": level });
        let (events, _) = told(&client, "tell", &json!({}), &meta);
        let data: Vec<_> = events
            .iter()
            .map(|event| &event["params"]["data"])
            .collect();
        assert_eq!(data, expected, "level: {level}");
        assert_eq!(events[0]["method"], "notifications/message");
        assert_eq!(events[0]["params"]["logger"], "notifies");
    }
    for silent in [
        json!({}),
        json!({ "io.modelcontextprotocol/logLevel": "emergency" }),
    ] {
        let answer = client.call_modern("tell", &json!({}), &silent);
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{silent}"
        );
    }
}

#[test]
fn the_context_has_the_caller_and_the_request() {
    let host = Host::serve_with(
        &Layer::of(["notifies"]),
        &[("MCP_CONTEXT_HEADERS", "X-Tenant")],
    );
    let client = host.connect();
    let meta = json!({
        "io.modelcontextprotocol/clientInfo": { "name": "tester", "version": "1.2" },
        "io.modelcontextprotocol/clientCapabilities": { "roots": {} },
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    let arguments = json!({ "headers": ["x-tenant", "X-REQUEST-ID", "authorization"] });
    let mut all = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    });
    for (key, value) in meta.as_object().expect("an object") {
        all[key] = value.clone();
    }
    let params = json!({ "name": "whoami", "arguments": arguments, "_meta": all });
    let answer = client.post(
        &[
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "whoami"),
            ("X-Tenant", "acme"),
            ("X-Request-Id", "r-1"),
            ("Authorization", "Bearer s3cret"),
        ],
        &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }),
    );
    assert_eq!(
        answer.json()["result"]["structuredContent"],
        json!({
            "request": true,
            "revision": "2026-07-28",
            "client": ["tester", "1.2"],
            "capabilities": { "roots": {} },
            "principal": null,
            "claims": {},
            "headers": ["acme", "r-1", null],
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "limited": false,
            "cancelled": false,
            "wants_progress": false,
        })
    );
}

#[test]
fn the_principal_on_lambda_is_the_gateways_and_time_is_limited() {
    let host = Host::lambda(&Layer::of(["notifies"]), FrontDoor::http_api("$default"));
    let params = json!({ "name": "whoami", "arguments": { "headers": [] } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let headers =
        json!({ "content-type": "application/json", "mcp-protocol-version": "2025-11-25" });
    let answer = host.invoke_as(Some("alice"), "POST", &headers, &body);
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
    let seen = &body["result"]["structuredContent"];
    assert_eq!(seen["principal"], "alice", "{body}");
    assert_eq!(seen["claims"], json!({ "sub": "alice", "scope": "read" }));
    assert_eq!(seen["limited"], true);
}

#[test]
fn log_lines_of_a_plugin_have_request_tool_and_plugin() {
    let layer = Layer::of(["notifies"]);
    let json = [
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
    ];
    let host = Host::serve_with(&layer, &json);
    host.connect().call("write", json!({ "text": "a line" }));
    host.wait_for_log("by a thread: a line");
    let log = host.log();
    let line = |text: &str| -> Value {
        let line = log.lines().find(|line| line.contains(text));
        let line = line.unwrap_or_else(|| panic!("no {text:?} in {log}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let written = line("by log: a line");
    assert_eq!(written["level"], "WARN", "{written}");
    assert_eq!(written["tool"], "write");
    assert_eq!(written["plugin"], "notifies");
    assert_eq!(written["target"], "notifies");
    assert!(
        written["request_id"]
            .as_str()
            .is_some_and(|id| id.len() == 36),
        "{written}"
    );
    assert_eq!(line("by tracing: a line")["tool"], "write");
    // A thread belongs to no call.
    let by_thread = line("by a thread: a line");
    assert_eq!(by_thread["plugin"], "notifies");
    assert_eq!(by_thread.get("request_id"), None);
    assert!(!log.contains("too little"), "{log}");
}

#[test]
fn state_is_built_once_and_its_failure_is_logged_for_the_operator() {
    let host = Host::serve(&Layer::of(["notifies"]));
    let client = host.connect();
    let failed = client.call("calls", json!({}));
    let text = failed.error_text();
    assert!(
        text.starts_with("tool calls failed unexpectedly (request id "),
        "{text}"
    );
    host.wait_for_log("the plugin's state cannot be built: the password s3cret is wrong");
    // The next call tries again, and all after it share what it built.
    for expected in ["100", "101", "102"] {
        assert_eq!(client.call("calls", json!({})).text(), expected);
    }
}
