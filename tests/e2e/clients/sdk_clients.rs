//! The clients of the official SDKs, and others that people use, through every front door.

use std::process::{Command, Output};

use serde_json::{Value, json};
use tests::{
    FrontDoor, Host, Layer, bootstrap, inspector, node_client, output_of, python_client,
    rust_client,
};

/// Returns the view of the conformance tools that all clients share, in each mode.
fn sight(modern: bool) -> Value {
    json!({
        "tools": [
            "test_simple_text",
            "test_image_content",
            "test_audio_content",
            "test_embedded_resource",
            "test_multiple_content_types",
            "test_error_handling",
            "test_tool_with_progress",
            "test_tool_with_logging",
            "test_logging_tool",
            "test_missing_capability",
            "json_schema_2020_12_tool",
            "test_x_mcp_header",
            "test_input_required_result_elicitation",
            "test_input_required_result_sampling",
            "test_input_required_result_list_roots",
            "test_input_required_result_request_state",
            "test_input_required_result_multiple_inputs",
            "test_input_required_result_multi_round",
            "test_input_required_result_tampered_state",
            "test_input_required_result_capabilities",
            "test_streaming_elicitation",
        ],
        "text": "Region: eu",
        "error": [true, "This tool intentionally returns an error for testing"],
        "progress": [[0, 100], [50, 100], [100, 100]],
        "unknown": -32602,
        "asked": if modern { "Ada likes blue" } else { CANNOT_ASK },
        "ping": if modern { Value::Null } else { json!(true) },
    })
}

/// The error that a legacy client gets from a tool that asks.
const CANNOT_ASK: &str = "tool test_input_required_result_multi_round asks its client for input, which needs revision 2026-07-28 of MCP; this client speaks 2025-11-25";

/// The line that a host logs, at the level DEBUG, when a client ends its session by DELETE.
const ENDED: &str = "a session was ended by its client";

/// The environment of hosts.
const VARIABLES: [(&str, &str); 2] = [
    ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
    // Environments of a function share this key for the state that clients carry between rounds.
    ("MCP_STATE_KEY", "a key of tests and of nothing else at all"),
];

/// A front door, and the layer behind it.
enum Server {
    Host(Host),
    Stdio(Layer),
}

impl Server {
    fn every(layer: &Layer) -> [Self; 4] {
        [
            Self::Host(Host::serve_with(layer, &VARIABLES)),
            Self::lambda(layer, FrontDoor::rest_api("prod")),
            Self::lambda(layer, FrontDoor::http_api("$default")),
            Self::Stdio(layer.clone()),
        ]
    }

    /// Returns a front door of Lambda that buffers.
    fn lambda(layer: &Layer, door: FrontDoor) -> Self {
        Self::Host(Host::lambda_with(layer, door, &VARIABLES))
    }

    /// Returns a front door of Lambda that streams.
    fn streaming(layer: &Layer, door: FrontDoor) -> Self {
        let variables = [&VARIABLES[..], &[("MCP_RESPONSE_MODE", "stream")]].concat();
        Self::Host(Host::lambda_with(layer, door, &variables))
    }

    /// Returns the last argument of a client.
    fn address(&self) -> String {
        match self {
            Self::Host(host) => host.url().to_owned(),
            Self::Stdio(_) => bootstrap().display().to_string(),
        }
    }

    fn log(&self) -> String {
        match self {
            Self::Host(host) => host.log(),
            Self::Stdio(_) => String::new(),
        }
    }

    fn ended_sessions(&self) -> usize {
        self.log().matches(ENDED).count()
    }

    /// Checks that a client sees everything, and in the handshake era ends its session.
    fn shows(&self, client: &mut Command, modern: bool, facts: &Value) {
        let ended = self.ended_sessions();
        client.arg(self.address());
        if let Self::Stdio(layer) = self {
            client.env("MCP_PLUGIN_DIR", layer.plugin_dir());
        }
        let printed = output_of(client);
        let seen: Value =
            serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed:?}"));
        let mut expected = sight(modern);
        for (name, fact) in facts.as_object().expect("facts") {
            expected[name] = fact.clone();
        }
        assert_eq!(seen, expected, "{client:?}\n{}", self.log());
        if let (Self::Host(host), false) = (self, modern) {
            host.wait_for_log_times(ENDED, ended + 1);
        }
    }
}

#[test]
fn the_python_clients_are_served_in_every_mode_through_every_door() {
    for server in Server::every(&Layer::of(["conformance"])) {
        for library in ["mcp", "fastmcp"] {
            for (mode, revision) in [
                ("auto", "2026-07-28"),
                ("legacy", "2025-11-25"),
                ("2026-07-28", "2026-07-28"),
            ] {
                let facts = json!({ "revision": revision });
                server.shows(&mut python([library, mode]), mode != "legacy", &facts);
            }
        }
    }
}

#[test]
fn the_typescript_clients_are_served_in_every_mode_through_every_door() {
    for server in Server::every(&Layer::of(["conformance"])) {
        for (mode, modern) in [
            ("legacy", false),
            ("auto", true),
            ("2026-07-28", true),
            ("v1", false),
        ] {
            server.shows(&mut node(mode), modern, &json!({}));
        }
    }
}

#[test]
fn the_rust_client_is_served_in_every_mode_through_every_door() {
    for server in Server::every(&Layer::of(["conformance"])) {
        for (mode, revision) in [
            ("initialize", "2025-11-25"),
            ("discover", "2026-07-28"),
            ("auto", "2026-07-28"),
        ] {
            let facts = json!({ "revision": revision });
            server.shows(&mut rust(mode), mode != "initialize", &facts);
        }
    }
}

// The other front doors of Lambda, which forward requests like those above, or nearly so.

#[test]
fn the_clients_are_served_through_a_function_url() {
    let server = Server::lambda(&Layer::of(["conformance"]), FrontDoor::function_url());
    server.serves([Era::Modern]);
}

#[test]
fn the_clients_are_served_through_a_load_balancer() {
    for (multi_value, era) in [(false, Era::Modern), (true, Era::Legacy)] {
        let door = FrontDoor::LoadBalancer { multi_value };
        Server::lambda(&Layer::of(["conformance"]), door).serves([era]);
    }
}

#[test]
fn the_clients_are_served_through_a_function_url_that_streams() {
    let door = FrontDoor::streaming_function_url();
    Server::streaming(&Layer::of(["conformance"]), door).serves([Era::Legacy, Era::Modern]);
}

#[test]
fn the_clients_are_served_through_a_rest_api_that_streams() {
    let door = FrontDoor::streaming_rest_api("prod");
    Server::streaming(&Layer::of(["conformance"]), door).serves([Era::Legacy, Era::Modern]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Era {
    Legacy,
    Modern,
}

impl Server {
    /// Runs all clients, each in one mode of these eras.
    fn serves<const N: usize>(&self, eras: [Era; N]) {
        for era in eras {
            let (clients, inspectors) = match era {
                Era::Legacy => {
                    let clients = vec![
                        (python(["mcp", "legacy"]), Some("2025-11-25")),
                        (python(["fastmcp", "legacy"]), Some("2025-11-25")),
                        (node("v1"), None),
                        (node("legacy"), None),
                        (rust("initialize"), Some("2025-11-25")),
                    ];
                    (clients, "legacy")
                }
                Era::Modern => {
                    let clients = vec![
                        (python(["mcp", "2026-07-28"]), Some("2026-07-28")),
                        (python(["fastmcp", "auto"]), Some("2026-07-28")),
                        (node("auto"), None),
                        (rust("discover"), Some("2026-07-28")),
                    ];
                    (clients, "modern")
                }
            };
            for (mut client, revision) in clients {
                let facts = revision.map_or(json!({}), |revision| json!({ "revision": revision }));
                self.shows(&mut client, era == Era::Modern, &facts);
            }
            let region = [
                "--tool-name",
                "test_x_mcp_header",
                "--tool-arg",
                "region=eu",
            ];
            let called = inspected(self, inspectors, "tools/call", &region);
            let printed: Value = serde_json::from_slice(&called.stdout)
                .unwrap_or_else(|error| panic!("{error}: {called:?}\n{}", self.log()));
            assert_eq!(
                printed["result"]["content"][0]["text"], "Region: eu",
                "{era:?}"
            );
        }
    }
}

fn python(arguments: [&str; 2]) -> Command {
    let mut client = python_client("exercise.py");
    client.args(arguments);
    client
}

fn node(mode: &str) -> Command {
    let mut client = node_client("exercise.mjs");
    client.arg(mode);
    client
}

fn rust(mode: &str) -> Command {
    let mut client = rust_client();
    client.arg(mode);
    client
}

/// Returns the output of the Inspector for a method, in one era.
fn inspected(server: &Server, era: &str, method: &str, more: &[&str]) -> Output {
    let mut command = inspector();
    command.args(["--protocol-era", era, "--method", method]);
    command.args(["--format", "json", "--quiet"]).args(more);
    match server {
        Server::Host(host) => command.args(["--transport", "http", host.url()]),
        Server::Stdio(layer) => command
            .arg("-e")
            .arg(format!("MCP_PLUGIN_DIR={}", layer.plugin_dir().display()))
            .arg("--")
            .arg(bootstrap())
            .arg("stdio"),
    };
    command.output().expect("the Inspector can be run")
}

#[test]
fn the_inspector_is_served_in_both_eras_through_every_door() {
    for server in Server::every(&Layer::of(["conformance"])) {
        for (era, revision) in [
            ("legacy", "2025-11-25"),
            ("modern", "2026-07-28"),
            ("auto", "2026-07-28"),
        ] {
            let result = |method, more: &[&str]| -> Value {
                let output = inspected(&server, era, method, more);
                let printed: Value = serde_json::from_slice(&output.stdout)
                    .unwrap_or_else(|error| panic!("{error}: {output:?}\n{}", server.log()));
                printed["result"].clone()
            };
            let met = result("initialize", &[]);
            assert_eq!(met["protocolVersion"], revision, "{era}: {met}");
            let listed = result("tools/list", &[]);
            assert_eq!(listed["tools"][0]["name"], "test_simple_text", "{listed}");
            let header = [
                "--tool-name",
                "test_x_mcp_header",
                "--tool-arg",
                "region=eu",
            ];
            let called = result("tools/call", &header);
            assert_eq!(called["content"][0]["text"], "Region: eu", "{called}");
            let failed = result("tools/call", &["--tool-name", "test_error_handling"]);
            assert_eq!(failed["isError"], true, "{failed}");
        }
        let set = inspected(
            &server,
            "legacy",
            "logging/setLevel",
            &["--log-level", "info"],
        );
        assert!(set.status.success(), "{set:?}\n{}", server.log());
    }
}

#[test]
fn the_inspector_finds_no_errors_in_what_tools_declare() {
    let layer = Layer::of(["conformance", "custom-tools", "http-tools", "time-tools"]);
    let server = Server::Stdio(layer);
    for era in ["legacy", "modern"] {
        let output = inspected(&server, era, "tools/list", &["--strict"]);
        let found = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{era}: {found}");
        let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let tools = listed["result"]["tools"].as_array().expect("tools");
        assert!(tools.len() > 12, "{era}: {listed}");
    }
}
