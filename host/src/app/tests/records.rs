//! What the operator is told of each request.

use plugin_abi::host_op::PROGRESS;
use serde_json::{Value, json};

use super::server::{Server, modern};
use crate::log::operator::Operator;

/// The lines of requests.
fn requests(operator: &Operator) -> Vec<Value> {
    let lines = operator.lines().into_iter();
    lines.filter(|line| line["message"] == "request").collect()
}

#[tokio::test]
async fn every_request_has_one_line_that_says_what_it_was_and_how_it_ended() {
    let server = Server::start(&[]);
    let operator = Operator::at("INFO");
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
async fn what_nobody_waits_for_any_more_is_told_to_be_abandoned() {
    let server = Server::start(&[]);
    let operator = Operator::at("INFO");
    let sent = modern("ask", json!({}));
    let mut answer = Box::pin(server.answer(&sent));
    // It has begun, and is dropped.
    assert!(futures_util::poll!(&mut answer).is_pending());
    drop(answer);
    let lines = requests(&operator);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["outcome"], "abandoned");
    assert_eq!(lines[0].get("status"), None);
}
