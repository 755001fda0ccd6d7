//! The state of tools between calls, and its owners, in one process.

use mcp_protocol::Revision;
use plugin_abi::host_op::STATE;
use serde_json::{Value, json};

use crate::{
    plugin::Caller,
    server::tests::server::{Answered, Sent, Server, legacy, modern},
};

/// Returns a call that executes these operations on its state, one after the other.
fn keeping(ops: &[Value]) -> Value {
    let ops: Vec<_> = ops.iter().map(|op| json!([STATE, op])).collect();
    json!({ "ops": ops })
}

fn outcomes(answered: &Answered) -> Value {
    answered.seen()["outcomes"].clone()
}

fn by(principal: &str, mut sent: Sent) -> Sent {
    sent.caller = Caller {
        principal: Some(principal.to_owned()),
        ..Caller::default()
    };
    sent
}

async fn session(server: &Server, principal: &str) -> String {
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    let sent = by(
        principal,
        legacy("", json!({})).asking("initialize", params),
    );
    let answered = server.answer(&sent).await;
    answered
        .header("mcp-session-id")
        .expect("a session")
        .to_owned()
}

#[tokio::test]
async fn each_operation_on_a_state_answers_as_the_payload_document_says() {
    let server = Server::start(&[]);
    let session = session(&server, "alice").await;
    let ops = [
        (json!({ "do": "get" }), json!({ "version": 0 })),
        (
            json!({ "do": "put", "value": null, "version": 0 }),
            json!({ "version": 1 }),
        ),
        (
            json!({ "do": "get" }),
            json!({ "version": 1, "value": null }),
        ),
        (
            json!({ "do": "put", "value": 2, "version": 0 }),
            json!({ "version": 1, "value": null, "conflict": true }),
        ),
        (json!({ "do": "set", "value": { "a": [1.5] } }), json!({})),
        (
            json!({ "do": "get" }),
            json!({ "version": 1, "value": { "a": [1.5] } }),
        ),
        (json!({ "do": "set" }), json!({})),
        (json!({ "do": "get" }), json!({ "version": 1 })),
        (json!({ "do": "set", "value": "at last" }), json!({})),
    ];
    let asked: Vec<_> = ops.iter().map(|(op, _)| op.clone()).collect();
    let call =
        |ops: &[Value]| by("alice", legacy("ask", keeping(ops))).header("mcp-session-id", &session);
    let seen = outcomes(&server.answer(&call(&asked)).await);
    for (number, (op, expected)) in ops.iter().enumerate() {
        assert_eq!(&seen[number], expected, "{number}: {op}");
    }
    let later = server.answer(&call(&[json!({ "do": "get" })])).await;
    assert_eq!(
        outcomes(&later),
        json!([{ "version": 2, "value": "at last" }])
    );
}

#[tokio::test]
async fn a_state_is_refused_by_kinds_that_plugins_can_tell_apart() {
    let server = Server::start(&[]);
    let long = "a".repeat(100_000);
    let never = "0123456789abcdef0123456789abcdef";
    for (op, kind) in [
        (json!({ "do": "get" }), "no_session"),
        (json!({ "do": "set", "value": 1 }), "no_session"),
        (
            json!({ "do": "put", "value": 1, "version": 0 }),
            "no_session",
        ),
        (json!({ "do": "get", "handle": never }), "unknown_handle"),
        (
            json!({ "do": "set", "handle": never, "value": 1 }),
            "unknown_handle",
        ),
        (
            json!({ "do": "put", "handle": never, "value": 1, "version": 0 }),
            "unknown_handle",
        ),
        (json!({ "do": "get", "handle": "" }), "unknown_handle"),
        (json!({ "do": "get", "handle": long }), "unknown_handle"),
        (
            json!({ "do": "create", "value": "x".repeat(350 * 1024 - 1) }),
            "too_large",
        ),
        (
            json!({ "do": "create", "value": 1, "ttlSeconds": -1 }),
            "invalid_arguments",
        ),
        (json!({ "do": "dance" }), "invalid_arguments"),
    ] {
        let answered = server
            .answer(&modern("ask", keeping(std::slice::from_ref(&op))))
            .await;
        let what: String = op.to_string().chars().take(80).collect();
        assert_eq!(outcomes(&answered)[0]["kind"], kind, "{what}");
    }
}

#[tokio::test]
async fn a_handle_is_its_principals_alone() {
    let server = Server::start(&[]);
    let create = json!({ "do": "create", "value": "alice's", "ttlSeconds": u64::MAX });
    let created = server
        .answer(&by("alice", modern("ask", keeping(&[create]))))
        .await;
    let handle = outcomes(&created)[0]["handle"].clone();
    for (principal, may) in [("alice", true), ("bob", false), ("", false)] {
        let get = keeping(&[json!({ "do": "get", "handle": handle })]);
        let seen = outcomes(&server.answer(&by(principal, modern("ask", get))).await);
        match may {
            true => assert_eq!(seen[0]["value"], "alice's"),
            false => assert_eq!(seen[0]["kind"], "unknown_handle", "{principal}"),
        }
    }
    let get = keeping(&[json!({ "do": "get", "handle": handle })]);
    let seen = outcomes(&server.answer(&modern("ask", get)).await);
    assert_eq!(seen[0]["kind"], "unknown_handle");
}

#[tokio::test]
async fn a_session_is_its_principals_alone() {
    for mode in ["lenient", "strict"] {
        let server = Server::start(&[("MCP_SESSION_MODE", mode)]);
        let session = session(&server, "alice").await;
        let level = || legacy("", json!({})).asking("logging/setLevel", json!({ "level": "info" }));
        let call = || legacy("ask", keeping(&[json!({ "do": "get" })]));
        for sent in [level(), call()] {
            let sent = sent.header("mcp-session-id", &session);
            let refused = server.answer(&by("bob", sent)).await;
            assert_eq!(refused.status(), 404, "{mode}");
        }
        for sent in [level(), call()] {
            let sent = sent.header("mcp-session-id", &session);
            assert_eq!(server.answer(&by("alice", sent)).await.status(), 200);
        }
    }
}

#[tokio::test]
async fn the_state_of_an_unknown_session_belongs_to_its_first_principal() {
    let server = Server::start(&[]);
    let never = "c232ab00-9414-41ec-b3c8-9f6bdeced846";
    let put = || {
        let put = keeping(&[json!({ "do": "put", "value": 1, "version": 0 })]);
        legacy("ask", put).header("mcp-session-id", never)
    };
    let first = server.answer(&by("alice", put())).await;
    assert_eq!(outcomes(&first), json!([{ "version": 1 }]));
    let other = server.answer(&by("bob", put())).await;
    assert_eq!(outcomes(&other)[0]["kind"], "session_ended");
}

#[tokio::test]
async fn a_level_is_kept_for_an_unknown_session() {
    let server = Server::start(&[]);
    let never = "c232ab00-9414-41ec-b3c8-9f6bdeced846";
    let level = legacy("", json!({})).asking("logging/setLevel", json!({ "level": "notice" }));
    let set = server.answer(&level.header("mcp-session-id", never)).await;
    assert_eq!(set.status(), 200);
    let context = json!({ "ops": [[plugin_abi::host_op::CONTEXT, null]] });
    let call = legacy("ask", context)
        .header("mcp-session-id", never)
        .header("mcp-protocol-version", Revision::LATEST_LEGACY.as_str())
        .header("accept", "application/json, text/event-stream");
    let answered = server.answer(&call).await;
    assert_eq!(outcomes(&answered)[0]["logLevel"], "notice");
}

#[tokio::test]
async fn a_failure_unrelated_to_an_ended_session_is_the_tools_own() {
    let server = Server::start(&[]);
    let never = "c232ab00-9414-41ec-b3c8-9f6bdeced846";
    let call = |tool: &str, arguments| legacy(tool, arguments).header("mcp-session-id", never);
    let put = keeping(&[json!({ "do": "put", "value": 1, "version": 0 })]);
    server.answer(&by("alice", call("ask", put))).await;
    let ended = "the session has ended, and its state with it";
    for (text, status) in [
        ("no such city".to_owned(), 200),
        (format!("the list cannot be read: {ended}"), 404),
    ] {
        // Bob's call gets the error of a session that is not his, and fails with its message.
        let mut get = keeping(&[json!({ "do": "get" })]);
        get["says"] = json!(text);
        let answered = server.answer(&by("bob", call("ask", get))).await;
        assert_eq!(answered.status(), status, "{text}");
        if status == 200 {
            assert_eq!(answered.json()["result"]["isError"], true);
            assert_eq!(answered.text(), text);
        }
    }
}

#[tokio::test]
async fn a_tool_that_translates_its_message_is_answered_by_the_kind_of_the_error() {
    let server = Server::start(&[]);
    let never = "c232ab00-9414-41ec-b3c8-9f6bdeced846";
    let call = |arguments| legacy("ask", arguments).header("mcp-session-id", never);
    let put = keeping(&[json!({ "do": "put", "value": 1, "version": 0 })]);
    server.answer(&by("alice", call(put))).await;
    let ended = "the session has ended, and its state with it";
    for (cause, text, status) in [
        ("session_ended", "Die Sitzung ist beendet.", 404),
        // The host has not sent this message.
        ("unavailable", "Der Speicher ist nicht erreichbar.", 200),
        // The kind counts, if it is named.
        ("unknown_handle", ended, 200),
    ] {
        let mut get = keeping(&[json!({ "do": "get" })]);
        get["says"] = json!(text);
        get["cause"] = json!(cause);
        let answered = server.answer(&by("bob", call(get))).await;
        assert_eq!(answered.status(), status, "{cause}: {text}");
        if status == 200 {
            assert_eq!(answered.text(), text);
        }
    }
}
