//! Names that other people's layers, tables, dashboards and scripts rely on. They are frozen: a list here only grows.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Dynamo, FrontDoor, Host, Layer, dynamodb, repository};

/// The codes of `host/ERRORS.md`, for failed starts.
const ERROR_CODES: &str = "CONFIG_INVALID ENTRY_FILE_INVALID ENTRY_FILE_UNMATCHED LAYER_FOREIGN LISTEN_FAILED LISTEN_PUBLIC \
    MANIFEST_DRIFT MANIFEST_FORMAT MANIFEST_INVALID MANIFEST_UNREADABLE PLUGIN_ABI_MISMATCH PLUGIN_DAMAGED \
    PLUGIN_DECLARATION_INVALID PLUGIN_DIR_EMPTY PLUGIN_DIR_UNREADABLE PLUGIN_FOREIGN PLUGIN_INIT_FAILED PLUGIN_LOAD_FAILED \
    PLUGIN_NEEDS_NEWER_HOST PLUGIN_NOT_A_LIBRARY PLUGIN_NO_ROOT_MODULE PLUGIN_OUTSIDE PLUGIN_OVERWRITTEN PLUGIN_PANIC_ABORT \
    PLUGIN_QUARANTINED PLUGIN_TRUNCATED PLUGIN_UNREADABLE SERVE_FAILED TOOLS_LIST_AMBIGUOUS TOOLS_LIST_UNMATCHED \
    TOOL_DUPLICATE";

/// The codes of `layer-build/CHECKS.md`, for findings of `cargo layer check`.
const CHECK_CODES: &str = "ARCHIVE_INVALID ARCHIVE_MODE ARCHIVE_PATH CONTROL_CHARACTER CPU_MIXED ENVIRONMENT_TOO_LARGE EXECUTABLE_STACK \
    FILE_OVERWRITTEN FUNCTION_INVALID GLIBC_TOO_NEW LAYERS_TOO_LARGE LAYERS_TOO_MANY LIBRARY_MISSING LIBRARY_UNREADABLE \
    NOT_STRIPPED PLUGIN_CRASHED PLUGIN_HANGS PLUGIN_MISPLACED PLUGIN_UNDECLARED RUN_PATH_FOREIGN TEXT_RELOCATIONS \
    UPLOAD_TOO_LARGE";

/// The names in `PAYLOADS.md`: operations, members and kinds of errors.
const PAYLOAD_NAMES: &str = "_meta answers baggage call call_ended cancel cancelled cannot_ask capabilities cause claims client conflict content context \
    crate detail do elicitation handle headers host init input invalid_arguments isError kind log logLevel message method \
    minHost name no_session overtaken panic params payload payloads prepare principal progress protocol protocolVersion \
    public requestId requestedSchema requests scope sdk session_ended state structuredContent sub text too_large tools \
    tools[].function tools[].headers tools[].requires tools[].strict tools[].timeoutMs tools[].tool tools[].validate trace \
    traceparent tracestate ttlSeconds type unavailable unknown_handle unknown_op value version";

/// The members of a layer's manifest.
const MANIFEST: &str = "cpu format layer plugins";
const MANIFEST_PLUGIN: &str =
    "abi crate declaration digest file minHost panic payload sdk sha256 size xxh3";
const DECLARATION: &str = "crate minHost panic payload sdk tools";
const DECLARED_TOOL: &str = "function tool";

/// The attributes of the items in the table.
const TABLE: &str = "capabilities client created_at ended expires_at fixed_end log_level plugin principal revision secret \
    session_id value version writes";

/// The members of a request's line in the log.
const LOG: &str = "client cold era host layers level message method milliseconds outcome plugin principal received request_id \
    revision sent span spans status timestamp tool trace_id";

/// The members of a line of metrics.
const METRICS: &str =
    "ColdStarts Duration Errors FunctionName Outcome RequestId Requests ResponseSize Tool _aws";

fn assert_frozen(frozen: &str, found: impl IntoIterator<Item = String>) {
    let frozen: BTreeSet<_> = frozen.split_whitespace().map(str::to_owned).collect();
    let found: BTreeSet<_> = found.into_iter().collect();
    let missing: Vec<_> = frozen.difference(&found).collect();
    let new: Vec<_> = found.difference(&frozen).collect();
    assert!(
        missing.is_empty() && new.is_empty(),
        "frozen names are missing: {missing:?}\nnew names, to be added to the list: {new:?}"
    );
}

fn members(value: &Value) -> Vec<String> {
    let object = value.as_object();
    let object = object.unwrap_or_else(|| panic!("not an object: {value}"));
    object.keys().cloned().collect()
}

/// Returns the names in a document of payloads: those that begin the cells of its tables, and the members of its examples.
fn payload_names() -> BTreeSet<String> {
    let path = repository().join("plugin-sdk/plugin-abi/PAYLOADS.md");
    let text = fs_err::read_to_string(path).expect("a document");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.flat_map(|row| row.split(" | ").take(2));
    let cells = cells.filter(|cell| cell.starts_with('`'));
    let cells = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    // `"name": value`
    let members = text
        .split("\":")
        .filter_map(|before| before.rsplit('"').next());
    let is_name = |name: &&str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.[]".contains(c);
        !name.is_empty() && name.chars().all(is_part)
    };
    cells
        .chain(members)
        .filter(is_name)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_stable_codes_are_frozen() {
    assert_frozen(ERROR_CODES, codes_of("host/ERRORS.md"));
    assert_frozen(CHECK_CODES, codes_of("layer-build/CHECKS.md"));
}

/// Returns the codes that begin the rows of the tables in a document.
fn codes_of(document: &str) -> BTreeSet<String> {
    let text = fs_err::read_to_string(repository().join(document)).expect("a document");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let codes = rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()));
    codes.collect()
}

#[test]
fn the_names_of_payloads_are_frozen() {
    assert_frozen(PAYLOAD_NAMES, payload_names());
}

#[test]
fn the_members_of_a_manifest_are_frozen() {
    let layer = Layer::of(["custom-tools"]);
    let manifest = layer.read("custom-tools.layer.json");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_frozen(MANIFEST, members(&manifest));
    let plugin = &manifest["plugins"][0];
    assert_frozen(MANIFEST_PLUGIN, members(plugin));
    assert_frozen("name version", members(&plugin["crate"]));
    assert_frozen("declaration file", members(&plugin["xxh3"]));
    let declaration = &plugin["declaration"];
    assert_frozen(DECLARATION, members(declaration));
    assert_frozen(DECLARED_TOOL, members(&declaration["tools"][0]));
}

/// A host on Lambda behind an HTTP API that admits Ada.
struct Ada(Host);

impl Ada {
    fn send(&self, method: &str, session: Option<&str>, body: &Value) -> Value {
        let mut headers = json!({
            "accept": "application/json, text/event-stream", "content-type": "application/json",
            "mcp-protocol-version": "2025-11-25",
        });
        if let Some(session) = session {
            headers["mcp-session-id"] = session.into();
        }
        self.0.invoke_as(Some("ada"), method, &headers, body)
    }

    /// Begins a session, and returns its id.
    fn session(&self) -> String {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": { "roots": {} },
            "clientInfo": { "name": "tests", "version": "1" },
        });
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let answer = self.send("POST", None, &body);
        let session = answer["headers"]["mcp-session-id"].as_str();
        session.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn request(&self, session: &str, method: &str, params: Value) {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.send("POST", Some(session), &body);
        assert_eq!(answer["statusCode"], 200, "{answer}");
    }

    fn call(&self, session: &str, tool: &str, arguments: Value) {
        let params = json!({ "name": tool, "arguments": arguments });
        self.request(session, "tools/call", params);
    }
}

#[test]
fn the_attributes_of_the_table_are_frozen() {
    let dynamo = Dynamo::with_table("sessions");
    let environment = [
        ("MCP_SESSION_TABLE", "sessions"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamo.endpoint()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "tests"),
        ("AWS_SECRET_ACCESS_KEY", "tests"),
    ];
    let layer = Layer::merged([&Layer::of(["stateful"]), &Layer::of(["elicits"])]);
    let ada = Ada(Host::lambda_with(
        &layer,
        FrontDoor::http_api("$default"),
        &environment,
    ));
    let session = ada.session();
    ada.request(&session, "logging/setLevel", json!({ "level": "info" }));
    ada.call(&session, "count", json!({}));
    ada.call(&session, "create", json!({ "value": 1, "seconds": 600 }));
    let ended = ada.session();
    ada.send("DELETE", Some(&ended), &Value::Null);
    // A question needs the key that seals the state of its call.
    let able = json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } });
    let client = ada.0.connect();
    let asked = client.call_modern("introduce", &json!({}), &able).json();
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");

    let items = tokio::runtime::Runtime::new().expect("threads").block_on(
        dynamodb::client(dynamo.endpoint())
            .scan()
            .table_name("sessions")
            .send(),
    );
    let items = items
        .expect("the table can be read")
        .items
        .unwrap_or_default();
    assert_frozen(TABLE, items.iter().flat_map(|item| item.keys().cloned()));
}

#[test]
fn the_members_of_log_lines_and_metrics_are_frozen() {
    let variables = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("MCP_METRICS", "emf")];
    let ada = Ada(Host::lambda_with(
        &Layer::of(["custom-tools"]),
        FrontDoor::http_api("$default"),
        &variables,
    ));
    let session = ada.session();
    ada.call(&session, "greet", json!({ "name": "Ada" }));
    ada.0.wait_for_log("\"tool\":\"greet\"");
    ada.0.wait_for_log("\"Tool\":\"greet\"");
    let log = ada.0.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<_> = lines.collect();
    let line = |name: &str| {
        let found = lines.iter().find(|line| line[name] == "greet");
        members(found.unwrap_or_else(|| panic!("no line with {name} in\n{log}")))
    };
    assert_frozen(LOG, line("tool"));
    assert_frozen(METRICS, line("Tool"));
}
