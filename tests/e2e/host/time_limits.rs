//! Time limits: calls end even if their tools do not.

use serde_json::{Value, json};
use tests::{CallOutcome, Environment, FrontDoor, Host, Layer, http_api_event};

/// A time longer than any test.
const FOREVER: u64 = 100_000;

const LIMIT: (&str, &str) = ("MCP_CALL_TIMEOUT_MS", "300");

const GIVEN_UP: &str = "tool nap timed out: the server allows 300 ms per call; the operator can raise MCP_CALL_TIMEOUT_MS (request id ";

fn assert_given_up(text: &str) {
    assert!(text.starts_with(GIVEN_UP), "{text}");
}

fn assert_slept(outcome: &CallOutcome) {
    let result = &outcome.message()["result"];
    assert_eq!(result, &json!({ "content": [] }));
}

#[test]
fn a_tool_that_never_returns_costs_its_own_plugin_until_it_does() {
    let layer = Layer::of(["sleeps", "custom-tools"]);
    let host = Host::serve_with(&layer, &[LIMIT]);
    let client = host.connect();
    assert_given_up(
        client
            .call("nap", json!({ "seconds": FOREVER }))
            .error_text(),
    );
    let refused = client.call("nap", json!({ "seconds": 0 }));
    let text = refused.error_text();
    let told = "tool nap is not available at the moment: an earlier call of its plugin timed out and still runs; try again later (request id ";
    assert!(text.starts_with(told), "{text}");
    assert_eq!(
        client.call("multiply", json!({ "x": 6, "y": 7 })).text(),
        "42"
    );
    let health = host.health();
    assert_eq!(health["status"], "degraded", "{health}");
    let left_out = json!([{ "file": "libsleeps.so", "code": "PLUGIN_QUARANTINED" }]);
    assert_eq!(health["leftOut"], left_out);
}

#[test]
fn a_plugin_serves_again_when_its_tool_has_come_back() {
    let host = Host::serve_with(&Layer::of(["sleeps"]), &[LIMIT]);
    let client = host.connect();
    assert_given_up(client.call("nap", json!({ "seconds": 2 })).error_text());
    host.wait_for_log("the tool returned");
    assert_slept(&client.call("nap", json!({ "seconds": 0 })));
    assert_eq!(host.health()["status"], "ok");
}

#[test]
fn on_lambda_a_tool_that_never_returns_costs_its_environment_after_the_answer() {
    let layer = Layer::of(["sleeps"]);
    for door in [FrontDoor::http_api("$default"), FrontDoor::rest_api("prod")] {
        let host = Host::lambda_with(&layer, door, &[LIMIT]);
        for _ in 0..2 {
            let outcome = host.connect().call("nap", json!({ "seconds": FOREVER }));
            assert_given_up(outcome.error_text());
        }
        // The log line of a request names its invocation.
        let log = host.log();
        let line = log
            .lines()
            .find(|line| line.contains("call timed out: the server allows"));
        let line = line.expect("there is such a line");
        assert!(line.contains("Lambda runtime invoke{requestId="), "{line}");
        assert_slept(&host.connect().call("nap", json!({ "seconds": 0 })));
        host.wait_for_log("this environment ends, and a fresh one serves the next request");
        // Lines with blanks before them are quoted by errors.
        let log = host.log();
        let starts = log
            .lines()
            .filter(|line| !line.starts_with(' ') && line.contains(" serving "));
        assert_eq!(starts.count(), 3, "{log}");
    }
}

#[test]
fn a_call_ends_before_the_function_does() {
    // The limit comes from the function's 30 seconds; the gateway's limit does not apply.
    let limits = [
        ("MCP_CALL_RESERVE_MS", "29700"),
        ("MCP_CALL_TIMEOUT_MS", "900000"),
    ];
    let layer = Layer::of(["sleeps"]);
    let host = Host::lambda_with(&layer, FrontDoor::http_api("$default"), &limits);
    let outcome = host.connect().call("nap", json!({ "seconds": FOREVER }));
    let text = outcome.error_text();
    assert!(
        text.starts_with("tool nap timed out: the function's timeout left "),
        "{text}"
    );
}

#[test]
fn concurrent_invocations_run_concurrent_calls() {
    let layer = Layer::of(["async-tools", "sleeps"]);
    let mut environment = Environment::start(&layer, 3, &[LIMIT]);
    // Neither ends before the other has started.
    let meet = call("meet", json!({}));
    let invocations = [(); 2].map(|()| environment.begin(&meet));
    let mut leaders = invocations.map(|invocation| text(&invocation.answer()));
    leaders.sort();
    assert_eq!(leaders, ["false", "true"]);
    // The environment must end, but running calls are answered first.
    let stuck = environment.invoke(&call("nap", json!({ "seconds": FOREVER })));
    assert_given_up(&text(&stuck));
    assert_eq!(environment.exit_code(), Some(0));
}

/// Returns the event of an HTTP API.
fn call(tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    http_api_event(
        None,
        "POST",
        &json!({ "content-type": "application/json" }),
        &message,
    )
}

fn text(answer: &Value) -> String {
    let body = answer["body"].as_str().unwrap_or_default();
    let message: Value = serde_json::from_str(body).expect("a message");
    let text = message["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text in {answer}"))
        .to_owned()
}
