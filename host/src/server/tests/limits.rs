//! Timeouts and limits of calls.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant, SystemTime},
};

use futures_util::future::join_all;
use plugin_abi::host_op::CANCELLED;
use serde_json::{Value, json};

use crate::{
    plugin::{lookup, number_of_request},
    server::tests::{
        plugin::{LINGERED, request, was_cancelled},
        server::{Answered, Server, legacy, modern},
    },
};

const MINUTE: u64 = 60_000;

const TOO_LONG: &str = "tool hurried timed out: its time limit is 50 ms; its author can raise it with #[tool(timeout = \"...\")] (request id request-1)";

/// Returns the host's reply to a plugin that asks whether its call was cancelled.
fn cancelled(number: u64) -> Value {
    let mut host = crate::plugin::process_host();
    host.call = number;
    request(host, CANCELLED, &Value::Null)
}

fn is_error(answered: &Answered) -> bool {
    answered.json()["result"]["isError"] == true
}

#[tokio::test]
async fn a_tool_that_heeds_its_cancellation_is_answered_at_once() {
    let server = Server::start(&[]);
    for arguments in [
        json!({ "ms": MINUTE, "heeds": "cancelled" }),
        json!({ "ms": MINUTE, "heeds": "cancel" }),
    ] {
        for sent in [
            modern("hurried", arguments.clone()),
            legacy("hurried", arguments.clone()),
        ] {
            let answered = server.answer(&sent).await;
            assert_eq!(answered.text(), TOO_LONG, "{arguments}");
            assert!(is_error(&answered), "{arguments}");
        }
    }
}

#[tokio::test]
async fn a_result_given_within_the_cancel_grace_counts() {
    let server = Server::start(&[]);
    let arguments = json!({ "ms": MINUTE, "heeds": "cancelled", "ends": "ok" });
    let answered = server.answer(&modern("hurried", arguments)).await;
    assert_eq!(answered.seen(), "as far as it came");
    assert!(!is_error(&answered));
}

#[tokio::test]
async fn a_stubborn_tool_is_answered_for_and_stays_registered_as_cancelled_until_it_returns() {
    let server = Server::start(&[]);
    let begun = Instant::now();
    let sent = modern("hurried", json!({ "ms": 1500 }))
        .meta("progressToken", json!(1))
        .named("stubborn");
    let answered = server.answer(&sent).await;
    assert_eq!(answered.text(), TOO_LONG.replace("request-1", "stubborn"));
    let number = number_of_request("stubborn").expect("the call is registered while its tool runs");
    assert!(was_cancelled(number));
    assert_eq!(cancelled(number), json!({ "cancelled": true }));
    while number_of_request("stubborn").is_some() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never ends");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(cancelled(number)["kind"], "call_ended");
}

#[tokio::test]
async fn the_time_limit_of_the_function_ends_a_call_as_well() {
    let server = Server::start(&[]);
    let deadline = SystemTime::now() + Duration::from_millis(50);
    let arguments = json!({ "ms": MINUTE, "heeds": "cancelled" });
    let answered = server
        .answer(&modern("linger", arguments.clone()).due(deadline))
        .await;
    let text = answered.text();
    assert!(
        text.starts_with("tool linger timed out: the function's timeout left ")
            && text.ends_with(
                " ms for the call; the operator can raise the function's timeout (request id request-1)"
            ),
        "{text}"
    );
    // The deadline has passed before the call begins: the tool is not called.
    let past = SystemTime::now() - Duration::from_secs(1);
    let answered = server.answer(&modern("linger", arguments).due(past)).await;
    assert!(
        answered.text().contains("left 0 ms for the call"),
        "{}",
        answered.text()
    );
}

#[tokio::test]
async fn a_modern_client_that_hangs_up_cancels_its_call_and_a_legacy_one_does_not() {
    let server = Server::start(&[]);
    for (sent, expected) in [
        (
            modern("linger", json!({ "ms": 1000 })).named("modern"),
            true,
        ),
        (
            legacy("linger", json!({ "ms": 1000 })).named("legacy"),
            false,
        ),
    ] {
        let answer = tokio::time::timeout(Duration::from_millis(100), server.answer(&sent)).await;
        assert!(answer.is_err(), "it took a second");
        let number = number_of_request(sent.request_id).expect("the tool goes on");
        assert_eq!(cancelled(number), json!({ "cancelled": expected }));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(was_cancelled(number), expected, "{}", sent.request_id);
    }
}

#[tokio::test]
async fn abandoned_calls_end_in_any_number() {
    /// As many as tokio has threads for them, so that no thread is left to cancel them.
    const ALL: usize = 512;
    let server = Server::start(&[("MCP_MAX_CONCURRENT_CALLS", "512")]);
    let arguments = json!({ "ms": MINUTE, "heeds": "cancel" });
    let sent = modern("linger", arguments);
    let before = LINGERED.load(Ordering::Acquire);
    let mut calls = join_all((0..ALL).map(|_| server.answer(&sent)));
    let begun = async {
        while LINGERED.load(Ordering::Acquire) < before + ALL {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        _ = &mut calls => panic!("they take a minute"),
        () = begun => {}
    }
    drop(calls);
    let other = modern("reply", json!({}));
    let answered = async {
        while server.answer(&other).await.status() == 503 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(30), answered).await;
    assert!(answered.is_ok(), "no thread is left for another call");
}

#[tokio::test]
async fn a_large_batch_of_calls_stays_within_the_concurrency_limit() {
    let server = Server::start(&[("MCP_MAX_CONCURRENT_CALLS", "16")]);
    let mut sent = legacy("", json!({}));
    let calls = (0..100).map(|id| {
        let mut call = legacy("linger", json!({ "ms": 1 })).body;
        call["id"] = json!(id);
        call
    });
    sent.body = calls.collect();
    let answered = server.answer(&sent).await;
    assert_eq!(answered.status(), 200);
    let answers = answered.json();
    let answers = answers.as_array().expect("an array");
    assert_eq!(answers.len(), 100);
    for (id, answer) in answers.iter().enumerate() {
        assert_eq!(answer["id"], id, "{answer}");
        assert!(answer.get("result").is_some(), "{answer}");
    }
}

#[tokio::test]
async fn a_call_beyond_the_limit_is_refused_at_once() {
    let server = Server::start(&[("MCP_MAX_CONCURRENT_CALLS", "1")]);
    let calling = |request_id| {
        let arguments = json!({ "ms": MINUTE, "heeds": "cancelled" });
        legacy("linger", arguments).named(request_id)
    };
    let (first, second) = (calling("crowding"), calling("crowded out"));
    let in_vain = tokio::time::timeout(Duration::from_millis(50), server.answer(&first)).await;
    assert!(in_vain.is_err(), "it takes a minute");
    // The client of the first call has left, but the call still runs.
    let number = number_of_request("crowding").expect("the tool goes on");
    for sent in [
        second,
        modern("reply", json!({})).named("crowded out"),
        legacy("reply", json!({})).named("crowded out"),
    ] {
        let answered = server.answer(&sent).await;
        assert_eq!(answered.status(), 503);
        assert_eq!(answered.header("retry-after"), Some("1"));
        let error = &answered.json()["error"];
        assert_eq!(error["code"], -32603, "{error}");
        let words = "was not called: the server is at its limit of concurrent calls, 1; try again later (request id crowded out)";
        let message = error["message"].as_str().expect("words");
        assert!(message.ends_with(words), "{message}");
    }
    // Other requests are answered as before.
    assert_eq!(
        server
            .answer(&modern("", json!({})).listing())
            .await
            .status(),
        200
    );
    lookup(number).expect("the tool goes on").cancel();
    let begun = Instant::now();
    while server.answer(&modern("reply", json!({}))).await.status() == 503 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never ends");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_time_limit_holds_after_the_client_has_left() {
    let server = Server::start(&[]);
    let arguments = json!({ "ms": MINUTE, "heeds": "cancel" });
    let sent = legacy("hurried", arguments).named("left alone");
    let answer = tokio::time::timeout(Duration::from_millis(10), server.answer(&sent)).await;
    assert!(answer.is_err(), "it has 50 ms");
    let begun = Instant::now();
    while number_of_request("left alone").is_some() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never ends");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
