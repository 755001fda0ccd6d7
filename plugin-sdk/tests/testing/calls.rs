//! Calls and their outcomes.

use std::time::Duration;

use plugin_sdk::{
    serde_json::{Value, json},
    testing::plugin,
};

use crate::panic_of;

#[test]
fn a_call_has_the_context_that_the_test_gives_it() {
    let look = plugin().tool("look");
    let facts = |outcome: &plugin_sdk::testing::Outcome| outcome.structured().cloned();
    assert_eq!(
        facts(&look.call(json!({}))),
        Some(json!(["", "null", "", "{}", "", "", "2026-07-28", "60"]))
    );
    let outcome = look
        .clone()
        .with_client("a-client", "1.2")
        .with_capabilities(json!({"roots": {}}))
        .with_principal("alice", json!({"scope": "all"}))
        .with_header("X-One", "1")
        .with_header("x-TWO", "2")
        .with_trace(json!({"traceparent": "00-1"}))
        .with_timeout(Duration::from_secs(120))
        .call(json!({"header": "x-Two"}));
    assert_eq!(
        facts(&outcome),
        Some(json!([
            "a-client 1.2",
            r#"{"roots":{}}"#,
            "alice",
            r#"{"scope":"all"}"#,
            "2",
            "00-1",
            "2026-07-28",
            "2"
        ]))
    );
    // Settings of a clone do not affect the original.
    assert_eq!(
        look.call(json!({}))
            .structured()
            .map(|facts| facts[2].clone()),
        Some(json!(""))
    );
}

#[test]
fn the_outcome_has_progress_messages_and_logs() {
    let outcome = plugin().tool("tell").call(json!({}));
    assert_eq!(outcome.text(), "one\ntwo");
    assert_eq!(outcome.content().len(), 2);
    assert_eq!(outcome.structured(), None);
    assert_eq!(outcome.meta(), Some(&json!({"example.com/a": 1})));
    assert_eq!(outcome.failure(), None);
    assert!(!outcome.is_error());
    assert_eq!(
        outcome.progress(),
        [
            json!({"progress": 1.0, "total": 2.0, "message": "half"}),
            json!({"progress": 2.0})
        ]
    );
    assert_eq!(
        outcome.messages(),
        [json!({"level": "debug", "logger": "plugin-sdk", "data": {"a": 1}})]
    );
    let line = |level: &str, message: &str| json!({"level": level, "target": "of.tests", "message": message, "plugin": "plugin-sdk"});
    assert_eq!(
        outcome.logs(),
        [line("info", "a line"), line("trace", "a detail")]
    );
    let again = plugin().tool("tell").call(json!({}));
    assert_eq!(again.logs().len(), 2, "each call tells for itself");
}

#[test]
fn a_call_that_fails_has_an_outcome_as_well() {
    let fail = plugin().tool("fail");
    let outcome = fail.call(json!({"how": "own"}));
    assert!(outcome.is_error());
    assert_eq!(outcome.error_text(), "an error");
    assert_eq!(outcome.failure(), None);
    assert_eq!(panic_of(|| outcome.text()), "the call failed: an error");

    let outcome = fail.call(json!({"how": "protocol"}));
    let failure = json!({"kind": "protocol", "code": 7, "public": "of the protocol"});
    assert_eq!(outcome.failure(), Some(&failure));
    for message in [
        panic_of(|| outcome.text()),
        panic_of(|| outcome.error_text()),
        panic_of(|| outcome.is_error()),
        panic_of(|| outcome.structured().cloned()),
    ] {
        assert_eq!(message, format!("the call has no result: {failure}"));
    }

    let outcome = fail.call(json!({"how": "panic"}));
    let failure = outcome.failure().expect("a failure");
    assert_eq!(failure["kind"], "panic");
    assert!(
        failure["detail"]
            .as_str()
            .is_some_and(|detail| detail.starts_with("a panic of the tool at "))
    );

    let outcome = fail.call(json!({"how": "not at all"}));
    assert_eq!(panic_of(|| outcome.error_text()), "the call succeeded: 1");
}

fn given_up(limit: &str) -> Value {
    let detail = format!("the call timed out: its time limit is {limit}");
    json!({ "kind": "cancelled", "detail": detail })
}

#[test]
fn a_call_ends_with_its_time() {
    let short = Duration::from_millis(20);
    for (timeout, limit) in [(short, "20 ms"), (Duration::ZERO, "0 ms")] {
        let wait = plugin().tool("wait").with_timeout(timeout);
        let outcome = wait.call(json!({"seconds": 3600}));
        assert_eq!(outcome.failure(), Some(&given_up(limit)));
    }
    let declared = plugin().tool("waitTooLong").call(json!({}));
    assert_eq!(declared.failure(), Some(&given_up("20 ms")));
    for ample in [Duration::from_secs(3600), Duration::MAX] {
        let in_time = plugin().tool("wait").with_timeout(ample);
        assert_eq!(in_time.call(json!({"seconds": 0})).text(), "waited");
    }
    let stops = plugin().tool("work").with_timeout(short).call(json!({}));
    assert_eq!(
        stops.text(),
        "stopped",
        "what comes within the grace counts"
    );
}

/// It runs for 3 s. It would begin once more if its arguments were delivered twice.
#[test]
fn a_sync_tool_that_does_not_stop_times_out() {
    let stubborn = plugin().tool("stubborn");
    let patient = stubborn.clone().with_timeout(Duration::from_secs(60));
    let refused = patient.call(json!({"count": "none"})).error_text();
    assert!(refused.contains("/count"), "{refused}");
    for arguments in [json!({"count": 3}), json!({"count": "3"})] {
        let outcome = stubborn.call(arguments.clone());
        assert_eq!(outcome.failure(), Some(&given_up("200 ms")), "{arguments}");
        assert_eq!(outcome.progress(), [json!({"progress": 3.0})]);
        let logs = outcome.logs();
        assert_eq!(logs.len(), 1, "{arguments}: it began once: {logs:?}");
        assert_eq!(logs[0]["message"], "begun");
    }
}

#[test]
fn a_structured_result_is_what_its_schema_says() {
    let structured = plugin().tool("structured");
    let call = |how: u8| structured.call(json!({ "how": how }));
    assert_eq!(call(0).structured(), Some(&json!({"a": 1})));
    for (how, message) in [
        (
            1,
            r#"the structured result is not what the outputSchema says: /a must be an integer, not the string "1""#,
        ),
        (
            2,
            "the structured result is not what the outputSchema says: /a is missing (it must be an integer)",
        ),
        (
            3,
            "the tool declares an outputSchema, but returned no structured result",
        ),
    ] {
        assert_eq!(panic_of(|| call(how)), message, "how: {how}");
    }
    // A failure need not have one.
    assert!(call(4).is_error());
    assert_eq!(
        call(5).failure().map(|failure| &failure["kind"]),
        Some(&json!("protocol"))
    );
    assert_eq!(
        call(6).failure().map(|failure| &failure["kind"]),
        Some(&json!("panic"))
    );
}

#[tokio::test]
async fn a_test_that_runs_on_a_runtime_may_call_async_tools() {
    let outcome = plugin().tool("wait").call(json!({"seconds": 0}));
    assert_eq!(outcome.text(), "waited");
    let outcome = plugin().tool("fail").call(json!({"how": "own"}));
    assert_eq!(outcome.error_text(), "an error");
}

#[test]
fn the_state_is_built_once_in_the_tests_of_a_crate() {
    let count = || plugin().tool("count").call(json!({})).text();
    assert_eq!([count(), count(), count()], ["5", "6", "7"]);
}

#[test]
fn calls_at_once_have_records_of_their_own() {
    let tell = plugin().tool("tell");
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| tell.call(json!({}))))
            .collect();
        for call in calls {
            let outcome = call.join().expect("no panic");
            assert_eq!(outcome.progress().len(), 2);
            assert_eq!(outcome.logs().len(), 2);
        }
    });
}

#[test]
fn arguments_are_coerced_and_refused_as_by_the_host() {
    let numbers = plugin().tool("numbers");
    for arguments in [
        json!({"count": 2, "list": [1]}),
        json!({"count": "2", "list": ["1"]}),
        json!({"count": 2.0, "list": "[1]"}),
    ] {
        assert_eq!(
            numbers.call(arguments.clone()).text(),
            "2 [1]",
            "arguments: {arguments}"
        );
    }
    for (arguments, word) in [
        (json!({"count": "two", "list": []}), "/count"),
        (json!({"count": 11, "list": []}), "10"),
        (json!({"count": 2}), "list"),
        (json!({"count": 2, "list": [], "more": 1}), "more"),
    ] {
        let refused = numbers.call(arguments.clone()).error_text();
        assert!(refused.contains(word), "{arguments}: {refused}");
    }
    let strict = plugin().tool("strictly");
    assert_eq!(strict.call(json!({"count": 2})).text(), "2");
    assert!(strict.call(json!({"count": "2"})).is_error());
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for arguments in [
        json!({"header": 1}),
        json!({"unknown": 1}),
        json!([]),
        Value::Null,
    ] {
        let outcome = plugin().tool("look").call(arguments.clone());
        let refused = match outcome.failure() {
            Some(failure) => failure["kind"] == "invalid_arguments",
            None => outcome.is_error(),
        };
        assert!(refused, "arguments: {arguments}");
    }
}
