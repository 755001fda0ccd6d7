//! The clients of the official SDKs, through every door.

use serde_json::{Value, json};
use tests::{Door, Host, Layer, node_client, python_client};

#[test]
fn the_python_sdk_lists_and_calls_in_every_mode_through_serve() {
    through_python(&Host::serve(&Layer::of(["custom-tools"])));
}

#[test]
fn the_python_sdk_lists_and_calls_in_every_mode_through_a_rest_api() {
    through_python(&Host::lambda(
        &Layer::of(["custom-tools"]),
        Door::rest_api("prod"),
    ));
}

#[test]
fn the_python_sdk_lists_and_calls_in_every_mode_through_an_http_api() {
    through_python(&Host::lambda(
        &Layer::of(["custom-tools"]),
        Door::http_api("$default"),
    ));
}

#[test]
fn the_typescript_sdks_list_and_call_in_every_mode_through_serve() {
    through_node(&Host::serve(&Layer::of(["custom-tools"])));
}

#[test]
fn the_typescript_sdks_list_and_call_in_every_mode_through_a_rest_api() {
    through_node(&Host::lambda(
        &Layer::of(["custom-tools"]),
        Door::rest_api("prod"),
    ));
}

fn through_python(host: &Host) {
    for (mode, revision) in [
        ("auto", "2026-07-28"),
        ("legacy", "2025-11-25"),
        ("2026-07-28", "2026-07-28"),
    ] {
        let told = python_client("list_and_call.py", &[host.url(), mode]);
        lists_and_calls(host, mode, &told, "revision", &json!(revision));
    }
}

fn through_node(host: &Host) {
    for (mode, session) in [
        ("legacy", true),
        ("auto", false),
        ("2026-07-28", false),
        ("v1", true),
    ] {
        let told = node_client("list_and_call.mjs", &[host.url(), mode]);
        lists_and_calls(host, mode, &told, "session", &json!(session));
    }
}

/// The script listed and called all three tools, and `fact` is what the mode makes of it.
fn lists_and_calls(host: &Host, mode: &str, told: &str, fact: &str, expected: &Value) {
    let told: Value =
        serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    let expected = json!({
        "tools": ["greet", "multiply", "add"],
        "texts": ["Hello, Ada!", "15", "42"],
        fact: expected,
    });
    let url = host.url();
    assert_eq!(told, expected, "mode {mode} at {url}\n{}", host.log());
}
