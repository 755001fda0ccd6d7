//! Calls with tools that ask the client, round by round.

use std::{fmt::Write as _, time::Duration};

use plugin_abi::host_op::INPUT;
use serde_json::{Value, json};

use crate::{
    plugin::Caller,
    process::log::captured_log::CapturedLog,
    server::tests::server::{Answered, Sent, Server, legacy, modern},
};

const KEY: (&str, &str) = ("MCP_STATE_KEY", "0123456789abcdef0123456789abcdef");

/// Returns a question for a name.
fn question(message: &str) -> Value {
    json!({
        "method": "elicitation/create",
        "params": {
            "message": message,
            "requestedSchema": {
                "type": "object",
                "properties": { "name": { "type": "string" } },
                "required": ["name"],
            },
        },
    })
}

fn answer(name: &str) -> Value {
    json!({ "action": "accept", "content": { "name": name } })
}

/// Returns a call with a tool that asks all this at once.
fn asking(requests: &Value) -> Sent {
    asking_one_by_one(&[requests])
}

fn asking_one_by_one(requests: &[&Value]) -> Sent {
    let ops: Vec<_> = requests
        .iter()
        .map(|requests| json!([INPUT, { "requests": requests }]))
        .collect();
    capable(
        modern("ask", json!({ "ops": ops })),
        json!({ "elicitation": {}, "roots": {}, "sampling": {} }),
    )
}

fn capable(sent: Sent, capabilities: Value) -> Sent {
    sent.meta("io.modelcontextprotocol/clientCapabilities", capabilities)
}

/// Returns the same call again, with the state that came back and these responses.
fn again(mut sent: Sent, state: &Value, responses: Value) -> Sent {
    sent.body["params"]["requestState"] = state.clone();
    sent.body["params"]["inputResponses"] = responses;
    sent
}

impl Sent {
    fn by(mut self, principal: &str) -> Self {
        self.caller = Caller {
            principal: Some(principal.to_owned()),
            ..Caller::default()
        };
        self
    }
}

impl Answered {
    /// Returns the keys of the client's questions, and the state to send back.
    fn asked(&self) -> (Vec<String>, Value) {
        let body = self.json();
        let result = &body["result"];
        assert_eq!(result["resultType"], "input_required", "{body}");
        let requests = result["inputRequests"].as_object().expect("questions");
        (
            requests.keys().cloned().collect(),
            result["requestState"].clone(),
        )
    }

    /// Returns the host's reply to each of the tool's questions.
    fn told(&self) -> Value {
        self.seen()["outcomes"].clone()
    }
}

#[tokio::test]
async fn each_round_knows_the_answers_of_all_before_it() {
    let server = Server::start(&[KEY]);
    let (first, second) = (
        json!({ "a": question("A?") }),
        json!({ "b": question("B?") }),
    );
    let sent = || asking_one_by_one(&[&first, &second]);
    // Both are asked: this tool continues after the first.
    let (asked, state) = server.answer(&sent()).await.asked();
    assert_eq!(asked, ["a", "b"]);
    let (asked, state) = server
        .answer(&again(sent(), &state, json!({ "a": answer("Ann") })))
        .await
        .asked();
    assert_eq!(asked, ["b"]);
    let told = server
        .answer(&again(sent(), &state, json!({ "b": answer("Bea") })))
        .await
        .told();
    assert_eq!(
        told,
        json!([
            { "answers": { "a": answer("Ann") } },
            { "answers": { "b": answer("Bea") } },
        ])
    );
}

#[tokio::test]
async fn missing_and_wrong_answers_are_asked_again_and_extra_ones_ignored() {
    let server = Server::start(&[KEY]);
    let sent = || asking(&json!({ "a": question("A?") }));
    let (_, state) = server.answer(&sent()).await.asked();
    for responses in [
        json!({}),
        json!({ "other": answer("Ann") }),
        json!({ "a": 12345 }),
        json!({ "a": { "action": "accept", "content": { "name": 5 } } }),
        Value::Null,
    ] {
        let sent = again(sent(), &state, responses.clone());
        let (asked, _) = server.answer(&sent).await.asked();
        assert_eq!(asked, ["a"], "{responses}");
    }
    let responses = json!({ "a": answer("Ann"), "other": 1, "another": answer("Bea") });
    let told = server
        .answer(&again(sent(), &state, responses))
        .await
        .told();
    assert_eq!(told, json!([{ "answers": { "a": answer("Ann") } }]));
    for refused in [
        json!({ "action": "decline" }),
        json!({ "action": "cancel" }),
    ] {
        let responses = json!({ "a": refused });
        let told = server
            .answer(&again(sent(), &state, responses))
            .await
            .told();
        assert_eq!(told, json!([{ "answers": { "a": refused } }]));
    }
}

#[tokio::test]
async fn answers_without_state_match_any_question() {
    let server = Server::start(&[KEY]);
    let mut sent = asking(&json!({ "a": question("A?") }));
    sent.body["params"]["inputResponses"] = json!({ "a": answer("Ann"), "other": 1 });
    let told = server.answer(&sent).await.told();
    assert_eq!(told, json!([{ "answers": { "a": answer("Ann") } }]));
}

#[tokio::test]
async fn a_state_is_for_its_own_call_alone() {
    let server = Server::start(&[KEY]);
    let sent = || asking(&json!({ "a": question("A?") })).by("alice");
    let (_, state) = server.answer(&sent()).await.asked();
    let responses = || json!({ "a": answer("Ann") });
    let told = server
        .answer(&again(sent(), &state, responses()))
        .await
        .told();
    assert_eq!(told, json!([{ "answers": responses() }]));

    let (_, of_nobody) = {
        let nobody = asking(&json!({ "a": question("A?") }));
        server.answer(&nobody).await.asked()
    };
    let mut other_tool = sent().header("mcp-name", "formal");
    other_tool.body["params"]["name"] = json!("formal");
    let mut tampered = state.as_str().expect("text").to_owned();
    let _ = write!(tampered, "-TAMPERED");
    for (what, sent, state) in [
        ("another caller's", sent().by("bob"), &state),
        (
            "a caller's, brought by nobody",
            asking(&json!({ "a": question("A?") })),
            &state,
        ),
        ("nobody's, brought by a caller", sent(), &of_nobody),
        (
            "of other arguments",
            asking(&json!({ "a": question("B?") })).by("alice"),
            &state,
        ),
        ("another tool's", other_tool, &state),
        ("tampered with", sent(), &json!(tampered)),
        ("made up", sent(), &json!("e30")),
        ("empty", sent(), &json!("")),
    ] {
        let answered = server.answer(&again(sent, state, responses())).await;
        let body = answered.json();
        assert_eq!(body["error"]["code"], -32602, "{what}: {body}");
        assert_eq!(body["id"], 1, "{what}");
        let message = body["error"]["message"].as_str().expect("words");
        assert!(message.contains("requestState"), "{what}: {message}");
        assert!(!message.contains("Ann"), "{what}: {message}");
    }
    // First texts that are no state at all.
    for (member, value) in [
        ("requestState", json!(5)),
        ("inputResponses", json!([])),
        ("inputResponses", json!("a")),
    ] {
        let mut sent = sent();
        sent.body["params"][member] = value;
        let body = server.answer(&sent).await.json();
        assert_eq!(body["error"]["code"], -32602, "{body}");
    }
}

#[tokio::test]
async fn a_state_expires_and_keys_can_be_changed_without_losing_one() {
    let sent = || asking(&json!({ "a": question("A?") }));
    let responses = || json!({ "a": answer("Ann") });
    let hasty = Server::start(&[KEY, ("MCP_STATE_TTL_SECONDS", "1")]);
    let (_, state) = hasty.answer(&sent()).await.asked();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent_late = again(sent(), &state, responses());
    let body = hasty.answer(&sent_late).await.json();
    assert_eq!(body["error"]["code"], -32602, "{body}");

    let (old, new) = (KEY.1, "fedcba9876543210fedcba9876543210");
    let (_, state) = Server::start(&[KEY]).answer(&sent()).await.asked();
    for (keys, good) in [
        (format!("{new}, {old}"), true),
        (format!("{old},{new}"), true),
        (new.to_owned(), false),
    ] {
        let server = Server::start(&[("MCP_STATE_KEY", &keys)]);
        let body = server
            .answer(&again(sent(), &state, responses()))
            .await
            .json();
        assert_eq!(body.get("result").is_some(), good, "{keys}: {body}");
    }
    // A process without a configured key accepts no other process's state.
    let alone = Server::start(&[]);
    let (_, own) = alone.answer(&sent()).await.asked();
    alone.answer(&again(sent(), &own, responses())).await.told();
    let body = alone
        .answer(&again(sent(), &state, responses()))
        .await
        .json();
    assert_eq!(body["error"]["code"], -32602, "{body}");
}

#[tokio::test]
async fn a_state_belongs_to_its_own_function() {
    let sent = || asking(&json!({ "a": question("A?") }));
    let responses = || json!({ "a": answer("Ann") });
    let function = |name| Server::start(&[KEY, ("AWS_LAMBDA_FUNCTION_NAME", name)]);
    let (_, state) = function("tried-out").answer(&sent()).await.asked();
    for (server, good) in [
        (function("tried-out"), true),
        (function("for-real"), false),
        (Server::start(&[KEY]), false),
    ] {
        let sent = again(sent(), &state, responses());
        let body = server.answer(&sent).await.json();
        assert_eq!(body.get("result").is_some(), good, "{body}");
    }
}

#[tokio::test]
async fn a_client_without_the_capability_is_not_asked() {
    let one = json!({ "a": question("A?") });
    let sent = |capabilities: Value| capable(asking(&one), capabilities);
    let on_lambda = [("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")];
    for (server, sent, words) in [
        (Server::start(&[KEY]), sent(json!({})), "elicitation.form"),
        (
            Server::start(&[KEY]),
            sent(json!({ "elicitation": { "url": {} }, "sampling": {} })),
            "elicitation.form",
        ),
        (
            Server::start(&[KEY]),
            legacy("ask", json!({ "ops": [[INPUT, { "requests": one }]] })),
            "2026-07-28",
        ),
        (
            Server::start(&on_lambda),
            sent(json!({ "elicitation": {} })),
            "MCP_STATE_KEY",
        ),
        // A state that it cannot open, since it has lost its key.
        (
            Server::start(&on_lambda),
            again(
                sent(json!({ "elicitation": {} })),
                &json!("state"),
                json!({}),
            ),
            "MCP_STATE_KEY",
        ),
    ] {
        let told = server.answer(&sent).await.told();
        assert_eq!(told[0]["kind"], "cannot_ask", "{words}: {told}");
        let public = told[0]["public"].as_str().expect("words");
        assert!(public.contains(words), "{words}: {public}");
    }
}

#[tokio::test]
async fn a_call_with_open_questions_asks_its_client_whatever_the_tool_returns() {
    let server = Server::start(&[KEY]);
    // The tool asks before it fails, in each possible way.
    for ends in [
        json!({ "kind": "panic", "detail": "called unwrap" }),
        json!({ "kind": "protocol", "code": 42, "public": "no" }),
        json!({ "kind": "unavailable" }),
    ] {
        let mut failing = ends.clone();
        failing["asks"] = json!({ "a": question("A?") });
        let sent = || {
            capable(
                modern("fail", failing.clone()),
                json!({ "elicitation": {} }),
            )
        };
        let operator = CapturedLog::new("WARN");
        let (asked, state) = server.answer(&sent()).await.asked();
        assert_eq!(asked, ["a"], "{ends}");
        let [line] = &operator.lines()[..] else {
            panic!("{ends}: {:?}", operator.lines());
        };
        assert_eq!(line["level"], "ERROR", "{line}");
        assert_eq!(
            line["message"],
            "a call failed after it asked its client for input; the client still gets the questions",
            "{line}"
        );
        assert_eq!(line["request_id"], "request-1", "{line}");
        // Once the question is answered, the failure counts.
        let responses = json!({ "a": answer("Ann") });
        let body = server
            .answer(&again(sent(), &state, responses))
            .await
            .json();
        let failed = body.get("error").is_some() || body["result"]["isError"] == true;
        assert!(failed, "{ends}: {body}");
    }
}

#[tokio::test]
async fn too_large_answers_are_refused() {
    let server = Server::start(&[KEY]);
    let sent = || asking(&json!({ "a": question("A?") }));
    let (_, state) = server.answer(&sent()).await.asked();
    let responses = json!({ "a": answer(&"x".repeat(1024 * 1024)) });
    let body = server
        .answer(&again(sent(), &state, responses))
        .await
        .json();
    assert_eq!(body["error"]["code"], -32602);
    let message = body["error"]["message"].as_str().expect("words");
    assert!(message.contains("bytes"), "{message}");
}
