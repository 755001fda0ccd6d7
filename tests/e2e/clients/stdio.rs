//! `bootstrap stdio`, line by line.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{Layer, StdioClient, bootstrap, documents};

/// The time to wait for the host to end. Source: ours; far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

fn request(id: impl Into<Value>, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

fn call(id: impl Into<Value>, tool: &str, arguments: Value, meta: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    request(id, "tools/call", &params)
}

/// Returns the `_meta` of a client of revision 2026-07-28.
fn modern() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn cancelled(id: &str) -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } })
}

fn initialize(pipe: &mut StdioClient, revision: &str) -> Value {
    let params = json!({
        "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" },
    });
    let answer = pipe.request(&request(0, "initialize", &params));
    pipe.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    answer["result"]["protocolVersion"].clone()
}

#[test]
fn both_eras_are_served_on_one_connection() {
    let mut pipe = StdioClient::open(&Layer::of(["custom-tools"]));
    let product = |answer: &Value| answer["result"]["content"][0]["text"].clone();
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        assert_eq!(initialize(&mut pipe, revision), revision);
        assert_eq!(
            pipe.request(&request(1, "ping", &json!({})))["result"],
            json!({})
        );
        let listed = pipe.request(&request(2, "tools/list", &json!({})));
        let tool = &listed["result"]["tools"][0];
        assert_eq!(tool["name"], "greet", "{listed}");
        // Members that the session's older revision does not know are omitted.
        let knows_hints = revision != "2024-11-05";
        assert_eq!(tool.get("annotations").is_some(), knows_hints, "{tool}");
        let arguments = json!({ "x": 6, "y": 7 });
        let answer = pipe.request(&call("a", "multiply", arguments.clone(), json!({})));
        assert_eq!(answer["id"], "a");
        assert_eq!(product(&answer), "42");
        assert_eq!(answer["result"].get("resultType"), None, "{answer}");

        let answer = pipe.request(&call(3, "multiply", arguments, modern()));
        assert_eq!(product(&answer), "42");
        assert_eq!(answer["result"]["resultType"], "complete");
        let discovered = pipe.request(&request(
            4,
            "server/discover",
            &json!({ "_meta": modern() }),
        ));
        assert_eq!(
            discovered["result"]["supportedVersions"],
            json!(["2026-07-28"])
        );
    }
    let unknown = pipe.request(&call(5, "nothing", json!({}), modern()));
    assert_eq!(unknown["error"]["code"], -32602);
    let (rest, status, log) = pipe.close();
    assert_eq!(rest, [] as [Value; 0]);
    assert!(status.success(), "{status}\n{log}");
}

#[test]
fn answers_overtake_each_other_and_progress_is_immediate() {
    for meta in [json!({}), modern()] {
        let mut pipe = StdioClient::open(&Layer::of(["async-tools"]));
        let mut with_token = meta.clone();
        with_token["progressToken"] = json!("t");
        pipe.send(&call(1, "meet", json!({}), with_token));
        let notification = pipe.receive();
        assert_eq!(notification["method"], "notifications/progress");
        assert_eq!(
            notification["params"],
            json!({ "progressToken": "t", "progress": 1.0 })
        );
        let arguments = json!({ "text": "overtakes", "milliseconds": 0 });
        let overtaking = pipe.request(&call(2, "later", arguments, meta.clone()));
        assert_eq!(overtaking["id"], 2);

        let mut ids = [
            pipe.request(&call(3, "meet", json!({}), meta)),
            pipe.receive(),
        ]
        .map(|answer| answer["id"].as_i64());
        ids.sort_unstable();
        assert_eq!(ids, [Some(1), Some(3)]);
    }
}

#[test]
fn a_cancelled_call_is_not_answered() {
    for meta in [json!({}), modern()] {
        let mut pipe = StdioClient::open(&Layer::of(["async-tools"]));
        let mut with_token = meta.clone();
        with_token["progressToken"] = json!(1);
        pipe.send(&call("a", "withoutLimit", json!({}), with_token));
        assert_eq!(pipe.receive()["method"], "notifications/progress");
        pipe.send(&cancelled("another"));
        pipe.send(&cancelled("a"));
        pipe.wait_for_log("the tool was dropped");
        // Its id is free again.
        let arguments = json!({ "text": "next", "milliseconds": 0 });
        let next = pipe.request(&call("a", "later", arguments, meta));
        assert_eq!(next["result"]["content"][0]["text"], "next", "{next}");
        let (rest, status, log) = pipe.close();
        assert_eq!(rest, [] as [Value; 0]);
        assert!(status.success(), "{status}\n{log}");
    }
}

#[test]
fn messages_of_tools_reach_clients_that_ask_for_them() {
    let mut pipe = StdioClient::open(&Layer::of(["conformance"]));
    initialize(&mut pipe, "2025-11-25");
    let logging = |id: i64, meta: Value| call(id, "test_logging_tool", json!({}), meta);
    assert_eq!(
        pipe.request(&logging(1, json!({})))["id"],
        1,
        "nobody asked"
    );
    pipe.request(&request(2, "logging/setLevel", &json!({ "level": "info" })));
    let notification = pipe.request(&logging(3, json!({})));
    assert_eq!(notification["method"], "notifications/message");
    assert_eq!(notification["params"]["level"], "info");
    assert_eq!(pipe.receive()["id"], 3);

    let mut meta = modern();
    assert_eq!(
        pipe.request(&logging(4, meta.clone()))["id"],
        4,
        "not in this request"
    );
    meta["io.modelcontextprotocol/logLevel"] = json!("debug");
    assert_eq!(
        pipe.request(&logging(5, meta))["method"],
        "notifications/message"
    );
    assert_eq!(pipe.receive()["id"], 5);
}

#[test]
fn output_of_a_tool_does_not_mix_with_messages() {
    let mut pipe = StdioClient::open(&Layer::of(["prints"]));
    for (id, text) in ["a line\n", "no end of a line", "{\"jsonrpc\":\"2.0\"}\n"]
        .into_iter()
        .enumerate()
    {
        let answer = pipe.request(&call(id, "shout", json!({ "text": text }), modern()));
        assert_eq!(answer["id"], id, "{text:?}: {answer}");
    }
    let (rest, status, log) = pipe.close();
    assert_eq!(rest, [] as [Value; 0]);
    assert!(status.success(), "{status}");
    assert!(log.contains("no end of a line"), "{log}");
}

#[test]
fn an_invalid_message_is_refused_and_the_next_is_answered() {
    let mut pipe = StdioClient::open(&Layer::of(["custom-tools"]));
    for (line, code) in [
        ("hello", -32700),
        ("{\"jsonrpc\":\"2.0\",", -32700),
        ("1", -32600),
        ("[]", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
    ] {
        pipe.send_line(line);
        let answer = pipe.receive();
        assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
    }
    pipe.send_line("");
    pipe.send_line("  \r");
    assert_eq!(pipe.request(&request(1, "ping", &json!({})))["id"], 1);
    let long = "x".repeat(7 * 1024 * 1024);
    pipe.send_line(&long);
    assert_eq!(pipe.receive()["error"]["code"], -32600);
    assert_eq!(pipe.request(&request(2, "ping", &json!({})))["id"], 2);
}

#[test]
fn a_batch_is_answered_as_one_where_the_revision_has_batches() {
    let mut pipe = StdioClient::open(&Layer::of(["custom-tools"]));
    let batch = json!([
        request(1, "ping", &json!({})),
        { "jsonrpc": "2.0", "method": "notifications/initialized" },
        call(2, "multiply", json!({ "x": 6, "y": 7 }), json!({})),
        request(3, "nothing", &json!({})),
    ]);
    initialize(&mut pipe, "2025-11-25");
    assert_eq!(pipe.request(&batch)["error"]["code"], -32600);
    initialize(&mut pipe, "2025-03-26");
    let answers = pipe.request(&batch);
    let ids: Vec<_> = answers
        .as_array()
        .expect("a batch")
        .iter()
        .map(|answer| &answer["id"])
        .collect();
    assert_eq!(ids, [1, 2, 3], "{answers}");
    assert_eq!(answers[1]["result"]["content"][0]["text"], "42");
    assert_eq!(answers[2]["error"]["code"], -32601);
}

#[test]
fn the_end_of_stdin_ends_the_host_after_the_calls_under_way() {
    let mut pipe = StdioClient::open(&Layer::of(["async-tools"]));
    let arguments = json!({ "text": "last", "milliseconds": 200 });
    pipe.send(&call(1, "later", arguments, modern()));
    let (rest, status, log) = pipe.close();
    assert_eq!(rest.len(), 1, "{rest:?}\n{log}");
    assert_eq!(rest[0]["result"]["content"][0]["text"], "last");
    assert!(status.success(), "{status}\n{log}");
}

#[test]
fn the_end_of_stdin_ends_the_host_also_when_a_call_does_not_end() {
    let mut pipe = StdioClient::open(&Layer::of(["async-tools"]));
    pipe.send(&call(1, "withoutLimit", json!({}), json!({})));
    let (rest, status, log) = pipe.close();
    assert_eq!(rest, [] as [Value; 0]);
    assert!(status.success(), "{status}\n{log}");
    assert!(
        log.contains("shutdown timed out: calls were still in progress after 10 seconds"),
        "{log}"
    );
}

#[test]
fn a_signal_ends_the_host_after_the_calls_under_way() {
    let mut pipe = StdioClient::open(&Layer::of(["async-tools"]));
    let arguments = json!({ "text": "last", "milliseconds": 500 });
    pipe.send(&call(1, "later", arguments, modern()));
    // Lines are handled in their order.
    assert_eq!(pipe.request(&request(2, "ping", &json!({})))["id"], 2);
    pipe.terminate();
    // Sent before stdin is closed: after the end of stdin, a signal counts as the second one, and the host stops waiting.
    let last = pipe.receive();
    assert_eq!(last["result"]["content"][0]["text"], "last", "{last}");
    let (rest, status, log) = pipe.close();
    assert_eq!(rest, [] as [Value; 0], "{log}");
    assert!(status.success(), "{status}\n{log}");
}

#[test]
fn a_client_that_does_not_read_can_still_end_the_host() {
    let layer = Layer::of(["custom-tools"]);
    let mut host = Command::new(bootstrap())
        .arg("stdio")
        .env_clear()
        .env("MCP_PLUGIN_DIR", layer.plugin_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("bootstrap can be run");
    let mut stdin = host.stdin.take().expect("stdin is piped");
    let (sender, taken) = channel();
    // An invalid message is refused before the next line is read.
    let writing = std::thread::spawn(move || {
        while stdin.write_all(&b"hello\n".repeat(1000)).is_ok() {
            // The counter must not be used any more.
            let _ = sender.send(());
        }
    });
    while taken.recv_timeout(Duration::from_secs(1)).is_ok() {}
    let (id, begun) = (host.id().to_string(), Instant::now());
    // A second request to end means that the user does not want to wait.
    let status = loop {
        let _ = Command::new("kill").args(["-TERM", &id]).output();
        if let Some(status) = host.try_wait().expect("the child can be waited for") {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            let _ = host.kill();
            panic!("the host did not end");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{status}");
    writing.join().expect("the writing ended with the host");
}

#[test]
fn a_call_ends_in_time_and_a_tool_that_does_not_come_back_costs_its_own_plugin() {
    let layer = Layer::of(["sleeps", "async-tools"]);
    let mut pipe = StdioClient::open_with(&layer, &[("MCP_CALL_TIMEOUT_MS", "200")]);
    let refused = |answer: &Value, why: &str| {
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        assert!(
            result["isError"] == true && text.contains(why),
            "{why}: {answer}"
        );
    };
    let lifted = "the server allows 200 ms per call; the operator can raise MCP_CALL_TIMEOUT_MS";
    let nap = |meta: Value| call(2, "nap", json!({ "seconds": 600 }), meta);
    refused(&pipe.request(&nap(json!({}))), lifted);
    for meta in [json!({}), modern()] {
        let endless = call(1, "withoutLimit", json!({}), meta.clone());
        refused(&pipe.request(&endless), lifted);
        refused(&pipe.request(&nap(meta)), "not available at the moment");
    }
    let (rest, status, log) = pipe.close();
    assert_eq!(rest, [] as [Value; 0]);
    assert!(status.success(), "{status}\n{log}");
}

#[test]
fn a_call_over_the_limit_is_refused_and_others_can_be_cancelled() {
    let layer = Layer::of(["async-tools"]);
    let mut pipe = StdioClient::open_with(&layer, &[("MCP_MAX_CONCURRENT_CALLS", "1")]);
    let mut with_token = modern();
    with_token["progressToken"] = json!(1);
    pipe.send(&call("endless", "withoutLimit", json!({}), with_token));
    assert_eq!(pipe.receive()["method"], "notifications/progress");
    let later = || {
        let arguments = json!({ "text": "next", "milliseconds": 0 });
        call("later", "later", arguments, modern())
    };
    for _ in 0..500 {
        assert_eq!(pipe.request(&later())["error"]["code"], -32603);
    }
    let listed = pipe.request(&request(
        "list",
        "tools/list",
        &json!({ "_meta": modern() }),
    ));
    assert!(listed["result"]["tools"].is_array(), "{listed}");
    pipe.send(&cancelled("endless"));
    served_in_the_end(&mut pipe, &later());
    let (rest, status, log) = pipe.close();
    assert_eq!(rest, [] as [Value; 0]);
    assert!(status.success(), "{status}\n{log}");
    let refusals = log.matches("calls rejected").count();
    assert!((1..100).contains(&refusals), "{refusals} lines\n{log}");
}

#[test]
fn large_messages_fill_no_memory_and_small_ones_pass_them() {
    let mut pipe = StdioClient::open(&Layer::of(["async-tools"]));
    let mut large = modern();
    large["progressToken"] = json!(1);
    large["padding"] = "x".repeat(6 * 1024 * 1024 - 1000).into();
    for id in ["a", "b", "c", "d"] {
        pipe.send(&call(id, "withoutLimit", json!({}), large.clone()));
        assert_eq!(pipe.receive()["method"], "notifications/progress");
    }
    let refused = pipe.request(&call("e", "withoutLimit", json!({}), large.clone()));
    assert_eq!(refused["id"], "e");
    assert_eq!(refused["error"]["code"], -32603, "{refused}");
    let arguments = || json!({ "text": "next", "milliseconds": 0 });
    let small = pipe.request(&call("small", "later", arguments(), modern()));
    assert_eq!(small["result"]["content"][0]["text"], "next", "{small}");
    pipe.send(&cancelled("b"));
    served_in_the_end(&mut pipe, &call("f", "later", arguments(), large));
    for id in ["a", "c", "d"] {
        pipe.send(&cancelled(id));
    }
    let (rest, status, log) = pipe.close();
    assert_eq!(rest, [] as [Value; 0]);
    assert!(status.success(), "{status}\n{log}");
}

/// Sends a request until it is accepted.
fn served_in_the_end(pipe: &mut StdioClient, asked: &Value) {
    let begun = Instant::now();
    loop {
        let answer = pipe.request(asked);
        if answer["error"]["code"] != -32603 {
            assert_eq!(answer["result"]["content"][0]["text"], "next", "{answer}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_failed_start_is_reported_on_stderr_only() {
    let mut host = Command::new(bootstrap());
    host.arg("stdio")
        .env_clear()
        .env("MCP_PLUGIN_DIR", "/nowhere");
    let output = host.output().expect("bootstrap can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("error[PLUGIN_DIR_UNREADABLE]: "),
        "{stderr}"
    );
    assert_eq!(output.stdout, b"");
}

#[test]
fn the_documented_configuration_starts_a_server() {
    let layer = Layer::of(["custom-tools"]);
    let written = documents::code("docs/client/connecting.md", "Local clients", "json").join("\n");
    let configured: Value = serde_json::from_str(&written).expect("a configuration in JSON");
    let server = &configured["mcpServers"]["tools"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    // The content of the archives, unpacked into one folder.
    for (member, within) in [
        (&server["command"], "bootstrap"),
        (&server["env"]["MCP_PLUGIN_DIR"], "lib"),
    ] {
        assert_eq!(text(member), format!("/home/ada/mcp/{within}"), "{written}");
    }
    let args = server["args"].as_array().expect("arguments");
    let mut host = Command::new(bootstrap());
    host.args(args.iter().map(text)).env_clear();
    host.env("MCP_PLUGIN_DIR", layer.plugin_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut host = host.spawn().expect("bootstrap can be run");
    let mut stdin = host.stdin.take().expect("stdin is piped");
    let list = request(1, "tools/list", &json!({ "_meta": modern() }));
    writeln!(stdin, "{list}").expect("the host reads");
    drop(stdin);
    let output = host.wait_with_output().expect("the host ends");
    let listed: Value = serde_json::from_slice(&output.stdout).expect("one answer");
    assert_eq!(listed["result"]["tools"][0]["name"], "greet", "{listed}");
}
