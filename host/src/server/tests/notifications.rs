//! Notifications to the client before the result.

use plugin_abi::host_op::{MESSAGE, PROGRESS};
use serde_json::{Value, json};

use crate::server::tests::server::{Answered, Server, legacy, modern};

const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

fn talkative() -> Value {
    json!({ "ops": [
        [PROGRESS, { "progress": 1, "total": 3, "message": "one" }],
        [MESSAGE, { "level": "info", "data": "small" }],
        [PROGRESS, { "progress": 1, "total": 3, "message": "again" }],
        [MESSAGE, "{\"level\": \"error\",\n \"logger\": \"db\",\n \"data\": {\n  \"x\": 1\n }}"],
        [PROGRESS, { "progress": 3, "total": 3 }],
    ]})
}

/// Returns the methods of the notifications, each with a distinguishing member. The last event is the response.
fn heard(answered: &Answered) -> Vec<Value> {
    let mut events = answered.events();
    let response = events.pop().expect("a response");
    assert_eq!(response["id"], 1);
    assert!(response["result"]["content"].is_array(), "{response}");
    let said = |event: Value| match event["method"].as_str() {
        Some("notifications/progress") => {
            assert_eq!(event["params"]["progressToken"], 7);
            event["params"]["progress"].clone()
        }
        Some("notifications/message") => event["params"]["data"].clone(),
        other => panic!("not a notification: {other:?}"),
    };
    events.into_iter().map(said).collect()
}

#[tokio::test]
async fn a_client_hears_what_it_asked_for_and_in_order() {
    let server = Server::start(&[]);
    for (level, token, expected) in [
        (
            Some("debug"),
            true,
            vec![json!(1), json!("small"), json!({ "x": 1 }), json!(3)],
        ),
        (
            Some("error"),
            true,
            vec![json!(1), json!({ "x": 1 }), json!(3)],
        ),
        (Some("info"), false, vec![json!("small"), json!({ "x": 1 })]),
        (None, true, vec![json!(1), json!(3)]),
        (Some("emergency"), false, vec![]),
        (None, false, vec![]),
    ] {
        let mut sent = modern("ask", talkative());
        if let Some(level) = level {
            sent = sent.meta(LOG_LEVEL, json!(level));
        }
        if token {
            sent = sent.meta("progressToken", json!(7));
        }
        let answered = server.answer(&sent).await;
        assert_eq!(answered.status(), 200);
        if expected.is_empty() {
            answered.json();
            continue;
        }
        assert_eq!(heard(&answered), expected, "{level:?}, token: {token}");
        assert_eq!(answered.header("cache-control"), Some("no-cache"));
        assert_eq!(answered.header("x-accel-buffering"), Some("no"));
    }
}

#[tokio::test]
async fn a_client_without_streams_gets_the_result_alone() {
    let server = Server::start(&[]);
    for (accept, streams) in [
        ("application/json, text/event-stream", true),
        ("*/*", true),
        ("application/json", false),
    ] {
        let sent = modern("ask", talkative())
            .meta("progressToken", json!(7))
            .header("accept", accept);
        let answered = server.answer(&sent).await;
        let kind = answered.header("content-type");
        let expected = if streams {
            "text/event-stream"
        } else {
            "application/json"
        };
        assert_eq!(kind, Some(expected), "Accept: {accept}");
    }
}

#[tokio::test]
async fn a_legacy_client_gets_messages_from_its_sessions_level_on() {
    let server = Server::start(&[]);
    let revisions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
    for revision in revisions.map(Some).into_iter().chain([None]) {
        let session = match revision {
            Some(revision) => server.session(json!({ "protocolVersion": revision })).await,
            // A session that this environment does not know.
            None => uuid::Uuid::new_v4().to_string(),
        };
        let call = || legacy("ask", talkative()).header("mcp-session-id", &session);
        server.answer(&call()).await.json();
        for (level, expected) in [
            ("debug", vec![json!("small"), json!({ "x": 1 })]),
            ("error", vec![json!({ "x": 1 })]),
            ("emergency", vec![]),
            ("info", vec![json!("small"), json!({ "x": 1 })]),
        ] {
            let set = call().asking("logging/setLevel", json!({ "level": level }));
            let answered = server.answer(&set).await.json();
            assert_eq!(answered["result"], json!({}), "{revision:?} {level}");
            let answered = server.answer(&call()).await;
            if expected.is_empty() {
                answered.json();
            } else {
                assert_eq!(heard(&answered), expected, "{revision:?} {level}");
            }
        }
        // Another session has a level of its own, and a modern request none.
        server.answer(&legacy("ask", talkative())).await.json();
        let modern = modern("ask", talkative()).header("mcp-session-id", &session);
        server.answer(&modern).await.json();
    }
}

#[tokio::test]
async fn notifications_of_a_batch_come_before_its_answers() {
    let server = Server::start(&[]);
    let call = |id: u64| {
        let mut sent = legacy("ask", talkative()).meta("progressToken", json!(id));
        sent.body["id"] = json!(id);
        sent.body
    };
    let mut sent = legacy("ask", json!({}));
    sent.body = json!([call(1), call(2)]);
    let mut events = server.answer(&sent).await.events();
    let answers = events.pop().expect("the answers");
    let ids: Vec<_> = answers
        .as_array()
        .expect("an array")
        .iter()
        .map(|answer| &answer["id"])
        .collect();
    assert_eq!(ids, [1, 2]);
    let tokens: Vec<_> = events
        .iter()
        .map(|event| &event["params"]["progressToken"])
        .collect();
    assert_eq!(tokens, [1, 1, 2, 2]);
}

#[tokio::test]
async fn a_legacy_client_gets_progress_alone_and_for_its_revision() {
    let server = Server::start(&[]);
    for (revision, message) in [
        ("2024-11-05", false),
        ("2025-03-26", true),
        ("2025-11-25", true),
    ] {
        let sent = legacy("ask", talkative())
            .meta("progressToken", json!(7))
            .meta(LOG_LEVEL, json!("debug"))
            .header("mcp-protocol-version", revision);
        let answered = server.answer(&sent).await;
        assert_eq!(heard(&answered), [json!(1), json!(3)], "{revision}");
        let first = &answered.events()[0];
        assert_eq!(
            first["params"].get("message").is_some(),
            message,
            "{revision}"
        );
    }
}

#[tokio::test]
async fn notifications_beyond_the_limits_are_dropped_but_not_the_result() {
    let server = Server::start(&[]);
    let ops: Vec<_> = (0..1100)
        .map(|step| json!([PROGRESS, { "progress": step }]))
        .collect();
    let sent = modern("ask", json!({ "ops": ops })).meta("progressToken", json!(7));
    let answered = server.answer(&sent).await;
    assert_eq!(heard(&answered).len(), 1000);
}
