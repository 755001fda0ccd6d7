//! Failures: each costs as little as possible, and has a clear message.

use insta::assert_snapshot;
use serde_json::json;
use tests::{FrontDoor, Host, Layer};

#[test]
fn a_panicking_tool_costs_one_call_not_the_host() {
    let layer = Layer::of(["panics"]);
    for host in [
        Host::serve(&layer),
        Host::lambda(&layer, FrontDoor::http_api("$default")),
    ] {
        let client = host.connect();
        for (tool, arguments, detail) in [
            (
                "explode",
                json!({ "secret": "s3cret" }),
                "the secret is s3cret at tests/fixtures/panics/src/lib.rs:",
            ),
            (
                "explodeTwice",
                json!({}),
                "a panic with a payload that is not a string at tests/fixtures/panics/src/lib.rs:",
            ),
            (
                "outOfBounds",
                json!({ "position": 7 }),
                "the len is 3 but the index is 7 at tests/fixtures/panics/src/lib.rs:",
            ),
            (
                "overflow",
                json!({ "number": 255 }),
                "attempt to add with overflow at tests/fixtures/panics/src/lib.rs:",
            ),
            (
                "explodeBefore",
                json!({}),
                "the secret of the state is s3cret at tests/fixtures/panics/src/lib.rs:",
            ),
        ] {
            let outcome = client.call(tool, arguments);
            let text = without_ids(outcome.error_text());
            assert_eq!(
                text,
                format!("tool {tool} failed unexpectedly (request id [id])")
            );
            assert_eq!(client.call("say", json!({ "text": "hi" })).text(), "hi");
            host.wait_for_log(detail);
        }
    }
}

#[test]
fn a_panic_in_a_tools_own_thread_is_logged_and_costs_nothing() {
    let host = Host::serve(&Layer::of(["panics"]));
    let outcome = host
        .connect()
        .call("explodeInAThread", json!({ "secret": "s3cret" }));
    assert_eq!(outcome.text(), "went on");
    host.wait_for_log(
        "a panic: the secret of the thread is s3cret at tests/fixtures/panics/src/lib.rs:",
    );
}

#[test]
fn a_name_in_tools_list_that_no_plugin_has_stops_the_start() {
    let layer = Layer::of(["custom-tools"]);
    let variables = [("TOOLS_LIST", "greet,multipy,frobnicate")];
    let told = Host::refusal_output(&layer, &variables);
    assert_snapshot!(told.lines().last().unwrap_or_default(), @r#"error[TOOLS_LIST_UNMATCHED]: TOOLS_LIST: no tool matches "multipy"; did you mean multiply?; no tool matches "frobnicate" (there are: greet, multiply, add)"#);
}

#[test]
fn a_failed_start_reaches_lambda_as_an_init_error() {
    let layer = Layer::of(["custom-tools"]);
    let error = Host::init_error(&layer, &[("TOOLS_LIST", "greet,multipy")]);
    assert_eq!(error.error_type(), "TOOLS_LIST_UNMATCHED");
    let told = error.to_string();
    assert!(
        told.contains(r#"no tool matches "multipy"; did you mean multiply?"#),
        "{told}"
    );

    let error = Host::init_error(&layer, &[("ENTRY_FILE", "lambda_handler.py")]);
    assert_eq!(error.error_type(), "ENTRY_FILE_INVALID");
    assert!(
        error
            .to_string()
            .contains("ENTRY_FILE=liblambda_handler.so"),
        "{error}"
    );
}

#[test]
fn invalid_arguments_are_reported_to_the_model() {
    let host = Host::serve(&Layer::of(["custom-tools"]));
    let client = host.connect();
    for (arguments, told) in [
        (
            json!({ "x": 5 }),
            "Invalid arguments for tool multiply: /y is missing (it must be an integer)",
        ),
        (
            json!({ "x": 5, "y": "three" }),
            r#"Invalid arguments for tool multiply: /y must be an integer, not the string "three""#,
        ),
        (
            json!({ "x": 5, "y": 3, "z": 1 }),
            "Invalid arguments for tool multiply: /z is unknown (there are `x` and `y`)",
        ),
        (
            json!({ "x": 5, "y": 1e30 }),
            "Invalid arguments for tool multiply: /y must be an integer from -9223372036854775808 to 9223372036854775807, not 1e+30",
        ),
        (
            json!({ "x": i64::MAX, "y": 2 }),
            "the product does not fit into 64 bits",
        ),
    ] {
        assert_eq!(
            client.call("multiply", arguments.clone()).error_text(),
            told,
            "arguments: {arguments}"
        );
    }
}

#[test]
fn a_second_signal_does_not_wait_for_a_running_tool() {
    let host = Host::serve(&Layer::of(["sleeps"]));
    let url = host.url().to_owned();
    let params = json!({ "name": "nap", "arguments": { "seconds": 100_000 } });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let caller = std::thread::spawn(move || tests::post_and_forget(&url, &message));
    host.wait_for_log("sleeping");
    // If it waited, it would end a day later.
    assert_eq!(host.interrupt_twice(), Some(0));
    caller
        .join()
        .expect("the caller's connection ends with the host");
}

#[test]
fn megabytes_of_wrong_arguments_get_a_short_error() {
    let host = Host::serve(&Layer::of(["time-tools"]));
    let client = host.connect();
    // Nearly as many values as a message may have.
    let list: Vec<_> = std::iter::repeat_n(1_000_000_000_000_i64, 190_000).collect();
    let outcome = client.call(
        "convertTime",
        json!({ "time": "2026-01-01T00:00Z", "to": list }),
    );
    assert_eq!(
        outcome.error_text(),
        "Invalid arguments for tool convertTime: /to/0 must be a string, not 1000000000000; /to/1 must be a string, not 1000000000000; /to/2 must be a string, not 1000000000000"
    );
    let peak = host.peak_memory_mb();
    assert!(peak < 256, "peak memory of {peak} MB");
}

/// Removes request ids, which are random UUIDs.
fn without_ids(text: &str) -> String {
    let words =
        text.split(' ').map(
            |word| match uuid::Uuid::try_parse(word.trim_end_matches(')')) {
                Ok(_) => word
                    .replace(|c: char| c == '-' || c.is_ascii_hexdigit(), "")
                    .replace(')', "[id])"),
                Err(_) => word.to_owned(),
            },
        );
    words.collect::<Vec<_>>().join(" ")
}
