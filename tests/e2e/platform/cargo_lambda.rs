//! The same `bootstrap` under an emulator that is not ours: `cargo lambda watch`, and its Function URL.

use serde_json::json;
use tests::{Host, Layer};

use crate::host::streaming::is_followed;

#[test]
fn an_emulator_that_is_not_ours_lists_and_calls() {
    let host = Host::cargo_lambda(&Layer::of(["custom-tools"]), &[]);
    let client = host.connect();
    assert_eq!(client.list(), ["greet", "multiply", "add"]);
    for (tool, arguments, text) in [
        ("greet", json!({ "name": "Ada" }), "Hello, Ada!"),
        ("add", json!({ "a": 2, "b": 3 }), "5"),
        ("multiply", json!({ "x": "6", "y": 7 }), "42"),
    ] {
        assert_eq!(client.call(tool, arguments).text(), text, "{tool}");
    }
    let refused = client.call("add", json!({ "a": 2 }));
    assert!(refused.error_text().contains("/b is missing"));
    let discovered = client.discover();
    let modern = &discovered["result"]["supportedVersions"];
    assert!(modern.to_string().contains("2026-07-28"), "{discovered}");
    assert_eq!(host.health()["tools"], json!(["greet", "multiply", "add"]));
}

/// The emulator gives every invocation a deadline ten minutes after the beginning of 1970.
#[test]
fn a_deadline_in_the_past_is_ignored() {
    let host = Host::cargo_lambda(&Layer::of(["async-tools"]), &[]);
    let client = host.connect();
    for _ in 0..2 {
        let arguments = json!({ "text": "at last", "milliseconds": 500 });
        assert_eq!(client.call("later", arguments).text(), "at last");
    }
    // The time limits of tools still apply.
    let given_up = client.call("forever", json!({}));
    assert!(
        given_up.error_text().contains("300 ms"),
        "{}",
        given_up.error_text()
    );
}

/// The emulator forwards the chunks of a response as they come.
#[test]
fn an_emulator_that_is_not_ours_streams() {
    let stream = [("MCP_RESPONSE_MODE", "stream")];
    let host = Host::cargo_lambda(&Layer::of(["custom-tools"]), &stream);
    let client = host.connect();
    assert_eq!(client.list(), ["greet", "multiply", "add"]);
    let sum = client.call("add", json!({ "a": 2, "b": 3 }));
    assert_eq!(sum.text(), "5");
    is_followed(&Host::cargo_lambda(&Layer::of(["async-tools"]), &stream));
}
