//! Tokens as users see them: made by `cargo layer token`, kept in variables, sent to a host that requires them.

use std::process::Command;

use serde_json::{Value, json};
use tests::{
    FrontDoor, Host, Layer, OutsideRepository, cargo_layer, documents, inspector, output_of,
    run_captured, sha256_of, target,
};

/// Makes a token of this name; returns the token and the host's entry.
pub(crate) fn token(name: &str) -> (String, String) {
    let printed = output_of(Command::new(cargo_layer()).args(["token", name]));
    let lines: Vec<_> = printed.lines().collect();
    let [token, entry] = lines[..] else {
        panic!("not two lines: {printed}")
    };
    (token.to_owned(), entry.to_owned())
}

#[test]
fn a_token_is_printed_with_its_hash() {
    let (token, entry) = token("ada");
    assert!(token.starts_with("mcp_"), "{token}");
    assert_eq!(entry, format!("ada:{}", sha256_of(token.as_bytes())));
    let printed = output_of(Command::new(cargo_layer()).args(["token", "ci-2", "--json"]));
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    let token = printed["token"].as_str().expect("a token");
    let hash = sha256_of(token.as_bytes());
    assert_eq!(
        printed,
        json!({ "name": "ci-2", "token": token, "entry": format!("ci-2:{hash}") })
    );
    for name in ["", "a b", "a:b", "a,b", "ä"] {
        let (_, output, code) = run_captured(Command::new(cargo_layer()).args(["token", name]));
        assert_eq!(code, Some(2), "{name}: {output}");
        assert!(output.contains("use letters, digits"), "{name}: {output}");
    }
}

#[test]
fn a_tool_called_with_a_token_sees_its_name() {
    let (token, entry) = token("ada");
    let layer = Layer::of(["notifies"]);
    let variables = [("MCP_BEARER_TOKENS", entry.as_str())];
    for host in [
        Host::serve_with(&layer, &variables),
        Host::lambda_with(&layer, FrontDoor::function_url(), &variables),
    ] {
        let call = |arguments: &[&str], kept: &str| {
            let mut call = Command::new(cargo_layer());
            let wanted = r#"{"headers":["authorization"]}"#;
            call.args(["call", "whoami", wanted, "--url", host.url(), "--json"]);
            run_captured(call.args(arguments).env("MCP_TOKEN", kept))
        };
        let by_variable = ["--token-env", "MCP_TOKEN"];
        let (output, error, code) = call(&by_variable, &token);
        assert_eq!(code, Some(0), "{error}");
        let output: Value = serde_json::from_str(&output).expect("JSON");
        let output = &output["structuredContent"];
        assert_eq!(output["principal"], "ada");
        assert_eq!(
            output["headers"],
            json!([null]),
            "a token is for the host alone"
        );
        for (arguments, kept, expected) in [
            (&[][..], "", "this server requires a token"),
            (&by_variable, "mcp_no", "the token is unknown"),
            (
                &by_variable,
                " ",
                "error[NO_TOKEN]: the variable MCP_TOKEN has no token",
            ),
        ] {
            let (_, output, code) = call(arguments, kept);
            assert_eq!(code, Some(1), "{output}");
            assert!(output.contains(expected), "{output}");
        }
    }
}

#[test]
fn the_documented_lines_can_be_typed() {
    const PAGE: &str = "docs/operator/authentication.md";
    let [make, show] = &documents::code(PAGE, "Bearer tokens", "sh")[..] else {
        panic!("not two blocks")
    };
    let elsewhere = OutsideRepository::create();
    let made = elsewhere.run(make);
    let (token, entry) = made.trim().split_once('\n').expect("two lines");
    let layer = Layer::of(["custom-tools"]);
    let host = Host::serve_with(&layer, &[("MCP_BEARER_TOKENS", entry)]);
    let mut shown = elsewhere.shell(show);
    let shown = output_of(shown.env("URL", host.url()).env("MCP_TOKEN", token));
    for expected in [
        r#""name":"multiply""#,
        "multiply(x: integer, y: integer)",
        r#""Authorization": "Bearer ${MCP_TOKEN}""#,
    ] {
        assert!(shown.contains(expected), "no {expected} in {shown}");
    }
}

#[test]
fn a_real_client_is_admitted_with_a_token() {
    let (token, entry) = token("ada");
    let layer = Layer::of(["custom-tools"]);
    let host = Host::serve_with(&layer, &[("MCP_BEARER_TOKENS", &entry)]);
    for (token, is_let_in) in [(token.as_str(), true), ("mcp_no", false)] {
        let header = format!("Authorization: Bearer {token}");
        let mut inspector = inspector();
        inspector.args(["--method", "tools/list", "--transport", "http", host.url()]);
        let (output, error, code) = run_captured(inspector.args(["--header", &header]));
        assert_eq!(code == Some(0), is_let_in, "{output}{error}");
        assert_eq!(output.contains("multiply"), is_let_in, "{output}{error}");
    }
}

#[test]
fn an_own_host_of_cargo_layer_asks_for_no_token() {
    Layer::of(["custom-tools"]);
    let (_, entry) = token("ada");
    let mut call = Command::new(cargo_layer());
    call.args(["call", "greet", r#"{"name":"Ada"}"#, "--layer"]);
    call.arg(target().join("custom-tools.zip"))
        .env("MCP_BEARER_TOKENS", entry);
    assert_eq!(output_of(&mut call), "Hello, Ada!\n");
}
