//! `cargo layer connect`: clients can read its output.

use std::process::Command;

use serde_json::{Value, json};
use tests::{Layer, bootstrap, cargo_layer, documents, inspector, output_of, repository};

fn connect(args: &[&str]) -> String {
    output_of(Command::new(cargo_layer()).arg("connect").args(args))
}

fn by_url(client: &str) -> String {
    connect(&[
        "https://example.com/mcp",
        "--client",
        client,
        "--header",
        "Authorization: Bearer a b",
    ])
}

fn by_stdio(client: &str) -> String {
    connect(&[
        "--stdio",
        "--client",
        client,
        "--name",
        "mine",
        "--env",
        "MCP_PLUGIN_DIR=/home/ada/my mcp/lib",
        "--",
        "/home/ada/my mcp/bootstrap",
        "stdio",
    ])
}

#[test]
fn a_url_is_printed_in_the_form_of_each_client() {
    for (client, expected) in [
        (
            "claude-code",
            json!({ "mcpServers": { "tools": { "type": "http", "url": "https://example.com/mcp", "headers": { "Authorization": "Bearer a b" } } } }),
        ),
        (
            "claude-desktop",
            json!({ "mcpServers": { "tools": { "command": "npx", "args": ["-y", "mcp-remote", "https://example.com/mcp", "--header", "Authorization:${AUTHORIZATION_HEADER}"], "env": { "AUTHORIZATION_HEADER": "Bearer a b" } } } }),
        ),
        (
            "vscode",
            json!({ "servers": { "tools": { "type": "http", "url": "https://example.com/mcp", "headers": { "Authorization": "Bearer a b" } } } }),
        ),
        (
            "cursor",
            json!({ "mcpServers": { "tools": { "url": "https://example.com/mcp", "headers": { "Authorization": "Bearer a b" } } } }),
        ),
        (
            "gemini-cli",
            json!({ "mcpServers": { "tools": { "httpUrl": "https://example.com/mcp", "headers": { "Authorization": "Bearer a b" } } } }),
        ),
    ] {
        let printed: Value = serde_json::from_str(&by_url(client)).expect("JSON");
        assert_eq!(printed, expected, "{client}");
    }
    insta::assert_snapshot!(by_url("codex"), @r#"
    [mcp_servers.tools]
    url = "https://example.com/mcp"
    http_headers = { Authorization = "Bearer a b" }
    "#);
    insta::assert_snapshot!(by_url("inspector"), @r#"npx -y @modelcontextprotocol/inspector --cli --method tools/list --transport http https://example.com/mcp --header 'Authorization: Bearer a b'"#);
}

#[test]
fn a_token_is_printed_as_a_reference_in_the_form_of_each_client() {
    let printed = |client: &str| {
        let url = "https://example.com/mcp";
        connect(&[url, "--client", client, "--token-env", "MCP_TOKEN"])
    };
    let url = "https://example.com/mcp";
    let by = |value: &str| json!({ "Authorization": value });
    for (client, expected) in [
        (
            "claude-code",
            json!({ "mcpServers": { "tools": { "type": "http", "url": url, "headers": by("Bearer ${MCP_TOKEN}") } } }),
        ),
        (
            "claude-desktop",
            json!({ "mcpServers": { "tools": { "command": "npx", "args": ["-y", "mcp-remote", url, "--header", "Authorization:${AUTHORIZATION_HEADER}"], "env": { "AUTHORIZATION_HEADER": "Bearer WRITE-THE-TOKEN-HERE" } } } }),
        ),
        (
            "vscode",
            json!({
                "inputs": [{ "type": "promptString", "id": "tools-token", "description": "Token for tools", "password": true }],
                "servers": { "tools": { "type": "http", "url": url, "headers": by("Bearer ${input:tools-token}") } },
            }),
        ),
        (
            "cursor",
            json!({ "mcpServers": { "tools": { "url": url, "headers": by("Bearer ${env:MCP_TOKEN}") } } }),
        ),
        (
            "gemini-cli",
            json!({ "mcpServers": { "tools": { "httpUrl": url, "headers": by("Bearer ${MCP_TOKEN}") } } }),
        ),
    ] {
        let printed: Value = serde_json::from_str(&printed(client)).expect("JSON");
        assert_eq!(printed, expected, "{client}");
    }
    insta::assert_snapshot!(printed("codex"), @r#"
    [mcp_servers.tools]
    url = "https://example.com/mcp"
    bearer_token_env_var = "MCP_TOKEN"
    "#);
    insta::assert_snapshot!(printed("inspector"), @r#"npx -y @modelcontextprotocol/inspector --cli --method tools/list --transport http https://example.com/mcp --header "Authorization: Bearer $MCP_TOKEN""#);
}

#[test]
fn a_bridge_gets_the_flag_for_plain_http() {
    let bridge = |url: &str| {
        let printed = connect(&[
            url,
            "--client",
            "claude-desktop",
            "--header",
            "X-Api-Key: k",
        ]);
        let printed: Value = serde_json::from_str(&printed).expect("JSON");
        printed["mcpServers"]["tools"].clone()
    };
    for (url, flag) in [
        ("https://example.com/mcp", None),
        ("http://localhost:3000/mcp", None),
        ("http://127.0.0.1:3000/mcp", None),
        ("http://10.0.0.7/mcp", Some("--allow-http")),
    ] {
        let args = ["-y", "mcp-remote", url].into_iter().chain(flag);
        let args: Vec<_> = args.chain(["--header", "X-Api-Key:k"]).collect();
        assert_eq!(bridge(url), json!({ "command": "npx", "args": args }));
    }
}

#[test]
fn a_program_is_printed_in_the_form_of_each_client() {
    let server = json!({
        "command": "/home/ada/my mcp/bootstrap", "args": ["stdio"], "env": { "MCP_PLUGIN_DIR": "/home/ada/my mcp/lib" },
    });
    let mut typed = server.clone();
    typed["type"] = json!("stdio");
    for (client, expected) in [
        ("claude-code", json!({ "mcpServers": { "mine": typed } })),
        (
            "claude-desktop",
            json!({ "mcpServers": { "mine": server } }),
        ),
        ("vscode", json!({ "servers": { "mine": typed } })),
        ("cursor", json!({ "mcpServers": { "mine": server } })),
        ("gemini-cli", json!({ "mcpServers": { "mine": server } })),
    ] {
        let printed: Value = serde_json::from_str(&by_stdio(client)).expect("JSON");
        assert_eq!(printed, expected, "{client}");
    }
    insta::assert_snapshot!(by_stdio("codex"), @r#"
    [mcp_servers.mine]
    command = "/home/ada/my mcp/bootstrap"
    args = ["stdio"]
    env = { MCP_PLUGIN_DIR = "/home/ada/my mcp/lib" }
    "#);
    insta::assert_snapshot!(by_stdio("inspector"), @r#"npx -y @modelcontextprotocol/inspector --cli --method tools/list -e 'MCP_PLUGIN_DIR=/home/ada/my mcp/lib' -- '/home/ada/my mcp/bootstrap' stdio"#);
}

#[test]
fn the_page_for_clients_shows_the_printed_configuration() {
    let page = documents::text("docs/client/connecting.md");
    let (_, section) = page.split_once("## Local clients").expect("a section");
    let (_, command) = section
        .split_once("cargo layer connect ")
        .expect("a command");
    let (command, after) = command.split_once("\n").expect("its end");
    let (_, printed) = after.split_once("```json\n").expect("JSON");
    let (printed, _) = printed.split_once("```").expect("its end");
    let args: Vec<_> = command.split(' ').collect();
    assert_eq!(connect(&args), printed);
}

#[test]
fn a_crate_is_found_from_any_of_its_folders() {
    let command = |folder: &str| {
        let mut connect = Command::new(cargo_layer());
        connect.args([
            "connect",
            "--stdio",
            "--client",
            "cursor",
            "-p",
            "custom-tools",
        ]);
        output_of(connect.current_dir(repository().join(folder)))
    };
    let printed: Value = serde_json::from_str(&command("plugins/custom-tools/src")).expect("JSON");
    let manifest = repository().join("plugins/custom-tools/Cargo.toml");
    assert_eq!(
        printed["mcpServers"]["tools"],
        json!({
            "command": cargo_layer(),
            "args": ["dev", "--stdio", "--manifest-path", manifest, "--package", "custom-tools"],
        })
    );
    assert!(command("").contains("dev"), "a workspace as well");
}

#[test]
fn the_inspector_accepts_its_printed_command() {
    let layer = Layer::of(["custom-tools"]);
    let variable = format!("MCP_PLUGIN_DIR={}", layer.plugin_dir().display());
    let bootstrap = bootstrap().display().to_string();
    let line = connect(&[
        "--stdio",
        "--client",
        "inspector",
        "--env",
        &variable,
        "--",
        &bootstrap,
        "stdio",
    ]);
    // The Inspector of the tests, so that it is not downloaded again.
    let arguments = line
        .strip_prefix("npx -y @modelcontextprotocol/inspector --cli ")
        .unwrap_or_else(|| panic!("not the Inspector: {line}"));
    let inspector = inspector();
    let program = [inspector.get_program()]
        .into_iter()
        .chain(inspector.get_args())
        .map(|word| format!("'{}'", word.display()))
        .collect::<Vec<_>>()
        .join(" ");
    let mut shell = Command::new("sh");
    shell.args(["-euc", &format!("{program} {arguments}")]);
    for (name, value) in inspector.get_envs() {
        shell.env(name, value.expect("it is set"));
    }
    let listed = output_of(&mut shell);
    assert!(listed.contains("multiply"), "{listed}");
}

#[test]
fn incomplete_and_invalid_arguments_are_refused() {
    for (args, expected) in [
        (vec![], "--stdio"),
        (
            vec!["--stdio", "http://127.0.0.1:3000/mcp"],
            "cannot be used with",
        ),
        (
            vec!["http://127.0.0.1:3000/mcp", "--client", "emacs"],
            "claude-code",
        ),
        (vec!["--stdio", "--env", "A", "--", "x"], "NAME=value"),
        (vec!["--stdio", "--env", "=v", "--", "x"], "NAME=value"),
        (vec!["foo"], "write it like https://example.com/mcp"),
        (
            vec!["ftp://example.com/mcp"],
            "write it like https://example.com/mcp",
        ),
        (vec!["http://x", "--", "foo"], "cannot be used with"),
        (vec!["http://x", "--env", "A=b"], "cannot be used with"),
        (vec!["http://x", "--package", "foo"], "cannot be used with"),
        (vec!["http://x", "--name", ""], "letters, digits"),
        (
            vec!["http://x", "--token-env", "A\"; rm -rf /; \""],
            "write the name of a variable",
        ),
        (vec!["--stdio", "--token-env", "A"], "cannot be used with"),
        (vec!["http://x", "--name", "my tools"], "letters, digits"),
        (vec!["http://x", "--name", "my.tools"], "letters, digits"),
        (
            vec!["http://x", "--header", ": v"],
            "is not a valid header name",
        ),
        (
            vec!["http://x", "--header", "a: b\nc"],
            "is not a valid header value",
        ),
        (
            vec!["--stdio", "--manifest-path", "/nowhere/Cargo.toml"],
            "help: name a crate or workspace of plugins with --manifest-path",
        ),
    ] {
        let output = Command::new(cargo_layer())
            .arg("connect")
            .args(&args)
            .output()
            .expect("cargo-layer can be run");
        assert!(!output.status.success(), "{args:?}");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(printed.contains(expected), "{args:?}: {printed}");
    }
}
