//! The log lines of requests.

use http::{HeaderMap, Method};
use plugin_abi::host_op::PROGRESS;
use serde_json::{Value, json};

use crate::{
    plugin::Caller,
    process::log::captured_log::CapturedLog,
    server::{
        record::RequestRecord,
        request::{Exposure, IncomingRequest},
        tests::server::{Server, legacy, modern},
    },
};

/// Returns the lines of requests.
fn requests(operator: &CapturedLog) -> Vec<Value> {
    let lines = operator.lines().into_iter();
    lines.filter(|line| line["message"] == "request").collect()
}

#[tokio::test]
async fn every_request_has_one_line_that_says_what_it_was_and_how_it_ended() {
    let server = Server::start(&[]);
    let operator = CapturedLog::new("INFO");
    let cases = [
        (
            "ask",
            json!({ "ops": [[PROGRESS, { "progress": 1 }]] }),
            "ok",
        ),
        ("reply", json!({ "isError": true }), "tool_error"),
        (
            "fail",
            json!({ "kind": "panic", "detail": "it broke" }),
            "failed",
        ),
        (
            "hurried",
            json!({ "ms": 10_000, "heeds": "cancelled" }),
            "given_up",
        ),
        ("nothing", json!({}), "refused"),
    ];
    for (number, (tool, arguments, outcome)) in cases.iter().enumerate() {
        let sent = modern(tool, arguments.clone());
        let answered = server.answer(&sent).await;
        let lines = requests(&operator);
        assert_eq!(lines.len(), number + 1);
        let line = lines.last().expect("a line");
        let is_known = *tool != "nothing";
        for (member, expected) in [
            ("request_id", json!(sent.request_id)),
            ("era", json!("modern")),
            ("revision", json!("2026-07-28")),
            ("method", json!("tools/call")),
            ("tool", if is_known { json!(tool) } else { json!(null) }),
            ("outcome", json!(outcome)),
            ("status", json!(answered.status())),
            ("cold", json!(number == 0)),
            ("level", json!("INFO")),
            ("received", json!(sent.body.to_string().len())),
        ] {
            assert_eq!(line[member], expected, "{member} of {line}");
        }
        assert!(
            line["milliseconds"].is_number() && line["sent"].is_number(),
            "{line}"
        );
    }
}

#[tokio::test]
async fn an_abandoned_request_is_logged_as_such() {
    let server = Server::start(&[]);
    let operator = CapturedLog::new("INFO");
    let sent = modern("hurried", json!({ "ms": 10_000, "heeds": "cancelled" }));
    let mut answer = Box::pin(server.answer(&sent));
    // It has begun, and is dropped.
    assert!(futures_util::poll!(&mut answer).is_pending());
    drop(answer);
    let lines = requests(&operator);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["outcome"], "abandoned");
    assert_eq!(lines[0].get("status"), None);
}

#[tokio::test]
async fn routine_requests_have_no_line_and_do_not_count_as_the_first() {
    let server = Server::start(&[]);
    let operator = CapturedLog::new("INFO");
    let headers = HeaderMap::new();
    let asked = |method: Method, path: &'static str| IncomingRequest {
        method,
        path,
        headers: &headers,
        body: &[],
        exposure: Exposure::Network,
        caller: Caller::default(),
        request_id: "request-1",
        deadline: None,
        gateway_timeout: None,
        response_limit: None,
        notifications: None,
        record: RequestRecord::default(),
    };
    for (method, path) in [(Method::GET, "/health"), (Method::OPTIONS, "/mcp")] {
        server.answer_to(&asked(method, path)).await;
    }
    assert_eq!(requests(&operator), Vec::<Value>::new());
    for (number, (method, path)) in [(Method::GET, "/mcp"), (Method::PUT, "/elsewhere")]
        .into_iter()
        .enumerate()
    {
        server.answer_to(&asked(method.clone(), path)).await;
        let lines = requests(&operator);
        assert_eq!(lines[number]["method"], method.as_str());
        assert_eq!(lines[number]["outcome"], "refused");
        assert_eq!(lines[number]["cold"], number == 0);
    }
}

#[tokio::test]
async fn the_worst_outcome_of_a_batch_counts() {
    let server = Server::start(&[]);
    let operator = CapturedLog::new("INFO");
    let call = |tool: &str, arguments: Value| {
        let params = json!({ "name": tool, "arguments": arguments });
        json!({ "jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": params })
    };
    let fails = call("fail", json!({ "kind": "panic", "detail": "it broke" }));
    for (batch, outcome) in [
        (json!([fails, call("reply", json!({}))]), "failed"),
        (
            json!([call("reply", json!({})), call("nothing", json!({}))]),
            "refused",
        ),
        (json!([call("reply", json!({}))]), "ok"),
    ] {
        let mut sent = legacy("reply", json!({}));
        sent.body = batch;
        server.answer(&sent).await;
        let lines = requests(&operator);
        let line = lines.last().expect("a line");
        assert_eq!(
            (&line["method"], &line["outcome"]),
            (&json!("batch"), &json!(outcome)),
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_too_long_progress_token_is_ignored() {
    let server = Server::start(&[]);
    for (length, is_told) in [(1000, true), (4000, false)] {
        let arguments = json!({ "ops": [[PROGRESS, { "progress": 1 }]] });
        let sent = modern("ask", arguments).meta("progressToken", json!("p".repeat(length)));
        let answered = server.answer(&sent).await;
        let kind = answered.header("content-type");
        assert_eq!(kind == Some("text/event-stream"), is_told, "{length} bytes");
    }
}
