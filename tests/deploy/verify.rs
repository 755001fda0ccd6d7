//! `cargo layer verify`: checks that a server serves the expected tools.

use std::process::Command;

use tests::{FrontDoor, Host, Layer, cargo_layer, run_captured, target};

use crate::function::TOKENS;

/// The token with the hash in [`TOKENS`].
const TOKEN: &str = "test";

fn verify(url: &str, arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(cargo_layer());
    command
        .args(["verify", url])
        .args(arguments)
        .env("MCP_TOKEN", TOKEN);
    run_captured(&mut command)
}

/// Returns the archive of an example.
fn archive(plugin: &str) -> String {
    Layer::of([plugin]);
    target().join(format!("{plugin}.zip")).display().to_string()
}

#[test]
fn a_server_that_serves_its_layer_passes_through_every_door() {
    let layer = archive("custom-tools");
    let custom_tools = Layer::of(["custom-tools"]);
    let call = [
        "--layer",
        &layer,
        "--call",
        "multiply",
        "--arguments",
        r#"{"x":6,"y":7}"#,
    ];
    let hosts = [
        Host::serve(&custom_tools),
        Host::lambda(&custom_tools, FrontDoor::http_api("$default")),
        Host::lambda_with(
            &custom_tools,
            FrontDoor::streaming_function_url(),
            &[("MCP_RESPONSE_MODE", "stream")],
        ),
    ];
    for host in hosts {
        let (found, stderr, code) = verify(host.url(), &call);
        assert_eq!(code, Some(0), "{found}\n{stderr}");
        assert_eq!(
            found,
            "ok    server: custom-tools 0.1.0, by revision 2026-07-28\n\
             ok    tools, as declared by the layers: greet, multiply, add\n\
             ok    call of multiply: 42\n\
             ok    health: ok"
        );
    }
}

#[test]
fn a_server_with_other_tools_fails() {
    let host = Host::serve_with(&Layer::of(["custom-tools"]), &[("TOOLS_LIST", "greet,add")]);
    let layer = archive("custom-tools");
    for (arguments, code, expected) in [
        (
            vec!["--layer", &layer],
            5,
            "fails tools: multiply is not listed",
        ),
        (
            vec!["--layer", &layer, "--tools", "greet,add"],
            0,
            "ok    tools, as declared by the layers: greet, add",
        ),
        (
            vec!["--layer", &layer, "--tools", "add"],
            5,
            "fails tools: greet is listed, but not expected",
        ),
        (
            vec!["--call", "greet", "--arguments", "{}"],
            5,
            "fails call of greet: ",
        ),
        (vec![], 0, "ok    tools: greet, add"),
    ] {
        let (found, stderr, ended) = verify(host.url(), &arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {found}\n{stderr}");
        assert!(found.contains(expected), "no {expected:?} in {found}");
    }
    for (arguments, code, expected) in [
        (vec!["--call", "nothing"], 1, "error[UNKNOWN_TOOL]"),
        (
            vec!["--layer", &layer, "--tools", "gret"],
            1,
            "error[TOOLS_LIST_UNMATCHED]",
        ),
        (vec!["--tools", "greet"], 2, "--layer"),
        (
            vec!["--call", "greet", "--arguments", "[]"],
            2,
            "not a JSON object",
        ),
    ] {
        let (_, stderr, ended) = verify(host.url(), &arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "no {expected:?} in {stderr}");
    }
    let (_, stderr, code) = verify("http://127.0.0.1:9/mcp", &[]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("error[UNREACHABLE]"), "{stderr}");
}

#[test]
fn a_server_that_asks_for_tokens_is_shown_one() {
    let host = Host::serve_with(
        &Layer::of(["custom-tools"]),
        &[("MCP_BEARER_TOKENS", TOKENS)],
    );
    let (_, stderr, code) = verify(host.url(), &[]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("401"), "{stderr}");
    let (found, stderr, code) = verify(host.url(), &["--token-env", "MCP_TOKEN"]);
    assert_eq!(code, Some(0), "{found}\n{stderr}");
    assert!(found.contains("ok    health: ok"), "{found}");
}

#[test]
fn a_tool_that_may_change_something_is_not_called() {
    let host = Host::serve(&Layer::of(["todo-tools"]));
    let (_, stderr, code) = verify(host.url(), &["--call", "clearTodos"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("error[TOOL_NOT_READ_ONLY]"), "{stderr}");
}
