//! Async tools: they wait without blocking each other, and end when their client is gone.

use std::thread;

use serde_json::json;
use tests::{FrontDoor, Host, Layer};

#[test]
fn async_tools_answer_like_others() {
    let layer = Layer::of(["async-tools"]);
    for host in [
        Host::serve(&layer),
        Host::lambda(&layer, FrontDoor::rest_api("prod")),
    ] {
        for text in ["one", "two"] {
            let arguments = json!({ "text": text, "milliseconds": 5 });
            assert_eq!(host.connect().call("later", arguments).text(), text);
        }
    }
}

#[test]
fn calls_at_once_share_the_runtime_and_the_state() {
    let host = Host::serve(&Layer::of(["async-tools"]));
    // Neither ends before the other has started.
    let leaders = thread::scope(|scope| {
        let calls = [(); 2]
            .map(|()| scope.spawn(|| host.connect().call("meet", json!({})).text().to_owned()));
        calls.map(|call| call.join().expect("both meet"))
    });
    let mut leaders = leaders.to_vec();
    leaders.sort();
    assert_eq!(leaders, ["false", "true"]);
}

#[test]
fn a_tool_that_does_not_end_times_out_at_its_own_limit() {
    let layer = Layer::of(["async-tools"]);
    for host in [
        Host::serve(&layer),
        Host::lambda(&layer, FrontDoor::http_api("$default")),
    ] {
        let client = host.connect();
        let outcome = client.call("forever", json!({}));
        let text = outcome.error_text();
        let told = "tool forever timed out: its time limit is 300 ms; its author can raise it with #[tool(timeout = \"...\")] (request id ";
        assert!(text.starts_with(told), "{text}");
        host.wait_for_log("the tool was dropped");
        host.wait_for_log("limited: true");
        // The environment keeps serving.
        assert_eq!(
            client
                .call("later", json!({ "text": "next", "milliseconds": 0 }))
                .text(),
            "next"
        );
    }
}

#[test]
fn a_tool_that_polls_for_cancellation_ends_at_its_limit() {
    let host = Host::serve(&Layer::of(["async-tools"]));
    host.connect().call("spin", json!({}));
    host.wait_for_log("the loop was told");
}

#[test]
fn a_panic_of_an_async_tool_is_reported_to_the_operator_only() {
    let host = Host::serve(&Layer::of(["async-tools"]));
    let client = host.connect();
    let outcome = client.call("explodeLater", json!({ "secret": "s3cret" }));
    let text = outcome.error_text();
    assert!(
        text.starts_with("tool explodeLater failed unexpectedly (request id "),
        "{text}"
    );
    host.wait_for_log("the secret is s3cret at tests/fixtures/async-tools/src/lib.rs:");

    let outcome = client.call("explodeInATask", json!({ "secret": "s3cret" }));
    assert_eq!(outcome.error_text(), "the task failed");
    host.wait_for_log(
        "a panic: the secret of the task is s3cret at tests/fixtures/async-tools/src/lib.rs:",
    );
}
